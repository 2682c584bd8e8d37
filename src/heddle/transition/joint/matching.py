"""The assignment problem: every row gets a column of its own, for the largest sum.

Shortest augmenting paths with potentials (Kuhn and Munkres; the form with one path per
row). Whole numbers throughout, so the answer is exact. Called by ``placement`` with
configurations as rows and GPUs as columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_FAR = np.iinfo(np.int64).max // 4


def best_columns(weights: Ints) -> list[int]:
    """Return the column of every row, with the largest possible sum of weights.

    Parameters
    ----------
    weights
        int64 (rows, columns), with at least as many columns as rows and entries of at
        most 2^57 in size.

    Ties go to a column that is free, then to the lower one, row by row, so the answer is
    always the same.
    """
    num_rows, num_columns = weights.shape
    if num_rows > num_columns:
        raise ValueError(f"{num_rows} rows need as many columns, found {num_columns}")
    matching = _Matching(-weights)
    for row in matching.begin():
        matching.add(row)
    columns = [0] * num_rows
    for column, row in enumerate(matching.row_of.tolist()):
        if row >= 0:
            columns[row] = column
    return columns


class _Matching:
    """Rows matched so far, at the least cost, with potentials that prove it."""

    def __init__(self, cost: Ints) -> None:
        self._cost = cost
        self._of_row = cost.min(axis=1)
        self._of_column = np.zeros(cost.shape[1], dtype=np.int64)
        self.row_of = np.full(cost.shape[1], -1, dtype=np.int64)

    def begin(self) -> list[int]:
        """Match rows with a cheapest column while it is free; return the other rows."""
        left = []
        for row in range(self._cost.shape[0]):
            is_cheapest = (self._cost[row] == self._of_row[row]) & (self.row_of < 0)
            column = int(is_cheapest.argmax())
            if is_cheapest[column]:
                self.row_of[column] = row
            else:
                left.append(row)
        return left

    def add(self, row: int) -> None:
        """Match one more row along the cheapest augmenting path."""
        num_columns = self._cost.shape[1]
        distance = np.full(num_columns, _FAR, dtype=np.int64)
        before = np.full(num_columns, -1, dtype=np.int64)
        is_open = np.ones(num_columns, dtype=bool)
        is_taken = self.row_of >= 0
        #: Twice the distance of open columns, and one more where a row would have to move.
        rank = np.full(num_columns, 2 * _FAR, dtype=np.int64)
        visited: list[int] = []
        current, column, reached = row, -1, 0
        while True:
            through = self._cost[current] - self._of_row[current] - self._of_column + reached
            closer = is_open & (through < distance)
            distance[closer] = through[closer]
            before[closer] = column
            rank[closer] = 2 * through[closer] + is_taken[closer]
            column = int(rank.argmin())
            reached = int(distance[column])
            is_open[column] = False
            rank[column] = 2 * _FAR
            if self.row_of[column] < 0:
                break
            visited.append(column)
            current = int(self.row_of[column])
        self._raise(row, visited, distance, reached)
        while column >= 0:
            previous = int(before[column])
            self.row_of[column] = row if previous < 0 else self.row_of[previous]
            column = previous

    def _raise(self, row: int, visited: list[int], distance: Ints, reached: int) -> None:
        """Change the potentials so that the path costs nothing and nothing costs less."""
        self._of_row[row] += reached
        columns = np.array(visited, dtype=np.int64)
        self._of_row[self.row_of[columns]] += reached - distance[columns]
        self._of_column[columns] -= reached - distance[columns]
