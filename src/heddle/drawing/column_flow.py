"""Rows that flow into columns, like text in a newspaper.

``gpu_panel`` places headings and bars with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_ROUNDING = 0.01


class Row(NamedTuple):
    """The height of a row, and whether it is a heading, which stays with the next row."""

    height: float
    is_heading: bool = False


class Place(NamedTuple):
    """The column of a row, counted from 0, and its distance from the column's top."""

    column: int
    y: float


class ColumnFlow:
    """Rows in columns of one height; a column that begins without a heading leaves its room free.

    Parameters
    ----------
    rows
        At least one, in order.
    indent
        Where a column begins whose first row is no heading.
    """

    def __init__(self, rows: Sequence[Row], indent: float) -> None:
        self._rows = rows
        self._indent = indent

    def places(self, height: float) -> list[Place]:
        """Return the place of each row in columns of that height, each with a row at least."""
        places: list[Place] = []
        column, y = 0, 0.0
        for row, following in zip(self._rows, [*self._rows[1:], None], strict=True):
            needed = row.height + (following.height if row.is_heading and following else 0.0)
            if places and places[-1].column == column and y + needed > height + _ROUNDING:
                column, y = column + 1, 0.0 if row.is_heading else self._indent
            places.append(Place(column, y))
            y += row.height
        return places

    def num_columns(self, height: float) -> int:
        """Return how many columns of that height the rows take."""
        return self.places(height)[-1].column + 1

    def balanced_height(self, columns: int, max_height: float) -> float:
        """Return a small height at which so many columns do, at most ``max_height``."""
        height = sum(row.height for row in self._rows) / columns
        step = min(row.height for row in self._rows) / 2
        while height < max_height and self.num_columns(height) > columns:
            height += step
        return min(height, max_height)
