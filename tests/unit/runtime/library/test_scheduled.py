"""Replaying a schedule of durations: blocks take their time and count themselves."""

from __future__ import annotations

import pytest

from heddle.clock import WallClock
from heddle.errors import InputError
from heddle.runtime.library.scheduled import ScheduledKernel, schedule

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")


def test_every_block_counts_its_runs() -> None:
    program = schedule("three", [ScheduledKernel("a", 4, 10), ScheduledKernel("b", 0, 10)])
    program.run_here()
    program.bound_kernels[0].run(2, 3)
    assert [counts.tolist() for counts in program.runs()] == [[1, 1, 2, 1], []]


def test_a_block_takes_at_least_its_time() -> None:
    program = schedule("long", [ScheduledKernel("a", 5, 2_000_000)])
    clock = WallClock()
    before_s = clock.now_s()
    program.run_here()
    assert clock.now_s() - before_s >= 5 * 0.002


def test_a_schedule_says_what_it_is() -> None:
    program = schedule("vgg", [ScheduledKernel("conv1", 3, 0)])
    assert program.name == "vgg (schedule)"
    assert [(kernel.name, kernel.blocks) for kernel in program.kernels] == [("conv1", 3)]


@pytest.mark.parametrize("kernel", [ScheduledKernel("a", -1, 5), ScheduledKernel("a", 1, -5)])
def test_negative_times_and_sizes_are_refused(kernel: ScheduledKernel) -> None:
    with pytest.raises(InputError, match="0 or more are needed"):
        schedule("bad", [kernel])
