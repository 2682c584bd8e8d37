"""Turns: arrivals, exact progress, cancelled tasks, kernels without end, preemption records."""

from __future__ import annotations

from typing import Any

import pytest

from heddle.errors import InputError
from heddle.runtime.core import constants as c
from heddle.runtime.core.board import Board
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.registration import (
    QueueFullError,
    add_kernel,
    add_program,
    add_queue,
    cancel,
    release,
    submit,
)
from heddle.runtime.core.rings import put, take, waiting
from heddle.runtime.core.turn import next_due
from scripted_gpu import GPU, SIZES, ScriptedGpu, board_for


def client(board: Board, kind: int, **kernel: Any) -> tuple[int, int]:
    """A queue and a program of two equal kernels."""
    one = Kernel("one", **{"blocks": 8, "duration_ns": 100, **kernel})
    rows = [add_kernel(board, one), add_kernel(board, one)]
    return add_queue(board, QueueSpec(kind)), add_program(board, rows)


def test_a_task_arrives_when_it_is_due_and_not_before() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    queue, program = client(board, c.RT)
    task = submit(board, queue, program, 500)
    gpu.turn()
    assert board.queues.task[queue] == -1
    assert next_due(board, gpu.now_ns) == 500
    gpu.now_ns = 500
    gpu.turn()
    assert board.queues.task[queue] == task
    assert next_due(board, gpu.now_ns) == -1


def test_best_effort_work_resumes_at_the_block_where_it_left() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    be, be_program = client(board, c.BE)
    rt, rt_program = client(board, c.RT)
    submit(board, be, be_program, 0)
    gpu.turn()
    gpu.step()
    submit(board, rt, rt_program, gpu.now_ns)
    gpu.turn()
    launch = int(board.flight[be, 0])
    board.launches.done[launch], board.launches.outcome[launch] = 5, c.LEFT
    board.launches.state[launch], board.launches.ended_ns[launch] = c.RETIRED, gpu.now_ns
    gpu.streams[be].pop(0)
    put(board.reports, launch)
    gpu.run()
    assert waiting(board.outbox) == 2
    assert gpu.ran[0, 0] == [5, 6, 7]
    assert gpu.ran[0, 1] == list(range(8))


def test_a_preemption_is_recorded_with_its_parts_in_order() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board, seed=3)
    be, be_program = client(board, c.BE)
    rt, rt_program = client(board, c.RT)
    submit(board, be, be_program, 0)
    gpu.turn()
    gpu.step()
    arrived_ns = gpu.now_ns
    submit(board, rt, rt_program, arrived_ns)
    gpu.now_ns += 7
    gpu.run()
    assert board.counts.preemptions[0] == 1
    assert board.counts.open_preemption[0] == -1
    row = board.preemptions[0]
    assert row.arrived_ns == arrived_ns
    assert row.noticed_ns == row.flagged_ns == arrived_ns + 7
    assert row.started_ns > row.flagged_ns
    assert row.drained_ns >= row.flagged_ns


def test_a_wait_behind_real_time_work_is_no_wait_for_a_preemption() -> None:
    board = board_for("multistream")
    gpu = ScriptedGpu(board, seed=3)
    be, be_program = client(board, c.BE)
    rt, rt_program = client(board, c.RT)
    for _ in range(50):
        submit(board, be, be_program, 0)
    gpu.turn()
    gpu.step()
    due_ns = gpu.now_ns
    first, second = (submit(board, rt, rt_program, due_ns) for _ in range(2))
    gpu.run()
    rows = board.preemptions[: int(board.counts.preemptions[0])]
    assert rows.task.tolist() == [first, second]
    assert rows.due_ns.tolist() == [due_ns, due_ns]
    assert rows.arrived_ns.tolist() == [due_ns, board.tasks.ended_ns[first]]


def test_a_cancelled_task_comes_out_as_cancelled_wherever_it_was() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    queue, program = client(board, c.BE)
    tasks = [submit(board, queue, program, 0) for _ in range(3)]
    gpu.turn()
    gpu.step()
    cancel(board, tasks[0])
    cancel(board, tasks[2])
    gpu.run()
    states = {take(board.outbox): None for _ in range(3)}
    assert set(states) == set(tasks)
    assert [board.tasks.state[task] for task in tasks] == [c.CANCELLED, c.FINISHED, c.CANCELLED]


def test_a_kernel_that_runs_too_long_is_told_to_leave_and_its_task_fails() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    queue, program = client(board, c.BE, limit_ns=1000)
    task = submit(board, queue, program, 0)
    gpu.turn()
    gpu.step()
    gpu.now_ns += 1500
    gpu.turn()
    assert board.queues.state[queue] == c.EVICTING
    gpu.run()
    assert board.tasks.state[task] == c.FAILED
    assert board.counts.device_state[0] == c.HEALTHY


def test_a_kernel_that_does_not_leave_makes_the_device_stuck_and_is_named() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    queue, program = client(board, c.RT, limit_ns=1000)
    submit(board, queue, program, 0)
    gpu.turn()
    gpu.step()
    launch = int(board.flight[queue, 0])
    gpu.now_ns += 2500
    gpu.turn()
    assert board.counts.device_state[0] == c.STUCK
    assert board.counts.stuck_launch[0] == launch


def test_times_of_kernels_that_came_without_a_profile_are_learned() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    queue, program = client(board, c.BE, duration_ns=0)
    submit(board, queue, program, 0)
    gpu.run()
    assert board.kernels.samples[0] == 1
    assert board.kernels.duration_ns[0] > 0
    assert board.wave_ns[0].max() > 0


def test_a_full_queue_refuses_and_takes_again_when_a_task_is_over() -> None:
    board = board_for("block-edge")
    gpu = ScriptedGpu(board)
    rows = [add_kernel(board, Kernel("one", 1))]
    queue = add_queue(board, QueueSpec(c.RT, capacity=2))
    program = add_program(board, rows)
    for _ in range(2):
        submit(board, queue, program, 0)
    with pytest.raises(QueueFullError, match="2 tasks wait, which is its capacity"):
        submit(board, queue, program, 0)
    gpu.run()
    release(board, take(board.outbox))
    submit(board, queue, program, 0)


def test_a_full_board_refuses_with_the_number_it_holds() -> None:
    board = board_for("block-edge")
    queue, program = client(board, c.RT)
    for _ in range(SIZES.tasks):
        submit(board, queue, program, 0)
    with pytest.raises(QueueFullError, match=f"{SIZES.tasks} tasks"):
        submit(board, queue, program, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": -1}, "-1 blocks; 0 or more"),
        ({"occupancy": 0}, "occupancy 0; 1 or more"),
        ({"threads": 0}, "0 threads a block"),
        ({"contract": 7}, "contract 7"),
        ({"wave_ns": (1,) * 33}, "33 wave times; at most 32"),
    ],
)
def test_an_impossible_kernel_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Kernel("odd", **{"blocks": 1, **change})


def test_programs_and_queues_out_of_bounds_are_refused() -> None:
    board = board_for("block-edge")
    with pytest.raises(InputError, match="no kernel"):
        add_program(board, [])
    with pytest.raises(InputError, match="a window of 65 launches; 1 to 64"):
        add_queue(board, QueueSpec(c.RT, window=65))
    for _ in range(SIZES.kernels):
        add_kernel(board, Kernel("one", 1))
    with pytest.raises(InputError, match="room for 64 kernels"):
        add_kernel(board, Kernel("one", 1))


def test_a_board_of_a_device_says_what_it_is() -> None:
    assert board_for("reef").device == GPU
