"""One round on the cpu device: periodic real-time work beside best-effort work that never ends.

The rounds of ``runtime_cpu`` are made of it. Real-time tasks are submitted ahead with the time at
which they arrive, so that no Python stands on their way; best-effort work has two copies of its
network, of which one runs while the output of the other is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.constants import BE, FINISHED, RT
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.registration import add_queue, release, submit
from heddle.runtime.core.rings import take, waiting
from heddle.runtime.library.networks import build
from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.scheduled import ScheduledProgram
from heddle.runtime.workers.backend import CpuBackend

_LEAD_NS = 40_000_000  # between opening and the first arrival
_PATIENCE_NS = 5_000_000_000  # after the last arrival
_US = 1e3

Disturbance = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Load:
    """What a round runs: networks by name, real-time requests and the time between them, ns.

    ``ahead`` best-effort tasks are submitted before the round; where it is 0, two are, and each
    again when it is over.
    """

    urgent: str
    patient: str
    requests: int
    period_ns: int
    ahead: int = 0


@dataclass(frozen=True)
class Round:
    """What one round showed; times in µs."""

    policy: str
    latency_us: npt.NDArray[np.float64]
    notice_us: npt.NDArray[np.float64]
    drain_us: npt.NDArray[np.float64]
    start_us: npt.NDArray[np.float64]
    patient_blocks_per_s: float
    wrong_outputs: int
    outputs: int


class Copies:
    """Networks of one round with the output that each must give.

    Parameters
    ----------
    load
        Which; one copy for real-time work and two for best-effort work are built.
    """

    def __init__(self, load: Load) -> None:
        self.urgent = build(load.urgent)
        self.patient = (build(load.patient), build(load.patient))
        self._expected = {id(one): one.run_here().tobytes() for one in self.all}

    @property
    def all(self) -> tuple[BoundNetwork, ...]:
        """Every copy."""
        return (self.urgent, *self.patient)

    def is_right(self, network: BoundNetwork) -> bool:
        """Whether its output is what it gives without preemption, bit by bit; then it is wiped."""
        is_equal = network.output.tobytes() == self._expected[id(network)]
        network.output[:] = 0
        return is_equal


@dataclass(frozen=True)
class _Work:
    """A program of one client, and whether what it left behind is right."""

    kernels: tuple[Kernel, ...]
    is_right: Callable[[], bool]

    @property
    def num_blocks(self) -> int:
        return sum(kernel.blocks for kernel in self.kernels)


def play(policy: str, load: Load, copies: Copies, disturbed: Disturbance = nullcontext) -> Round:
    """Runs a round of networks under a policy on a device of its own, within ``disturbed()``."""
    works = [_Work(one.kernels, partial(copies.is_right, one)) for one in copies.all]
    return _played(policy, load, works, disturbed)


def play_schedules(
    policy: str, load: Load, urgent: ScheduledProgram, patient: ScheduledProgram
) -> Round:
    """Runs a round of schedules; there are no outputs, and the load names no networks."""
    works = [_Work(one.kernels, lambda: True) for one in (urgent, patient, patient)]
    return _played(policy, load, works, nullcontext)


def _played(policy: str, load: Load, works: Sequence[_Work], disturbed: Disturbance) -> Round:
    backend = CpuBackend(BackendOptions(policy))
    try:
        return _Playing(backend, load, works).run(policy, disturbed)
    finally:
        backend.close()


class _Playing:
    def __init__(self, backend: CpuBackend, load: Load, works: Sequence[_Work]) -> None:
        self._backend, self._board, self._load = backend, backend.board, load
        self._urgent_work = works[0]
        self._urgent = add_queue(self._board, QueueSpec(RT, capacity=load.requests))
        self._patient = add_queue(self._board, QueueSpec(BE))
        self._programs = {backend.add_kernels(one.kernels): one for one in works}
        self._latencies_ns: list[int] = []
        self._wrong = self._outputs = 0

    def run(self, policy: str, disturbed: Disturbance) -> Round:
        urgent, *patient = self._programs
        begun_ns = self._backend.now_ns() + _LEAD_NS
        for number in range(self._load.requests):
            submit(self._board, self._urgent, urgent, begun_ns + number * self._load.period_ns)
        for number in range(self._load.ahead or len(patient)):
            program = patient[number % len(patient)]
            submit(self._board, self._patient, program, begun_ns - _LEAD_NS)
        last_ns = begun_ns + self._load.requests * self._load.period_ns
        self._backend.poke()  # before somebody takes the interpreter lock
        with disturbed():
            while self._backend.now_ns() < last_ns:
                self._backend.advance(last_ns)
                self._take_ended()
        patient_blocks = self._patient_blocks()
        ended_ns = self._backend.now_ns()
        self._finish_urgent(ended_ns + _PATIENCE_NS)
        return self._round(policy, patient_blocks / (ended_ns - begun_ns) * 1e9)

    def _finish_urgent(self, until_ns: int) -> None:
        while len(self._latencies_ns) < self._load.requests and self._backend.now_ns() < until_ns:
            self._backend.advance(until_ns)
            self._take_ended(is_over=True)

    def _patient_blocks(self) -> int:
        """Best-effort blocks that ran: all but those of real-time requests."""
        done = len(self._latencies_ns)
        return int(self._board.counts.blocks_run[0]) - done * self._urgent_work.num_blocks

    def _take_ended(self, *, is_over: bool = False) -> None:
        tasks = self._board.tasks
        while waiting(self._board.outbox) > 0:
            task = take(self._board.outbox)
            program = int(tasks.program[task])
            self._outputs += 1
            is_right = tasks.state[task] == FINISHED
            if tasks.queue[task] == self._urgent:
                self._latencies_ns.append(int(tasks.ended_ns[task] - tasks.due_ns[task]))
            else:
                is_right &= self._load.ahead > 0 or self._programs[program].is_right()
                if not is_over and self._load.ahead == 0:
                    submit(self._board, self._patient, program, self._backend.now_ns())
            self._wrong += not is_right
            release(self._board, task)

    def _round(self, policy: str, patient_blocks_per_s: float) -> Round:
        count = min(int(self._board.counts.preemptions[0]), len(self._board.preemptions))
        rows = self._board.preemptions[:count]
        rows = rows[(rows.started_ns > 0) & (rows.drained_ns > 0)]
        is_right = self._urgent_work.is_right()
        return Round(
            policy,
            np.array(self._latencies_ns) / _US,
            (rows.noticed_ns - rows.arrived_ns) / _US,
            (rows.drained_ns - rows.flagged_ns) / _US,
            (rows.started_ns - rows.arrived_ns) / _US,
            patient_blocks_per_s,
            self._wrong + (not is_right),
            self._outputs,
        )
