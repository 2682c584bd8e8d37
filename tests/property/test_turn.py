"""Laws of the dispatcher under every policy, on a device that acts at random."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from heddle.runtime.core import constants as c
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.policies import POLICIES, needs_kill
from heddle.runtime.core.registration import add_kernel, add_program, add_queue, submit
from heddle.runtime.core.rings import take, waiting
from scripted_gpu import ScriptedGpu, board_for

KERNELS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    blocks=st.sampled_from([0, 1, 2, 3, 7, 20]),
    contract=st.sampled_from([c.EXACT_RESUME, c.REPLAY_SAFE, c.OPAQUE]),
    bound=st.sampled_from([c.UNKNOWN_BOUND, c.MEMORY_BOUND, c.COMPUTE_BOUND]),
    duration_ns=st.sampled_from([0, 50, 1000]),
    occupancy=st.sampled_from([1, 2, 8]),
    is_short=st.booleans(),
)
PROGRAMS = st.lists(KERNELS, min_size=1, max_size=5)
CLIENTS = st.lists(
    st.tuples(st.sampled_from([c.RT, c.BE]), PROGRAMS, st.integers(1, 4)), min_size=1, max_size=5
)


def busy_gpu(policy: str, clients: list[Any], seed: int) -> tuple[ScriptedGpu, dict[int, int]]:
    board = board_for(policy)
    gpu = ScriptedGpu(board, seed=seed)
    tasks: dict[int, int] = {}
    for number, (kind, kernels, count) in enumerate(clients):
        rows = []
        for place, kernel in enumerate(kernels):
            waves = (kernel["duration_ns"],) if kernel["duration_ns"] else ()
            rows.append(add_kernel(board, Kernel(f"{number}.{place}", wave_ns=waves, **kernel)))
        program = add_program(board, rows)
        queue = add_queue(board, QueueSpec(kind))
        for place in range(count):
            due_ns = int(gpu.generator.integers(0, 400)) + 400 * place
            tasks[submit(board, queue, program, due_ns)] = kind
    return gpu, tasks


def run_to_the_end(gpu: ScriptedGpu) -> None:
    for _ in range(40):
        gpu.run()
        gpu.now_ns += 100


def ended(gpu: ScriptedGpu) -> list[int]:
    return [take(gpu.board.outbox) for _ in range(waiting(gpu.board.outbox))]


@pytest.mark.parametrize("policy", sorted(POLICIES))
@settings(max_examples=40, deadline=None)
@given(clients=CLIENTS, seed=st.integers(0, 2**20))
def test_every_block_runs_exactly_once_and_every_task_ends(
    policy: str, clients: list[Any], seed: int
) -> None:
    gpu, tasks = busy_gpu(policy, clients, seed)
    run_to_the_end(gpu)
    wanted = {task for task, kind in tasks.items() if policy != "rt-only" or kind == c.RT}
    assert sorted(ended(gpu)) == sorted(wanted)
    board = gpu.board
    for task in tasks:
        program = int(board.tasks.program[task])
        first = int(board.programs.first[program])
        for index in range(int(board.programs.length[program])):
            kernel = int(board.program_kernels[first + index])
            blocks = list(range(int(board.kernels.blocks[kernel]))) if task in wanted else []
            assert gpu.ran[task, index] == blocks
    assert board.counts.blocks_lost[0] == board.counts.blocks_repeated[0] == gpu.lost_blocks
    assert needs_kill(policy) or gpu.lost_blocks == 0
    assert board.counts.free_launch[0] == len(board.free_launches)


@pytest.mark.parametrize("policy", sorted(POLICIES))
@settings(max_examples=15, deadline=None)
@given(clients=CLIENTS, seed=st.integers(0, 2**20))
def test_real_time_work_never_leaves_and_is_never_killed(
    policy: str, clients: list[Any], seed: int
) -> None:
    gpu, tasks = busy_gpu(policy, clients, seed)
    run_to_the_end(gpu)
    for task, kind in tasks.items():
        assert kind == c.BE or gpu.board.tasks.evictions[task] == 0


@settings(max_examples=25, deadline=None)
@given(clients=CLIENTS, seed=st.integers(0, 2**20))
def test_sequential_has_one_stream_in_flight(clients: list[Any], seed: int) -> None:
    gpu, _ = busy_gpu("sequential", clients, seed)
    run_to_the_end(gpu)
    assert gpu.most_queues_in_flight <= 1


@pytest.mark.parametrize("policy", ["block-edge-padding", "reset", "priority"])
@settings(max_examples=20, deadline=None)
@given(clients=CLIENTS, seed=st.integers(0, 2**20), victim=st.integers(0, 40))
def test_a_task_whose_kernel_fails_ends_as_failed_and_nobody_else_does(
    policy: str, clients: list[Any], seed: int, victim: int
) -> None:
    gpu, tasks = busy_gpu(policy, clients, seed)
    kernel = victim % int(gpu.board.counts.kernels[0])
    gpu.broken = frozenset({kernel})
    run_to_the_end(gpu)
    assert sorted(ended(gpu)) == sorted(tasks)
    board = gpu.board
    for task in tasks:
        program = int(board.tasks.program[task])
        first, length = int(board.programs.first[program]), int(board.programs.length[program])
        is_hit = kernel in board.program_kernels[first : first + length]
        assert (board.tasks.state[task] == c.FAILED) == is_hit
