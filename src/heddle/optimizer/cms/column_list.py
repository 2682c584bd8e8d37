"""Columns of a linear program, gathered one by one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from heddle.linear_program import INFINITY, Columns


class ColumnList:
    """Collects sparse columns; every one has the lower bound 0."""

    def __init__(self) -> None:
        self._cost: list[float] = []
        self._upper: list[float] = []
        self._starts: list[int] = []
        self._rows: list[int] = []
        self._values: list[float] = []

    def __len__(self) -> int:
        return len(self._cost)

    def add(
        self, cost: float, entries: Iterable[tuple[int, float]], upper: float = INFINITY
    ) -> None:
        """Append a column with these (row, value) entries; zeros are left out."""
        self._cost.append(cost)
        self._upper.append(upper)
        self._starts.append(len(self._rows))
        for row, value in entries:
            if value:
                self._rows.append(row)
                self._values.append(float(value))

    def columns(self) -> Columns:
        """Return what was gathered."""
        return Columns(
            cost=np.array(self._cost, dtype=np.float64),
            lower=np.zeros(len(self._cost)),
            upper=np.array(self._upper, dtype=np.float64),
            starts=np.array(self._starts, dtype=np.int32),
            rows=np.array(self._rows, dtype=np.int32),
            values=np.array(self._values, dtype=np.float64),
        )
