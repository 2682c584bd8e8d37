"""The simulated GPU: blocks run once, in their places, and real-time work takes the device."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.runtime.core import constants
from heddle.runtime.core.backend import BackendOptions, Span
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.registration import add_kernel, add_program, add_queue, submit
from heddle.runtime.core.rings import take, waiting
from heddle.runtime.simulated.gpu import SimulatedGpu
from heddle.runtime.simulated.machine import FAILS, NEVER_ENDS

_MS = 1_000_000
_END_NS = 400 * _MS
_BE = Kernel(
    "long",
    blocks=3000,
    threads=256,
    occupancy=4,
    contract=constants.REPLAY_SAFE,
    duration_ns=250_000,
    wave_ns=(15_000, 16_000, 18_000, 20_000),
)
_RT = replace(_BE, name="short", blocks=30, duration_ns=15_000)


class _Device:
    """A simulated MI50 with tasks, run to their ends."""

    def __init__(self, policy: str, device: str = "MI50", level: int = 0) -> None:
        options = BackendOptions(
            policy=policy, level=level, is_recording=True, record_until_ns=_END_NS
        )
        self.gpu = SimulatedGpu(device, options)
        self.board = self.gpu.board
        self.ended: list[int] = []

    def queue(self, kind: int) -> int:
        return add_queue(self.board, QueueSpec(kind=kind))

    def program(self, *kernels: Kernel) -> int:
        return add_program(self.board, [add_kernel(self.board, one) for one in kernels])

    def run(self, until_ns: int = _END_NS) -> None:
        while self.gpu.now_ns() < until_ns:
            self.gpu.advance(until_ns)
            while waiting(self.board.outbox):
                self.ended.append(int(take(self.board.outbox)))

    def state(self, task: int) -> int:
        return int(self.board.tasks.state[task])


def _preempted(policy: str, device: str = "MI50", level: int = 0) -> tuple[_Device, int]:
    """A best-effort task of long kernels that ten real-time tasks interrupt at drawn times."""
    one = _Device(policy, device, level)
    best_effort, real_time = one.queue(constants.BE), one.queue(constants.RT)
    task = submit(one.board, best_effort, one.program(_BE, _BE, _BE), 1)
    short = one.program(_RT, _RT)
    drawn = np.random.default_rng(5).integers(10_000, 900_000, 10)
    for due_ns in np.sort(drawn):
        submit(one.board, real_time, short, int(due_ns))
    one.run()
    return one, task


def _runs(spans: list[Span], task: int) -> dict[int, int]:
    """How often each block of a task's kernels ran whole, by kernel row and block."""
    found: dict[int, int] = defaultdict(int)
    for span in spans:
        if span.task == task and not span.is_lost:
            for block in range(span.first_block, span.first_block + span.blocks):
                found[span.kernel * 100_000 + block] += 1
    return found


@pytest.mark.parametrize(
    "policy", ["block-edge", "block-edge-padding", "wait", "priority", "orion"]
)
def test_no_block_is_lost_or_run_twice_under_preemption(policy: str) -> None:
    one, task = _preempted(policy)
    found = _runs(one.gpu.spans(), task)
    assert len(found) == 3 * _BE.blocks
    assert set(found.values()) == {1}
    assert one.board.counts.blocks_lost[0] == one.board.counts.blocks_repeated[0] == 0


@pytest.mark.parametrize("policy", ["reset", "reef"])
def test_killed_blocks_are_counted_and_run_again(policy: str) -> None:
    one, task = _preempted(policy)
    lost = sum(span.blocks for span in one.gpu.spans() if span.is_lost)
    assert lost > 0
    assert one.board.counts.blocks_lost[0] >= lost
    assert len(_runs(one.gpu.spans(), task)) == 3 * _BE.blocks
    assert len(one.ended) == 11


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_lower_level_preempts_later_and_exactly(level: int) -> None:
    one, task = _preempted("block-edge", level=level)
    assert set(_runs(one.gpu.spans(), task).values()) == {1}
    assert len(one.ended) == 11


