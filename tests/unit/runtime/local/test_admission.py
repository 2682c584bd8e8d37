"""Estimates of what a real-time task needs: by hand, on boards without a device."""

from __future__ import annotations

import pytest

from heddle.runtime.core import registration
from heddle.runtime.core.board import Board, Device, Sizes, new_board
from heddle.runtime.core.constants import BE, EXACT_RESUME, OPAQUE, RT
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.policies import limits_of
from heddle.runtime.local.admission import Need, need_of, refusal

MS = 1_000_000
_SIZES = Sizes(kernels=16, program_kernels=16, programs=8, queues=8, tasks=32, queue_capacity=32)


def board_with(policy: str = "block-edge", level: int = 3) -> Board:
    device = Device(level, 0, 4, 1, 1024, 65536, 65536)
    return new_board(device, limits_of(policy, device), _SIZES)


def client(board: Board, kind: int, *kernels: Kernel) -> tuple[int, int]:
    """Return the queue and the program of a client that runs these kernels."""
    rows = [registration.add_kernel(board, kernel) for kernel in kernels]
    queue = registration.add_queue(board, QueueSpec(kind))
    return queue, registration.add_program(board, rows)


def kernel(duration_ms: float, blocks: int = 8, contract: int = EXACT_RESUME) -> Kernel:
    return Kernel("k", blocks, contract=contract, duration_ns=round(duration_ms * MS))


def test_an_idle_device_needs_the_task_itself_only() -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2), kernel(3))
    need = need_of(board, queue, program, {})
    assert (need.before_ns, need.own_ns, need.edge_ns) == (0, 5 * MS, 0)
    assert need.total_ns == 5 * MS + need.margin_ns


def test_a_measured_run_counts_more_than_the_sum_of_kernels() -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2))
    assert need_of(board, queue, program, {program: 7 * MS}).own_ns == 7 * MS


def test_real_time_work_of_every_client_is_before_it() -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2))
    other, slow = client(board, RT, kernel(10))
    registration.submit(board, queue, program, 0)
    registration.submit(board, other, slow, 0)
    assert need_of(board, queue, program, {}).before_ns == 12 * MS


def test_the_last_of_several_tasks_waits_for_the_others() -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2))
    assert need_of(board, queue, program, {}, num_tasks=4).before_ns == 6 * MS


def test_best_effort_work_costs_its_longest_block() -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2))
    other, slow = client(board, BE, kernel(12, blocks=12), kernel(9, blocks=36))
    assert need_of(board, queue, program, {}).edge_ns == 0
    registration.submit(board, other, slow, 0)
    # 12 blocks on 4 multiprocessors are 3 waves of 4 ms; 36 are 9 waves of 1 ms.
    assert need_of(board, queue, program, {}).edge_ns == 4 * MS


@pytest.mark.parametrize(("policy", "edge_ms"), [("block-edge", 2), ("wait", 8), ("sequential", 4)])
def test_every_best_effort_queue_may_hold_something(policy: str, edge_ms: int) -> None:
    board = board_with(policy)
    queue, program = client(board, RT, kernel(2))
    for _ in range(2):
        registration.submit(board, *client(board, BE, kernel(4, blocks=16)), 0)
    assert need_of(board, queue, program, {}).edge_ns == edge_ms * MS


def test_kernels_without_edges_cost_their_whole_duration() -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2))
    other, slow = client(board, BE, kernel(12, blocks=12), kernel(9, contract=OPAQUE))
    registration.submit(board, other, slow, 0)
    assert need_of(board, queue, program, {}).edge_ns == 9 * MS


@pytest.mark.parametrize(("level", "kernels"), [(2, 1), (1, 2)])
def test_devices_of_lower_levels_hold_whole_kernels(level: int, kernels: int) -> None:
    board = board_with(level=level)
    queue, program = client(board, RT, kernel(2))
    other, slow = client(board, BE, kernel(12, blocks=12))
    registration.submit(board, other, slow, 0)
    assert need_of(board, queue, program, {}).edge_ns == kernels * 12 * MS


@pytest.mark.parametrize(("policy", "edge_ms"), [("rt-only", 0), ("sequential", 16), ("wait", 16)])
def test_the_edge_is_the_policys(policy: str, edge_ms: int) -> None:
    board = board_with(policy)
    queue, program = client(board, RT, kernel(2))
    other, slow = client(board, BE, kernel(12), kernel(4))
    registration.submit(board, other, slow, 0)
    assert need_of(board, queue, program, {}).edge_ns == edge_ms * MS


def test_a_network_that_never_ran_is_refused_with_advice() -> None:
    board = board_with()
    queue, program = client(board, RT, Kernel("new", 8))
    reason = refusal(need_of(board, queue, program, {}), 1000 * MS)
    assert "run it once without a deadline" in reason


@pytest.mark.parametrize("kind", [RT, BE])
def test_work_that_nobody_has_measured_makes_promises_impossible(kind: int) -> None:
    board = board_with()
    queue, program = client(board, RT, kernel(2))
    other, new = client(board, kind, Kernel("new", 8))
    registration.submit(board, other, new, 0)
    assert "try again when it has run" in refusal(need_of(board, queue, program, {}), 1000 * MS)


def test_policies_that_bound_nothing_promise_nothing() -> None:
    board = board_with("multistream")
    queue, program = client(board, RT, kernel(2))
    assert "unbounded" in refusal(need_of(board, queue, program, {}), 1000 * MS)


def test_a_refusal_says_every_part() -> None:
    need = Need(before_ns=4 * MS, own_ns=5 * MS, edge_ns=MS // 2)
    assert refusal(need, need.total_ns) == ""
    assert refusal(need, need.total_ns - 1) == (
        "cannot meet its deadline: needs 10.4 ms (4 ms of real-time work before it, 5 ms its own, "
        "0.5 ms until best-effort work has left, 0.95 ms margin); its deadline is 10.4 ms"
    )
