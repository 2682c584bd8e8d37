"""The dispatcher loop of the cuda device on the fake driver: blocks, epochs, gates, faults."""

from __future__ import annotations

import pytest

from fake_cuda_machine import FakeMachine, fake_machine
from heddle.errors import HostError
from heddle.runtime.core.constants import BE, CANCELLED, FAILED, FINISHED, HEALTHY, LOST, STUCK
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.core.registration import add_queue, cancel
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.device_kernel import DeviceKernel, Functions
from heddle.runtime.cuda.driver_error import DriverError
from heddle.runtime.cuda.options import CudaOptions

POLICIES = [
    "rt-only",
    "sequential",
    "multistream",
    "priority",
    "wait",
    "block-edge",
    "block-edge-padding",
    "orion",
]


def run_both(machine: FakeMachine, rounds_before: int = 4) -> tuple[int, int]:
    """A best-effort task that a real-time one arrives into."""
    be = machine.submit(machine.be, *(machine.kernel(number, 40) for number in range(3)))
    for _ in range(rounds_before):
        machine.device.round()
    rt = machine.submit(machine.rt, *(machine.kernel(100 + number, 3) for number in range(2)))
    machine.run(rt)
    return be, rt


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "rt-only"])
@pytest.mark.parametrize("seed", range(3))
def test_every_block_runs_exactly_once_under_every_policy(policy: str, seed: int) -> None:
    with fake_machine(policy, seed=seed) as machine:
        be, rt = run_both(machine)
        machine.run(be)
        assert machine.states(be, rt) == [FINISHED, FINISHED]
        expected = {(kernel, block) for kernel in range(3) for block in range(40)}
        expected |= {(100 + kernel, block) for kernel in range(2) for block in range(3)}
        assert machine.ran == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("epoch_by", ["stream-write", "mapped"])
@pytest.mark.parametrize("begins_by", ["completion", "event", "marker"])
def test_preemption_is_exact_whichever_way_the_epoch_and_the_beginning_travel(
    epoch_by: str, begins_by: str
) -> None:
    choices = CudaOptions(epoch_by=epoch_by, begins_by=begins_by)
    with fake_machine("block-edge", choices=choices) as machine:
        be, _ = run_both(machine)
        machine.run(be)
        assert machine.board.tasks.evictions[be] == 1
        assert set(machine.ran.values()) == {1}
        record = machine.board.preemptions[0]
        assert record.arrived_ns <= record.noticed_ns <= record.flagged_ns
        assert record.flagged_ns <= record.drained_ns
        assert record.flagged_ns <= record.started_ns


def test_without_a_right_to_run_best_effort_work_waits_for_ever() -> None:
    with fake_machine("rt-only") as machine:
        _, rt = run_both(machine)
        assert machine.states(rt) == [FINISHED]
        assert not [number for number, _ in machine.ran if number < 100]


def test_a_device_held_to_level_one_finishes_what_it_has_launched() -> None:
    with fake_machine("block-edge", level=1) as machine:
        be, _ = run_both(machine)
        machine.run(be)
        assert set(machine.ran.values()) == {1}
        assert machine.driver.num_calls["cuMemcpyHtoDAsync"] == 0


def test_a_kernel_without_forms_is_opaque_and_runs_whole() -> None:
    with fake_machine("block-edge") as machine:
        be = machine.submit(machine.be, machine.kernel(0, 40, is_rewritten=0))
        for _ in range(3):
            machine.device.round()
        rt = machine.submit(machine.rt, machine.kernel(100, 3))
        machine.run(be, rt)
        assert set(machine.ran.values()) == {1}


def test_a_short_kernel_that_has_not_begun_leaves_at_its_entry() -> None:
    with fake_machine("block-edge") as machine:
        short = [machine.kernel(number, 6, is_short=1) for number in range(2)]
        be = machine.submit(machine.be, *short)
        machine.device.round()
        rt = machine.submit(machine.rt, machine.kernel(100, 3))
        machine.run(be, rt)
        assert set(machine.ran.values()) == {1}
        assert len(machine.ran) == 15


def test_zero_blocks_and_one_block_are_kernels_like_any() -> None:
    with fake_machine() as machine:
        blocks = [0, 1, 0, 0, 2, 0]
        be = machine.submit(machine.be, *(machine.kernel(i, n) for i, n in enumerate(blocks)))
        rt = machine.submit(machine.rt, *(machine.kernel(10 + i, n) for i, n in enumerate(blocks)))
        machine.run(be, rt)
        assert sum(machine.ran.values()) == 6


