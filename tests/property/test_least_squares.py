"""Non-negative least squares against every choice of free columns."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from heddle.workload.least_squares import nonnegative_least_squares

Floats = NDArray[np.float64]
ENTRIES = st.integers(-6, 6).map(float)


def best_residual(matrix: Floats, target: Floats) -> float:
    """The least squared residual over all sets of columns with a non-negative solution."""
    best = float(target @ target)
    for size in range(1, matrix.shape[1] + 1):
        for chosen in itertools.combinations(range(matrix.shape[1]), size):
            part = matrix[:, list(chosen)]
            x = np.linalg.lstsq(part, target, rcond=None)[0]
            if (x >= 0).all():
                best = min(best, float(((part @ x - target) ** 2).sum()))
    return best


@given(
    arrays.arrays(np.float64, (6, 4), elements=ENTRIES),
    arrays.arrays(np.float64, 6, elements=ENTRIES),
)
def test_the_residual_is_the_least_of_all_non_negative_ones(matrix: Floats, target: Floats) -> None:
    x = nonnegative_least_squares(matrix, target)
    assert (x >= 0).all()
    residual = float(((matrix @ x - target) ** 2).sum())
    assert abs(residual - best_residual(matrix, target)) <= 1e-6 * (1 + residual)
