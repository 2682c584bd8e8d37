"""When requests are due."""

from __future__ import annotations

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.workload.disb.arrivals import due_times, newest_due, phase_shifts
from heddle.workload.disb.names import network_of
from heddle.workload.disb.workload import (
    Continuous,
    DisbClient,
    DisbWorkload,
    Load,
    Periodic,
    Poisson,
    Trace,
)

MS = 1_000_000


def client(load: Load, name: str = "a_rt") -> DisbClient:
    return DisbClient(name, "vgg", is_real_time=True, load=load)


def test_a_period_begins_with_its_shift_and_ends_before_the_end() -> None:
    times = due_times(client(Periodic(100.0)), 0.05, seed=0, shift_ns=3 * MS)
    assert list(times) == [3 * MS, 13 * MS, 23 * MS, 33 * MS, 43 * MS]
    assert len(due_times(client(Periodic(100.0)), 1.0, seed=0)) == 100


def test_a_shift_beyond_the_end_leaves_nothing() -> None:
    assert len(due_times(client(Periodic(10.0)), 0.01, seed=0, shift_ns=20 * MS)) == 0


def test_poisson_arrivals_are_sorted_inside_and_repeatable() -> None:
    load = Poisson(200.0)
    times = due_times(client(load), 5.0, seed=7)
    assert np.all(np.diff(times) >= 0)
    assert times[0] >= 0
    assert times[-1] < 5_000 * MS
    assert 800 < len(times) < 1200
    assert np.array_equal(times, due_times(client(load), 5.0, seed=7))
    assert not np.array_equal(times[:5], due_times(client(load), 5.0, seed=8)[:5])
    assert not np.array_equal(times[:5], due_times(client(load, "b_rt"), 5.0, seed=7)[:5])


def test_a_trace_is_cut_at_the_end() -> None:
    assert list(due_times(client(Trace((1.5, 20.0, 300.0))), 0.1, seed=0)) == [1_500_000, 20 * MS]


def test_a_closed_loop_has_no_times() -> None:
    assert len(due_times(client(Continuous()), 1.0, seed=0)) == 0


def test_a_mistake_in_a_unit_is_refused() -> None:
    with pytest.raises(InputError, match="more than"):
        due_times(client(Periodic(1e6)), 86_400.0, seed=0)


def test_equal_periods_of_priority_zero_take_turns() -> None:
    loads = {"a": Periodic(20.0), "b": Periodic(20.0), "c": Periodic(10.0), "d": Periodic(20.0, 1)}
    clients = tuple(client(load, name) for name, load in loads.items())
    alone_ns = {"a": 4 * MS, "b": 6 * MS, "c": 9 * MS, "d": 1 * MS}
    shifts = phase_shifts(DisbWorkload("w", 1.0, clients), alone_ns)
    assert shifts == {"a": 0, "b": 4 * MS, "c": 0}


def test_who_is_late_takes_the_newest_that_is_due() -> None:
    times = np.array([0, 10, 20, 30], dtype=np.int64)
    assert newest_due(times, 1, 5) == 1
    assert newest_due(times, 1, 10) == 1
    assert newest_due(times, 1, 25) == 2
    assert newest_due(times, 1, 99) == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [("vgg19-imagenet", "vgg"), ("vgg", "vgg"), ("distilbert", "bert"), ("gpt", "")],
)
def test_a_network_is_known_by_its_other_names(name: str, expected: str) -> None:
    assert network_of(name, ("vgg", "bert")) == expected
