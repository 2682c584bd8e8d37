"""The cpu device: real blocks keep their results under preemption; failures and hangs are named."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from backend_rigs import SIZES, Bench
from cpu_kernels import PRIME, Bodies, fail_block, hold_block, log_block, move_on, update_in_place
from heddle.errors import HostError, InputError
from heddle.runtime.core import constants as c
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.library.networks import build
from heddle.runtime.workers.backend import CpuBackend
from heddle.runtime.workers.workshop import NUM_ENTERED

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")
if len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs two cores: a dispatcher and a worker", allow_module_level=True)

PREEMPTING = ["block-edge", "block-edge-padding", "priority", "multistream"]


@pytest.fixture(params=["block-edge"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    backend = CpuBackend(BackendOptions(request.param, sizes=SIZES), num_workers=1)
    yield Bench(backend)
    backend.close()


@pytest.fixture
def bodies() -> Bodies:
    return Bodies()


def device_of(bench: Bench) -> CpuBackend:
    assert isinstance(bench.backend, CpuBackend)
    return bench.backend


def interrupted(bench: Bench, bodies: Bodies, program: int, tasks: int = 3) -> list[int]:
    """Runs best-effort tasks while real-time tasks come at random; the best-effort ones."""
    short = bench.program([bodies.counted(2, 50)[0]])
    urgent, patient = bench.queue(c.RT), bench.queue(c.BE)
    due_ns = np.sort(np.random.default_rng(5).integers(0, 8_000_000, 60))
    wanted = [bench.submit(patient, program) for _ in range(tasks)]
    bench.wait([*wanted, *(bench.submit(urgent, short, int(each)) for each in due_ns)])
    assert bench.states(wanted) == [c.FINISHED] * tasks
    return wanted


@pytest.mark.parametrize("bench", PREEMPTING, indirect=True)
def test_numbers_updated_in_place_are_updated_once(bench: Bench, bodies: Bodies) -> None:
    numbers = np.arange(300, dtype=np.int64)
    kernel = bodies.kernel(update_in_place, 300, [numbers, 200])
    interrupted(bench, bodies, bench.program([kernel] * 4), tasks=2)
    expected = np.arange(300)
    for _ in range(8):
        expected = (expected * 31 + np.arange(300) + 1) % PRIME
    assert np.array_equal(numbers, expected)


@pytest.mark.parametrize("bench", PREEMPTING, indirect=True)
def test_kernels_that_pass_two_buffers_back_and_forth_see_each_other_whole(
    bench: Bench, bodies: Bodies
) -> None:
    first, second = np.arange(64, dtype=np.int64), np.zeros(64, dtype=np.int64)
    there = bodies.kernel(move_on, 64, [first, second, 64])
    back = bodies.kernel(move_on, 64, [second, first, 64])
    interrupted(bench, bodies, bench.program([there, back] * 20), tasks=1)
    expected = np.arange(64)
    for _ in range(40):
        expected = (expected.sum() * 17 + expected + np.arange(64)) % PRIME
    assert np.array_equal(first, expected)


@pytest.mark.parametrize("bench", PREEMPTING, indirect=True)
def test_blocks_leave_their_marks_once_and_kernels_in_order(bench: Bench, bodies: Bodies) -> None:
    log = np.zeros(1 + 2 * 10 * 40, dtype=np.int64)
    kernels = [bodies.kernel(log_block, 40, [log, number]) for number in range(10)]
    interrupted(bench, bodies, bench.program(kernels), tasks=2)
    marks = log[1:].reshape(2, 10, 40)
    assert log[0] == marks.size
    for task in marks:
        for number, kernel in enumerate(task):
            assert sorted(kernel) == [number * PRIME + block for block in range(40)]


@pytest.mark.parametrize("bench", PREEMPTING, indirect=True)
def test_a_network_gives_the_same_bits_under_preemption(bench: Bench, bodies: Bodies) -> None:
    network = build("mlp-small")
    expected = network.run_here().tobytes()
    network.output[:] = 0
    program = device_of(bench).add_bound_network(network)
    bench.programs[program] = network.num_blocks
    interrupted(bench, bodies, program, tasks=3)
    assert network.output.tobytes() == expected


def test_a_kernel_that_says_that_it_failed_fails_its_task_and_no_other(
    bench: Bench, bodies: Bodies
) -> None:
    fault = np.zeros(1, dtype=np.int64)
    after, counters = bodies.counted(3)
    failing = bodies.kernel(fail_block, 9, [fault, 4])
    program = device_of(bench).add_kernels([failing, after], [fault, None])
    queue = bench.queue(c.BE)
    task = bench.submit(queue, program)
    other = bench.submit(queue, bench.program([after]))
    bench.wait([task, other])
    assert bench.states([task, other]) == [c.FAILED, c.FINISHED]
    assert list(counters) == [1, 1, 1]
    failed = bench.backend.board.tasks.failed_kernel[task]
    assert bench.backend.board.kernels.handle[failed] == failing.handle


def test_a_kernel_without_a_body_fails_its_task(bench: Bench) -> None:
    task = bench.submit(bench.queue(c.RT), bench.program([Kernel("nothing", 2)]))
    bench.wait([task])
    assert bench.states([task]) == [c.FAILED]


def test_a_block_that_does_not_end_makes_the_device_stuck_and_is_named(
    bench: Bench, bodies: Bodies
) -> None:
    gate = np.zeros(2, dtype=np.int64)
    kernel = bodies.kernel(hold_block, 2, [gate], limit_ns=1_000_000)
    task = bench.submit(bench.queue(c.BE), device_of(bench).add_kernels([kernel]))
    with pytest.raises(HostError, match="kernel 'hold") as stuck:
        bench.wait([task])
    assert not stuck.value.is_retryable
    assert bench.backend.board.counts.device_state[0] == c.STUCK
    gate[0] = 1


def test_closing_leaves_a_stuck_thread_behind_instead_of_waiting_for_ever(bodies: Bodies) -> None:
    gate = np.zeros(2, dtype=np.int64)
    backend = CpuBackend(BackendOptions(sizes=SIZES), num_workers=1)
    bench = Bench(backend)
    bench.submit(bench.queue(c.BE), backend.add_kernels([bodies.kernel(hold_block, 1, [gate])]))
    while gate[1] == 0:
        backend.advance(backend.now_ns() + 1_000_000)
    backend.close()
    assert backend.num_left_behind == 1
    gate[0] = 1
    while backend._crew.join():
        pass


def test_a_device_that_is_closed_gives_the_cores_back() -> None:
    before = os.sched_getaffinity(0)
    backend = CpuBackend(BackendOptions(sizes=SIZES), num_workers=1)
    assert os.sched_getaffinity(0) < before
    backend.close()
    assert os.sched_getaffinity(0) == before


def test_two_devices_need_more_cores_than_one() -> None:
    backend = CpuBackend(BackendOptions(sizes=SIZES))
    try:
        with pytest.raises(HostError, match="a core for each of"):
            CpuBackend(BackendOptions(sizes=SIZES), num_workers=backend.num_workers)
    finally:
        backend.close()


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="level 4"):
        CpuBackend(BackendOptions(level=4))


def test_held_to_level_one_it_evicts_nothing(bodies: Bodies) -> None:
    backend = CpuBackend(BackendOptions("block-edge", level=1, sizes=SIZES), num_workers=1)
    bench = Bench(backend)
    try:
        kernel, counters = bodies.counted(200)
        interrupted(bench, bodies, bench.program([kernel] * 5), tasks=2)
        assert set(counters) == {10}
    finally:
        backend.close()


def test_a_runtime_that_was_idle_for_long_still_wakes(bench: Bench, bodies: Bodies) -> None:
    program = bench.program([bodies.counted(3)[0]])
    queue = bench.queue(c.RT)
    bench.wait([bench.submit(queue, program)])
    shop = device_of(bench).shop
    bench.backend.advance(bench.backend.now_ns() + 20_000_000)  # longer than threads spin
    assert shop.state[1] == 1
    bench.wait([bench.submit(queue, program)])


def test_a_kernel_without_blocks_behind_an_evicted_one_does_not_end_it(
    bench: Bench, bodies: Bodies
) -> None:
    gate = np.zeros(2, dtype=np.int64)
    after, counters = bodies.counted(3)
    kernels = [bodies.kernel(hold_block, 4, [gate]), Kernel("nothing", 0), after]
    urgent, patient = bench.queue(c.RT), bench.queue(c.BE)
    task = bench.submit(patient, bench.program(kernels))
    while gate[1] == 0:
        bench.backend.advance(bench.backend.now_ns() + 1_000_000)
    other = bench.submit(urgent, bench.program([bodies.counted(1)[0]]))
    while bench.backend.board.tasks.evictions[task] == 0:
        bench.backend.advance(bench.backend.now_ns() + 1_000_000)
    gate[0] = 1
    bench.wait([task, other])
    assert gate[1] == 4
    assert list(counters) == [1, 1, 1]


def test_spans_are_recorded_only_between_the_times_told(bodies: Bodies) -> None:
    options = BackendOptions(sizes=SIZES, is_recording=True, record_until_ns=1)
    backend = CpuBackend(options, num_workers=1)
    bench = Bench(backend)
    try:
        queue, program = bench.queue(c.RT), bench.program([bodies.counted(3)[0]])
        bench.wait([bench.submit(queue, program)])
        assert backend.spans() == []
        backend.record(backend.now_ns(), backend.now_ns() + 60_000_000_000)
        bench.wait([bench.submit(queue, program)])
        assert sum(span.blocks for span in backend.spans()) == 3
    finally:
        backend.close()


def test_no_thread_needs_the_interpreter_lock_once_the_device_is_open(bench: Bench) -> None:
    device = device_of(bench)
    assert device.shop.state[NUM_ENTERED] == device.num_workers + 1
