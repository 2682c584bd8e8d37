"""Least squares with coefficients that are never negative.

``round_law`` adds up physical bottlenecks; a bottleneck takes time or does not
exist, so its coefficient is at least zero, and that alone makes every prediction
monotone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A correlation with the residual below this is rounding noise (columns have length 1).
_TOLERANCE = 1e-10


def nonnegative_least_squares(matrix: Floats, target: Floats) -> Floats:
    """Return ``x >= 0`` that minimises ``|matrix @ x - target|``.

    Parameters
    ----------
    matrix
        Float (rows, columns); columns may depend on one another.
    target
        Float (rows,).

    Notes
    -----
    The active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974,
    chapter 23) on columns scaled to length 1. Each outer round lowers the residual,
    so no set of columns comes back; the number of rounds is bounded all the same.
    """
    lengths = np.linalg.norm(matrix, axis=0)
    scale = np.where(lengths > 0, lengths, 1.0)
    unit = matrix / scale
    num_columns = matrix.shape[1]
    free = np.zeros(num_columns, dtype=bool)
    x = np.zeros(num_columns)
    least = _TOLERANCE * max(float(np.linalg.norm(target)), 1.0)
    for _ in range(3 * num_columns + 1):
        pull = np.where(free, -np.inf, unit.T @ (target - unit @ x))
        if pull.max(initial=-np.inf) <= least:
            break
        free[int(pull.argmax())] = True
        x = _feasible_step(unit, target, x, free)
    return x / scale


def _feasible_step(unit: Floats, target: Floats, x: Floats, free: NDArray[np.bool_]) -> Floats:
    """Solve on the free columns; drop those that would turn negative, until none does."""
    while True:
        wanted = np.zeros_like(x)
        wanted[free] = np.linalg.lstsq(unit[:, free], target, rcond=None)[0]
        falling = free & (wanted <= 0)
        if not falling.any():
            return wanted
        drop = x[falling] - wanted[falling]
        step = float(np.min(np.divide(x[falling], drop, out=np.zeros_like(drop), where=drop > 0)))
        x = x + step * (wanted - x)
        free &= ~(falling & (x <= _TOLERANCE))
        x = np.where(free, x, 0.0)
