"""Streams of the cpu device under crowding: no block lost or run twice, whoever passes the edge.

Several workers share one core with each other, so that the system stops them at places that no
schedule would choose; every seed draws other kernels, arrivals, failures and cancellations.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from backend_rigs import SIZES, Bench
from cpu_kernels import Bodies, fail_block
from heddle.runtime.core import constants as c
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.core.registration import cancel
from heddle.runtime.workers.backend import CpuBackend
from heddle.runtime.workers.threads import Places

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")
if len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs two cores: a dispatcher and workers", allow_module_level=True)

_POLICIES = ("block-edge", "block-edge-padding", "multistream", "priority", "wait", "orion")
_WORKERS = 3


@pytest.fixture(params=range(6))
def stress(request: pytest.FixtureRequest) -> Iterator[Stress]:
    made = Stress(request.param)
    yield made
    made.bench.backend.close()


@dataclass
class Stress:
    """A crowded device and what was drawn for it."""

    seed: int
    bodies: Bodies = field(default_factory=Bodies)
    counters: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draw = np.random.default_rng(self.seed)
        first, second = sorted(os.sched_getaffinity(0))[:2]
        options = BackendOptions(_POLICIES[self.seed % len(_POLICIES)], sizes=SIZES)
        self.bench = Bench(CpuBackend(options, places=Places(first, (second,) * _WORKERS)))

    def program(self, num_kernels: int) -> int:
        """Kernels of random sizes, each with counters of its own; some have no blocks."""
        kernels, counters = [], []
        for blocks in self.draw.choice([0, 1, 1, 2, 3, 7, 40], num_kernels):
            kernel, counted = self.bodies.counted(int(blocks), int(self.draw.choice([1, 50])))
            kernels.append(kernel)
            counters.append(counted[:blocks])
        row = self.bench.program(kernels)
        self.counters[row] = counters
        return row

    def failing(self) -> int:
        """A program whose second kernel fails; the third must never run."""
        assert isinstance(self.bench.backend, CpuBackend)
        fault = np.zeros(1, dtype=np.int64)
        before, _ = self.bodies.counted(2)
        after, counted = self.bodies.counted(3)
        failing = self.bodies.kernel(fail_block, 6, [fault, 3])
        row = self.bench.backend.add_kernels([before, failing, after], [None, fault, None])
        self.counters[row] = [counted]
        return row

    def due_ns(self, count: int) -> list[int]:
        return sorted(int(each) for each in self.draw.integers(0, 4_000_000, count))


def test_crowded_workers_run_every_block_once(stress: Stress) -> None:
    bench = stress.bench
    urgent, patient = bench.queue(c.RT), [bench.queue(c.BE), bench.queue(c.BE, window=40)]
    short, long = stress.program(4), [stress.program(12) for _ in patient]
    tasks = [bench.submit(urgent, short, each) for each in stress.due_ns(25)]
    tasks += [
        bench.submit(queue, long[place]) for place, queue in enumerate(patient) for _ in "abc"
    ]
    bench.wait(tasks)
    assert set(bench.states(tasks)) == {c.FINISHED}
    assert bench.backend.board.counts.blocks_run[0] == bench.blocks_of(tasks)
    for program, times in ((short, 25), *((row, 3) for row in long)):
        for counted in stress.counters[program]:
            assert set(counted) <= {times}


def test_nothing_behind_a_kernel_that_fails_runs_and_other_tasks_do(stress: Stress) -> None:
    bench = stress.bench
    queue, other = bench.queue(c.BE, window=8), bench.queue(c.RT)
    broken, whole = stress.failing(), stress.program(5)
    failed = [bench.submit(queue, broken)]
    tasks = [bench.submit(queue, whole) for _ in range(3)]
    tasks += [bench.submit(other, whole, each) for each in stress.due_ns(10)]
    bench.wait([*failed, *tasks])
    assert bench.states(failed) == [c.FAILED]
    assert set(bench.states(tasks)) == {c.FINISHED}
    assert [int(each.sum()) for each in stress.counters[broken]] == [0]
    assert all(set(each) <= {13} for each in stress.counters[whole])


def test_cancelled_tasks_leave_and_those_behind_them_run_whole(stress: Stress) -> None:
    bench = stress.bench
    queue = bench.queue(c.BE, window=16)
    gone, stays = stress.program(30), stress.program(6)
    unwanted = [bench.submit(queue, gone) for _ in range(3)]
    tasks = [bench.submit(queue, stays) for _ in range(2)]
    for task in unwanted:
        cancel(bench.backend.board, task)
    bench.wait([*unwanted, *tasks])
    assert set(bench.states(unwanted)) <= {c.CANCELLED, c.FINISHED}
    assert set(bench.states(tasks)) == {c.FINISHED}
    assert all(set(each) <= {2} for each in stress.counters[stays])
    assert all(set(each) <= {0, 1, 2, 3} for each in stress.counters[gone])


def test_a_stream_of_kernels_without_blocks_ends(stress: Stress) -> None:
    bench = stress.bench
    queues = [bench.queue(c.RT), bench.queue(c.BE, window=3)]
    nothing = bench.program([Kernel("nothing", 0)] * 40)
    tasks = [bench.submit(queue, nothing) for queue in queues for _ in "ab"]
    bench.wait(tasks)
    assert set(bench.states(tasks)) == {c.FINISHED}
