"""Aligned tables for a terminal; everything heddle prints in columns goes through here.

Widths are those of a terminal: a wide East Asian character takes two cells, a
combining one none. The other modules of ``drawing`` fill the tables.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_GAP = "  "
_ELLIPSIS = "…"


class Align(Enum):
    """To which side the cells of a column go: text left, numbers right."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, its alignment, and the most cells it may take (None: no limit)."""

    heading: str
    align: Align = Align.LEFT
    max_width: int | None = None


def number_column(heading: str) -> Column:
    """Return a right-aligned column."""
    return Column(heading, Align.RIGHT)


def cell_width(text: str) -> int:
    """Return how many terminal cells the text takes."""
    return sum(_glyph_cells(glyph) for glyph in text)


def capped(text: str, max_width: int | None) -> str:
    """Return the text, or its beginning and an ellipsis in at most ``max_width`` cells."""
    if max_width is None or cell_width(text) <= max_width:
        return text
    kept = ""
    for glyph in text:
        if cell_width(kept + glyph) > max_width - 1:
            break
        kept += glyph
    return kept.rstrip() + _ELLIPSIS


def table_text(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], max_rows: int | None = None
) -> str:
    """Return headings, a rule and the rows, without a final line break.

    Parameters
    ----------
    rows
        Cells in the order of ``columns``; line breaks and other control characters
        in them are shown as spaces.
    max_rows
        Leave out what comes after so many rows and say how many that are.
    """
    shown = rows if max_rows is None or len(rows) <= max_rows else rows[:max_rows]
    cells = [
        [_printable(cell, column) for cell, column in zip(row, columns, strict=True)]
        for row in shown
    ]
    headings = [column.heading for column in columns]
    widths = [max(map(cell_width, stack)) for stack in zip(headings, *cells, strict=True)]
    lines = [
        _line(headings, columns, widths),
        _GAP.join("─" * width for width in widths),
        *(_line(row, columns, widths) for row in cells),
    ]
    if len(shown) < len(rows):
        lines.append(more_text(len(rows) - len(shown)))
    return "\n".join(lines)


def more_text(num_left_out: int, noun: str = "") -> str:
    """Return ``… and 31 more``, with a noun ``… and 31 more services``."""
    return f"… and {num_left_out:,} more {noun}".rstrip()


def _printable(cell: str, column: Column) -> str:
    visible = "".join(" " if unicodedata.category(glyph) == "Cc" else glyph for glyph in cell)
    return capped(visible, column.max_width)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = (
        _padded(cell, column.align, width)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _padded(text: str, align: Align, width: int) -> str:
    space = " " * (width - cell_width(text))
    return space + text if align is Align.RIGHT else text + space


def _glyph_cells(glyph: str) -> int:
    if unicodedata.combining(glyph) or unicodedata.category(glyph) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(glyph) in "WF" else 1