def test_real_time_work_waits_least_at_block_edges() -> None:
    waits = {}
    for policy in ("block-edge", "wait"):
        one, _ = _preempted(policy)
        kept = one.board.preemptions[: one.board.counts.preemptions[0]]
        waits[policy] = (kept.started_ns - kept.arrived_ns).mean()
    assert waits["block-edge"] < waits["wait"]


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (_preempted("block-edge-padding")[0].gpu.spans() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("device", ["MI50", "V100", "A100", "H200"])
def test_blocks_never_share_a_slot(device: str) -> None:
    one, _ = _preempted("block-edge-padding", device)
    ends: dict[tuple[int, int], int] = {}
    for span in one.gpu.spans():
        place = (span.multiprocessor, span.slot)
        assert ends.get(place, 0) <= span.start_ns
        assert 0 <= span.multiprocessor < one.board.device.multiprocessors
        ends[place] = span.end_ns


def test_a_multiprocessor_holds_no_more_than_its_threads() -> None:
    one, _ = _preempted("multistream")
    changes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for span in one.gpu.spans():
        threads = span.blocks * int(one.board.kernels.threads[span.kernel])
        changes[span.multiprocessor] += [(span.start_ns, threads), (span.end_ns, -threads)]
    for events in changes.values():
        resident = np.cumsum([threads for _, threads in sorted(events)])
        assert resident.max() <= one.board.device.threads_per_multiprocessor


def test_kernels_of_no_block_and_of_one_block_run() -> None:
    one = _Device("block-edge")
    program = one.program(replace(_BE, blocks=0), replace(_BE, blocks=1), replace(_BE, blocks=0))
    task = submit(one.board, one.queue(constants.BE), program, 1)
    one.run()
    assert one.state(task) == constants.FINISHED
    assert one.board.counts.blocks_run[0] == 1


def test_a_kernel_that_fails_fails_its_task() -> None:
    one = _Device("block-edge")
    program = one.program(_BE, replace(_BE, handle=FAILS), _BE)
    task = submit(one.board, one.queue(constants.BE), program, 1)
    one.run()
    assert one.state(task) == constants.FAILED


def test_a_kernel_that_never_ends_makes_the_device_stuck() -> None:
    one = _Device("block-edge", "H200")
    endless = replace(_BE, handle=NEVER_ENDS, limit_ns=2 * _MS)
    submit(one.board, one.queue(constants.BE), one.program(endless), 1)
    real_time = one.queue(constants.RT)
    short = one.program(_RT)
    for due_ns in range(_MS, 20 * _MS, _MS):
        submit(one.board, real_time, short, due_ns)
    one.run(100 * _MS)
    assert one.board.counts.device_state[0] == constants.STUCK


def test_what_the_dispatcher_learns_does_not_change_how_long_blocks_take() -> None:
    one = _Device("block-edge")
    unprofiled = replace(_BE, duration_ns=0, wave_ns=())
    program = one.program(unprofiled)
    queue = one.queue(constants.BE)
    took = []
    for _ in range(3):
        start_ns = one.gpu.now_ns()
        task = submit(one.board, queue, program, start_ns)
        one.run(start_ns + 10 * _MS)
        took.append(int(one.board.tasks.ended_ns[task]) - start_ns)
    assert max(took) - min(took) <= 10


def test_a_policy_that_kills_is_refused_where_nothing_can_be_killed() -> None:
    with pytest.raises(InputError, match="reset"):
        SimulatedGpu("H200", BackendOptions(policy="reset"))


def test_a_network_alone_takes_about_as_long_as_reef_measured() -> None:
    one = _Device("rt-only")
    published_us = {"vgg": 4824, "resnet152": 13233, "densenet": 3743, "inception": 8273}
    for name, told_us in published_us.items():
        start_ns = one.gpu.now_ns()
        queue, program = one.queue(constants.RT), one.gpu.add_network(name)
        task = submit(one.board, queue, program, start_ns)
        one.run(start_ns + 20 * _MS)
        took_us = (int(one.board.tasks.ended_ns[task]) - start_ns) / 1000
        assert took_us == pytest.approx(told_us, rel=0.1), name


def test_clients_of_one_network_share_its_kernels() -> None:
    gpu = SimulatedGpu("MI50")
    assert gpu.add_network("vgg19") == gpu.add_network("vgg")
