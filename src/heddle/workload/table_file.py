"""Reads a CSV file into rows that know their line; the cells are still text.

Used by ``performance_file`` for heddle's own tables and by ``importers`` for other
programs' files. Python's csv module does the splitting; its errors are translated
here, as are unknown, missing and doubled columns.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from heddle.documents import read_text
from heddle.errors import InputError, Location, listed, nearest

#: A table larger than this is some other file.
MAX_TABLE_MIB = 64

#: The largest batch or count of processes, here and in a deployment.
_MAX_WHOLE = 1_000_000_000
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[-+]?[0-9]{1,12}(\.0*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its cells by column, without surrounding blanks."""

    cells: Mapping[str, str]
    file: Path
    line: int

    def location(self, column: str = "") -> Location:
        """Return the place of the row, or of one of its cells."""
        return Location(self.file, self.line, column)

    def fail(self, column: str, message: str) -> NoReturn:
        """Raise InputError at one cell."""
        raise InputError(message, self.location(column))

    def text(self, column: str) -> str:
        """Return a cell that is not empty."""
        cell = self.cells[column]
        if not cell:
            self.fail(column, "expected a word, found an empty cell")
        if not cell.isprintable():
            self.fail(column, f"expected a word on one line, found {cell!r}")
        return cell

    def decimal(self, column: str) -> Decimal:
        """Return a cell as the exact finite number that it spells."""
        cell = self.cells[column]
        if not _DECIMAL.fullmatch(cell):
            self.fail(column, f"expected a finite number, found {_quoted(cell)}")
        return Decimal(cell)

    def positive(self, column: str, most: float) -> Decimal:
        """Return a finite number above 0 and at most ``most``."""
        number = self.decimal(column)
        if number <= 0:
            self.fail(column, f"expected a number above 0, found {self.cells[column]}")
        if number > most:
            self.fail(column, f"expected a number of at most {most:g}, found {self.cells[column]}")
        return number

    def whole(self, column: str, least: int = 1) -> int:
        """Return a whole number of at least ``least``."""
        cell = self.cells[column]
        if not _WHOLE.fullmatch(cell):
            self.fail(column, f"expected a whole number, found {_quoted(cell)}")
        number = int(cell.partition(".")[0])
        if number < least:
            self.fail(column, f"expected a whole number of at least {least}, found {cell}")
        if number > _MAX_WHOLE:
            self.fail(column, f"expected a whole number of at most {_MAX_WHOLE:,}, found {cell}")
        return number


class Table:
    """The header of a CSV file and its rows.

    Blank lines are skipped, and lines that begin with ``#``, so that a table can
    cite its source.

    Raises
    ------
    InputError
        The file cannot be read, has no header or names a column twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = read_lines(path)
        self.header_line, columns = next(self._lines, (1, []))
        self.columns = tuple(columns)
        if not columns:
            raise InputError("the table is empty: it has no header", Location(path))
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            self.fail(f"column {twice[0]!r} stands twice")

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows that follow the header; once."""
        for line, cells in self._lines:
            if len(cells) != len(self.columns):
                raise InputError(
                    f"expected {len(self.columns)} cells, as the header has, found {len(cells)}",
                    Location(self.path, line),
                )
            yield Row(dict(zip(self.columns, cells, strict=True)), self.path, line)

    def fail(self, message: str) -> NoReturn:
        """Raise InputError at the header."""
        raise InputError(message, Location(self.path, self.header_line, "header"))

    def require(self, needed: Collection[str]) -> None:
        """Raise InputError unless every needed column is there."""
        missing = [column for column in needed if column not in self.columns]
        if missing:
            hint = nearest(missing[0], [c for c in self.columns if c not in needed])
            found = hint.replace("did you mean", "found") if hint else ""
            self.fail(f"missing column {missing[0]!r}{found}; needed: {listed(needed, 20)}")

    def allow_only(self, allowed: Collection[str]) -> None:
        """Raise InputError when there is a column that is not allowed."""
        unknown = [column for column in self.columns if column not in allowed]
        if unknown:
            hint = nearest(unknown[0], [c for c in allowed if c not in self.columns])
            self.fail(f"unknown column {unknown[0]!r}{hint}; allowed: {listed(allowed, 20)}")


def read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells, without surrounding blanks, of a CSV file.

    Blank lines and comments are left out. For files without a header; others are a
    :class:`Table`.
    """
    reader = csv.reader(_uncommented(read_text(path, MAX_TABLE_MIB)), strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise InputError(f"not valid CSV: {error}", Location(path, reader.line_num)) from error


def _uncommented(text: str) -> Iterator[str]:
    """Yield the lines, comments as blank ones: line numbers stay what they are."""
    for line in io.StringIO(text, newline=""):
        yield "\n" if line.startswith("#") else line


def _quoted(cell: str) -> str:
    if not cell:
        return "an empty cell"
    return repr(cell if len(cell) <= 60 else cell[:57] + "...")