def test_a_captured_program_runs_as_one_launch() -> None:
    with fake_machine() as machine:
        kernels = [machine.kernel(number, 4) for number in range(3)]
        graph = machine.device.capture(kernels)
        task = machine.submit(machine.rt, DeviceKernel("graph", Functions(graph=graph)))
        machine.run(task)
        assert sum(machine.ran.values()) == 12
        assert machine.driver.num_calls["cuGraphLaunch"] == 1


def test_a_launch_that_the_driver_refuses_fails_its_task_only() -> None:
    faults = {"cuLaunchKernelEx": {1: codes.LAUNCH_OUT_OF_RESOURCES}}
    with fake_machine(faults=faults) as machine:
        first = machine.submit(machine.be, machine.kernel(0, 4))
        second = machine.submit(machine.be, machine.kernel(1, 4))
        machine.run(first, second)
        assert machine.states(first, second) == [FAILED, FINISHED]
        assert machine.board.counts.device_state[0] == HEALTHY


def test_a_kernel_that_faults_loses_the_device_and_says_which_call_told() -> None:
    with fake_machine() as machine:
        task = machine.submit(machine.be, machine.kernel(0, 4, "fault"))
        machine.run(task)
        assert machine.states(task) == [FAILED]
        assert machine.board.counts.device_state[0] == LOST
        machine.board.outbox[:] = 0
        with pytest.raises(DriverError, match=r"CUDA_ERROR_LAUNCH_FAILED.*open the device again"):
            machine.device.advance(machine.device.now_ns() + 1)


def test_a_device_that_is_lost_in_the_middle_breaks_everything_in_flight() -> None:
    faults = {"cuEventQuery": {9: codes.UNKNOWN}}
    with fake_machine("multistream", faults=faults) as machine:
        tasks = [
            machine.submit(queue, machine.kernel(number, 30))
            for number, queue in enumerate((machine.be, machine.rt))
        ]
        machine.run(*tasks)
        assert FAILED in machine.states(*tasks)
        assert machine.board.counts.device_state[0] == LOST


def test_a_kernel_that_never_ends_makes_the_device_stuck_and_is_named() -> None:
    machine = FakeMachine()
    machine.submit(machine.be, machine.kernel(0, 4, "endless", is_rewritten=0, limit_ns=1))
    for _ in range(4):
        machine.device.round()
    assert machine.board.counts.device_state[0] == STUCK
    with pytest.raises(HostError, match=r"cuda:0 is stuck: kernel 'endless-0'"):
        machine.device.advance(machine.device.now_ns() + 1)
    machine.device.close()


def test_a_client_that_goes_gets_its_task_back_as_cancelled() -> None:
    with fake_machine() as machine:
        task = machine.submit(machine.be, *(machine.kernel(number, 40) for number in range(3)))
        for _ in range(4):
            machine.device.round()
        cancel(machine.board, task)
        machine.run(task)
        assert machine.states(task) == [CANCELLED]
        assert all(times == 1 for times in machine.ran.values())


def test_a_queue_whose_urgency_changes_keeps_its_order() -> None:
    with fake_machine("orion", seed=5) as machine:
        other = add_queue(machine.board, QueueSpec(BE))
        tasks = [
            machine.submit(queue, *(machine.kernel(10 * queue + k, 7) for k in range(3)))
            for queue in (machine.be, other, machine.rt)
        ]
        machine.run(*tasks)
        order = [kernel for kernel, _ in machine.ran if kernel // 10 == machine.be]
        assert order == sorted(order)
        assert set(machine.ran.values()) == {1}
        assert machine.board.queues.kind[other] == BE


def test_the_loop_runs_on_a_thread_of_its_own_and_leaves_at_the_next_edge_when_closed() -> None:
    with fake_machine() as machine:
        rt = machine.submit(machine.rt, machine.kernel(100, 3))
        machine.device.advance(machine.device.now_ns() + 30_000_000_000)
        assert machine.states(rt) == [FINISHED]
        machine.submit(machine.be, *(machine.kernel(number, 400) for number in range(3)))
    assert all(times == 1 for times in machine.ran.values())
