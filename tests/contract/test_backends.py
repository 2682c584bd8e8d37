"""What every device that runs kernels promises: no block lost, none run twice, queues in order.

Preemption comes at random moments; counts and orders are asserted, never times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from backend_rigs import RIGS, SIZES, Bench, Rig, policies_of
from heddle.errors import InputError
from heddle.runtime.core import constants as c
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.core.policies import needs_kill
from heddle.runtime.core.registration import QueueFullError, cancel

ALL = [(rig, policy) for rig in RIGS for policy in policies_of(rig)]
ENDING = [pair for pair in ALL if pair[1] != "rt-only"]
Open = Callable[..., Bench]


@pytest.fixture
def opened() -> Iterator[Open]:
    benches: list[Bench] = []

    def opening(rig: Rig, policy: str = "block-edge") -> Bench:
        options = BackendOptions(policy, is_recording=True, record_until_ns=1 << 62, sizes=SIZES)
        benches.append(Bench(rig.open(options), rig))
        return benches[-1]

    yield opening
    for bench in benches:
        bench.backend.close()


@pytest.fixture(params=list(RIGS))
def rig(request: pytest.FixtureRequest) -> Rig:
    made: Rig = RIGS[request.param]()
    return made


def mixed(rig: Rig, seed: int, contract: int = c.EXACT_RESUME) -> list[Kernel]:
    draw = np.random.default_rng(seed)
    sizes = [int(draw.choice([0, 1, 2, 7, 60])) for _ in range(5)]
    return [rig.kernel(blocks, contract=contract) for blocks in sizes]


@pytest.mark.parametrize(("name", "policy"), ENDING)
def test_no_block_is_lost_or_run_twice_under_random_preemption(
    name: str, policy: str, opened: Open
) -> None:
    rig = RIGS[name]()
    bench = opened(rig, policy)
    contract = c.REPLAY_SAFE if needs_kill(policy) else c.EXACT_RESUME
    urgent, patient = bench.queue(c.RT), [bench.queue(c.BE), bench.queue(c.BE)]
    short = bench.program([rig.kernel(3), rig.kernel(0), rig.kernel(1)])
    long = [bench.program(mixed(rig, 3 + place, contract)) for place in range(2)]
    draw = np.random.default_rng(7)
    tasks = [bench.submit(queue, long[place]) for place, queue in enumerate(patient) for _ in "ab"]
    due_ns = np.sort(draw.integers(0, 3_000_000, 30))
    tasks += [bench.submit(urgent, short, int(each)) for each in due_ns]
    bench.wait(tasks)
    assert set(bench.states(tasks)) == {c.FINISHED}
    counts = bench.backend.board.counts
    assert counts.blocks_run[0] == bench.blocks_of(tasks)
    assert all(set(times.values()) == {1} for times in bench.how_often().values())
    assert sum(len(times) for times in bench.how_often().values()) == counts.blocks_run[0]


@pytest.mark.parametrize(("name", "policy"), ALL)
def test_tasks_of_one_queue_run_one_after_the_other(name: str, policy: str, opened: Open) -> None:
    rig = RIGS[name]()
    bench = opened(rig, policy)
    queue = bench.queue(c.RT)
    program = bench.program([rig.kernel(5), rig.kernel(2)])
    tasks = [bench.submit(queue, program) for _ in range(20)]
    bench.wait(tasks)
    rows = bench.backend.board.tasks
    assert bench.ended == tasks
    assert all(rows.begun_ns[b] >= rows.ended_ns[a] for a, b in pairwise(tasks))


def test_kernels_without_blocks_and_with_one_end_in_order(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    program = bench.program([rig.kernel(0), rig.kernel(1), rig.kernel(0), rig.kernel(0)])
    nothing = bench.program([rig.kernel(0)])
    urgent, patient = bench.queue(c.RT), bench.queue(c.BE)
    tasks = [bench.submit(queue, row) for queue in (urgent, patient) for row in (program, nothing)]
    bench.wait(tasks)
    assert set(bench.states(tasks)) == {c.FINISHED}
    assert bench.backend.board.counts.blocks_run[0] == 2


def test_ten_thousand_tasks_can_wait_and_all_of_them_run(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    program = bench.program([rig.kernel(1, spins=1)])
    queue = bench.queue(c.BE, capacity=10_000)
    tasks = [bench.submit(queue, program) for _ in range(10_000)]
    bench.wait(tasks)
    assert bench.backend.board.counts.blocks_run[0] == 10_000
    assert bench.ended == tasks


def test_a_full_queue_refuses_and_takes_again_when_a_task_is_over(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    program = bench.program([rig.kernel(1)])
    queue = bench.queue(c.BE, capacity=2)
    ahead_ns = 50_000_000
    tasks = [bench.submit(queue, program, ahead_ns) for _ in range(2)]
    with pytest.raises(QueueFullError, match="2 tasks wait") as refused:
        bench.submit(queue, program)
    assert refused.value.is_retryable
    bench.wait(tasks)
    bench.wait([bench.submit(queue, program)])


def test_the_tasks_of_a_client_that_is_gone_end_as_cancelled(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    program = bench.program([rig.kernel(2000, spins=200) for _ in range(20)])
    gone, stays = bench.queue(c.BE), bench.queue(c.RT)
    tasks = [bench.submit(gone, program) for _ in range(3)]
    other = bench.submit(stays, bench.program([rig.kernel(4)]), 1000)
    bench.wait([other])
    for task in tasks:
        cancel(bench.backend.board, task)
    bench.wait(tasks)
    assert set(bench.states(tasks)) == {c.CANCELLED}
    assert bench.backend.board.counts.blocks_run[0] < bench.blocks_of(tasks)
    later = bench.submit(gone, bench.program([rig.kernel(3)]))
    bench.wait([later])
    assert bench.states([later]) == [c.FINISHED]


def test_padding_of_a_real_time_client_that_is_gone_goes_on(rig: Rig, opened: Open) -> None:
    bench = opened(rig, "block-edge-padding")
    long = bench.program([rig.kernel(2, spins=400) for _ in range(60)])
    patient = [bench.submit(bench.queue(c.BE), bench.program(mixed(rig, 5))) for _ in "ab"]
    urgent = bench.submit(bench.queue(c.RT), long)
    cancel(bench.backend.board, urgent)
    bench.wait([urgent, *patient])
    assert bench.states([urgent])[0] in (c.CANCELLED, c.FINISHED)
    assert set(bench.states(patient)) == {c.FINISHED}
    later = bench.submit(bench.queue(c.RT), bench.program([rig.kernel(3)]))
    bench.wait([later])
    assert bench.states([later]) == [c.FINISHED]


def test_best_effort_work_does_not_run_under_rt_only(rig: Rig, opened: Open) -> None:
    bench = opened(rig, "rt-only")
    program = bench.program([rig.kernel(3)])
    waits = bench.submit(bench.queue(c.BE), program)
    bench.wait([bench.submit(bench.queue(c.RT), program)])
    assert bench.states([waits])[0] not in (c.FINISHED, c.FAILED)
    assert bench.backend.board.counts.blocks_run[0] == 3


def test_rows_of_launches_are_recycled_without_a_trace(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    program = bench.program([rig.kernel(1, spins=1) for _ in range(25)])
    urgent, patient = bench.queue(c.RT), bench.queue(c.BE)
    tasks = [bench.submit(queue, program) for _ in range(100) for queue in (urgent, patient)]
    bench.wait(tasks)
    counts = bench.backend.board.counts
    assert counts.launches[0] >= 5000 > SIZES.launches
    assert counts.blocks_run[0] == bench.blocks_of(tasks) == 5000


def test_real_time_work_goes_first_where_both_wait(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    ahead_ns = 5_000_000
    program = bench.program([rig.kernel(400)])
    patient = bench.submit(bench.queue(c.BE), program, ahead_ns)
    urgent = bench.submit(bench.queue(c.RT), program, ahead_ns)
    bench.wait([patient, urgent])
    assert bench.ended == [urgent, patient]


def test_closing_again_is_harmless(rig: Rig, opened: Open) -> None:
    bench = opened(rig)
    bench.submit(bench.queue(c.BE), bench.program([rig.kernel(1000)]))
    bench.backend.close()
    bench.backend.close()


def test_a_policy_that_kills_is_refused_by_a_device_that_cannot(opened: Open) -> None:
    with pytest.raises(InputError, match="kills running blocks"):
        opened(RIGS["cpu"](), "reef")


def test_a_name_that_no_network_has_is_refused(rig: Rig, opened: Open) -> None:
    with pytest.raises(InputError):
        opened(rig).backend.add_network("no-such-network")
