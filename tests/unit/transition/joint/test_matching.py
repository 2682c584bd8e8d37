"""The assignment problem, against every permutation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.transition.joint.matching import best_columns


@st.composite
def weights(draw: st.DrawFn) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    num_rows = draw(st.integers(1, 5))
    num_columns = draw(st.integers(num_rows, 6))
    row = st.lists(st.integers(-6, 6), min_size=num_columns, max_size=num_columns)
    return np.array([draw(row) for _ in range(num_rows)], dtype=np.int64)


@given(weights())
def test_no_permutation_has_a_larger_sum(
    table: np.ndarray[tuple[int, int], np.dtype[np.int64]],
) -> None:
    num_rows, num_columns = table.shape
    columns = best_columns(table)
    best = max(
        sum(int(table[row, column]) for row, column in enumerate(chosen))
        for chosen in itertools.permutations(range(num_columns), num_rows)
    )
    assert len(set(columns)) == num_rows
    assert sum(int(table[row, column]) for row, column in enumerate(columns)) == best


def test_equal_weights_take_the_columns_in_order() -> None:
    assert best_columns(np.ones((3, 5), dtype=np.int64)) == [0, 1, 2]


def test_large_weights_stay_exact() -> None:
    large = 2**55
    table = np.array([[large + 1, large], [large + 1, large - 1]], dtype=np.int64)
    assert best_columns(table) == [1, 0]


def test_more_rows_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows need as many columns, found 2"):
        best_columns(np.zeros((3, 2), dtype=np.int64))
