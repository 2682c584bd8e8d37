"""What each policy says on boards in known states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.runtime.core import constants as c
from heddle.runtime.core import reasons
from heddle.runtime.core.board import Board, Device
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.operations import Operation, Operations, listed
from heddle.runtime.core.policies import POLICIES, decide, limits_of, needs_kill
from heddle.runtime.core.registration import add_kernel, add_program, add_queue, submit
from heddle.runtime.core.status import status_of
from heddle.runtime.core.turn import turn
from scripted_gpu import GPU, ScriptedGpu, board_for


@dataclass
class Case:
    """A board with one client of each kind, and a device that obeys when told."""

    policy: str
    device: Device = GPU
    rt: dict[str, Any] = field(default_factory=dict)
    be: dict[str, Any] = field(default_factory=dict)
    num_kernels: int = 3

    def __post_init__(self) -> None:
        self.board: Board = board_for(self.policy, self.device)
        self.gpu = ScriptedGpu(self.board)
        self.rt_queue = self._client(c.RT, {"blocks": 2, "duration_ns": 1000, **self.rt})
        self.be_queue = self._client(c.BE, {"blocks": 64, "duration_ns": 800, **self.be})

    def _client(self, kind: int, kernel: dict[str, Any]) -> int:
        waves = (kernel["duration_ns"] // 4,) if kernel["duration_ns"] else ()
        one = Kernel("one", **{"wave_ns": waves, **kernel})
        rows = [add_kernel(self.board, one) for _ in range(self.num_kernels)]
        queue = add_queue(self.board, QueueSpec(kind))
        self.programs = {**getattr(self, "programs", {}), queue: add_program(self.board, rows)}
        return queue

    def arrive(self, queue: int) -> int:
        """A task of the client arrives now."""
        return submit(self.board, queue, self.programs[queue], self.gpu.now_ns)

    def be_then_rt(self) -> None:
        """Best-effort work is in flight when a real-time task arrives; nothing is decided yet."""
        self.arrive(self.be_queue)
        self.gpu.turn()
        self.gpu.step()
        self.arrive(self.rt_queue)

    def pads(self) -> list[int]:
        """The launches in flight that are padding."""
        launches = self.board.launches
        flying = [row for row in range(len(launches)) if launches.state[row]]
        return [row for row in flying if launches.gate[row] >= 0]

    def says(self) -> list[Operation]:
        """What the policy says now; arrivals are taken as a turn takes them."""
        from heddle.runtime.core.arrivals import take_arrivals  # noqa: PLC0415
        from heddle.runtime.core.progress import take_reports  # noqa: PLC0415

        take_reports(self.board)
        take_arrivals(self.board, self.gpu.now_ns)
        operations = Operations(self.board.operation_rows, self.board.operation_count)
        status = status_of(self.board, self.gpu.now_ns)
        decide(self.board.limits.policy, status, operations)
        return listed(operations)


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_policy_says_the_same_twice_and_changes_nothing(policy: str) -> None:
    case = Case(policy)
    case.be_then_rt()
    first = case.says()
    tables = [np.array(table) for table in (case.board.queues, case.board.launches)]
    assert case.says() == first
    assert np.array_equal(tables[0], case.board.queues)
    assert np.array_equal(tables[1], case.board.launches)


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_policy_has_nothing_to_say_without_work(policy: str) -> None:
    assert Case(policy).says() == []


@pytest.mark.parametrize("policy", sorted(set(POLICIES) - {"rt-only"}))
def test_best_effort_work_runs_when_it_is_alone(policy: str) -> None:
    case = Case(policy)
    case.arrive(case.be_queue)
    (operation,) = case.says()
    assert (operation.kind, operation.queue, operation.blocks) == (c.LAUNCH, case.be_queue, 64)


def test_rt_only_never_runs_best_effort_work() -> None:
    case = Case("rt-only")
    case.arrive(case.be_queue)
    assert case.says() == []


def test_sequential_lets_the_task_at_work_go_on() -> None:
    case = Case("sequential")
    case.be_then_rt()
    assert [operation.queue for operation in case.says()] in ([case.be_queue], [])


def test_multistream_gives_both_kinds_one_urgency() -> None:
    case = Case("multistream")
    case.be_then_rt()
    (operation,) = case.says()
    assert (operation.queue, operation.urgency) == (case.rt_queue, c.ORDINARY)


def test_priority_launches_real_time_work_urgently_beside_best_effort_work() -> None:
    case = Case("priority")
    case.be_then_rt()
    (operation,) = case.says()
    assert (operation.queue, operation.urgency) == (case.rt_queue, c.URGENT)


def test_wait_launches_nothing_until_best_effort_work_has_run_out() -> None:
    case = Case("wait")
    case.be_then_rt()
    assert case.says() == []
    while case.says() == []:
        case.gpu.step()
    assert case.board.seen.in_flight[case.be_queue] == 0
    assert [operation.queue for operation in case.says()] == [case.rt_queue]


def test_reset_kills_what_may_run_again() -> None:
    case = Case("reset", be={"contract": c.REPLAY_SAFE})
    case.be_then_rt()
    (operation,) = case.says()
    assert (operation.kind, operation.reason) == (c.KILL, reasons.RT_KILLS)


def test_reset_waits_for_what_may_not_run_again() -> None:
    case = Case("reset", be={"contract": c.EXACT_RESUME})
    case.be_then_rt()
    (operation,) = case.says()
    assert operation.kind == c.EVICT


def test_block_edge_evicts_first_and_launches_real_time_work_at_once() -> None:
    case = Case("block-edge")
    case.be_then_rt()
    assert [operation.kind for operation in case.says()] == [c.EVICT]
    case.gpu.turn()
    assert case.board.seen.in_flight[case.rt_queue] == case.num_kernels
    assert case.board.queues.state[case.be_queue] == c.EVICTING


@pytest.mark.parametrize("policy", ["reef", "block-edge-padding"])
def test_padding_follows_the_real_time_kernel_it_stands_beside(policy: str) -> None:
    case = Case(policy, be={"contract": c.REPLAY_SAFE}, num_kernels=12)
    case.be_then_rt()
    case.gpu.turn()
    while not case.pads():
        assert case.gpu.step(), "everything ran and nothing was padded"
        case.gpu.turn()
    launches = case.board.launches
    for pad in case.pads():
        gate = launches.gate[pad]
        assert launches.queue[gate] == case.rt_queue
        assert 0 < launches.slots[pad] <= launches.blocks[pad]


def test_padding_never_takes_kernels_that_run_whole_or_not_at_all() -> None:
    case = Case("block-edge-padding", be={"contract": c.OPAQUE})
    case.arrive(case.rt_queue)
    turn(case.board, case.gpu.now_ns)
    case.arrive(case.be_queue)
    assert [operation.queue for operation in case.says()] == [case.rt_queue]


def test_nobody_pads_a_kernel_that_fills_the_device() -> None:
    case = Case("block-edge-padding", rt={"blocks": 4})
    case.arrive(case.rt_queue)
    turn(case.board, case.gpu.now_ns)
    case.arrive(case.be_queue)
    assert [operation.queue for operation in case.says()] == [case.rt_queue]


def test_a_kernel_that_nobody_measured_gets_a_small_budget_first() -> None:
    case = Case("block-edge-padding", be={"duration_ns": 0})
    case.arrive(case.rt_queue)
    turn(case.board, case.gpu.now_ns)
    case.arrive(case.be_queue)
    (pad,) = case.says()
    assert pad.reason == reasons.PADS_SMALL
    assert pad.blocks <= case.board.limits.first_pad_blocks


@pytest.mark.parametrize(
    ("rt", "be", "pairs"),
    [
        (c.COMPUTE_BOUND, c.MEMORY_BOUND, True),
        (c.MEMORY_BOUND, c.COMPUTE_BOUND, True),
        (c.COMPUTE_BOUND, c.COMPUTE_BOUND, False),
        (c.UNKNOWN_BOUND, c.MEMORY_BOUND, False),
    ],
)
def test_orion_pairs_kernels_that_are_bound_by_different_things(
    rt: int, be: int, *, pairs: bool
) -> None:
    case = Case("orion", rt={"bound": rt}, be={"bound": be, "blocks": 2})
    case.arrive(case.rt_queue)
    case.gpu.turn()
    case.arrive(case.be_queue)
    assert bool(case.says()) == pairs


def test_orion_leaves_large_kernels_out() -> None:
    case = Case("orion", rt={"bound": c.COMPUTE_BOUND}, be={"bound": c.MEMORY_BOUND, "blocks": 64})
    case.arrive(case.rt_queue)
    case.gpu.turn()
    case.arrive(case.be_queue)
    assert case.says() == []


@pytest.mark.parametrize("policy", ["reset", "reef"])
def test_policies_that_kill_are_refused_where_nothing_can_be_killed(policy: str) -> None:
    assert needs_kill(policy)
    with pytest.raises(InputError, match="cannot; it runs on sim:MI50"):
        limits_of(policy, GPU._replace(can_kill=0))


def test_a_strange_policy_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="no policy 'best'; there are rt-only, sequential"):
        limits_of("best", GPU)


@pytest.mark.parametrize(("level", "form"), [(1, c.PLAIN), (2, c.ENTRY_CHECK), (3, c.PERSISTENT)])
def test_the_form_of_a_launch_follows_the_level_of_the_device(level: int, form: int) -> None:
    case = Case("block-edge", device=GPU._replace(level=level))
    case.arrive(case.be_queue)
    assert case.says()[0].form == form


def test_short_kernels_are_checked_at_their_entry() -> None:
    case = Case("block-edge", be={"is_short": True})
    case.arrive(case.be_queue)
    assert case.says()[0].form == c.ENTRY_CHECK
