"""When requests are due."""

from pathlib import Path

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.serving.load.arrivals import constant, from_trace, poisson


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def trace(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    return path


def test_constant_arrivals_have_equal_distances_from_zero() -> None:
    assert constant(4.0, 1.0).tolist() == [0.0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_are_sorted_and_within_the_duration() -> None:
    due = poisson(100.0, 5.0, generator())
    assert (np.diff(due) >= 0).all()
    assert 0.0 <= due[0] <= due[-1] < 5.0
    assert 400 < len(due) < 600


def test_the_same_seed_gives_the_same_arrivals() -> None:
    assert (poisson(50.0, 2.0, generator()) == poisson(50.0, 2.0, generator())).all()


def test_every_row_of_a_trace_is_a_request(tmp_path: Path) -> None:
    path = trace(tmp_path, "at_s\n0\n0.5\n0.5\n2\n")
    assert from_trace(path, generator()).tolist() == [0.0, 0.5, 0.5, 2.0]


def test_a_trace_of_rates_has_poisson_arrivals_in_each_part(tmp_path: Path) -> None:
    due = from_trace(trace(tmp_path, "at_s,rate_rps\n0,100\n5,0\n10,200\n15,0\n"), generator())
    assert 400 < (due < 5).sum() < 600
    assert ((due >= 5) & (due < 10)).sum() == 0
    assert 850 < (due >= 10).sum() < 1150
    assert due[-1] < 15


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at_s\n1\n0.5\n", "times must not go back"),
        ("at_s\n-1\n", "expected a number from 0"),
        ("at_s\n", "a row for every request, found none"),
        ("at_s,rate_rps\n0,5\n", "at least two rows"),
        ("at_s,rate_rps\n0,1e9\n1000,0\n", "ask for a lower rate"),
        ("time,rate_rps\n0,5\n", "unknown column"),
    ],
)
def test_a_trace_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_trace(trace(tmp_path, text), generator())
