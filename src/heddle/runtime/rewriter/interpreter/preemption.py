"""A rewritten kernel stopped at random instants and resumed until all its blocks have run.

The launches go as a device would make them: each has a few physical blocks, a quota of logical
blocks, an epoch of its own and a record that was used before; while it runs, the queue's epoch may
rise. What the record says afterwards decides where the next launch begins. Rules that memory alone
does not show (blocks stop when told, the quota holds, the count is right) are checked here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.grid import Launch, Schedule, Signal, Triple, run_grid
from heddle.runtime.rewriter.interpreter.memory import Array, Memory
from heddle.runtime.rewriter.interpreter.program import Program
from heddle.runtime.rewriter.rewritten import (
    BROADCAST,
    DECISION,
    DONE,
    END,
    EPOCH,
    FIRST,
    GRID_X,
    GRID_Z,
    LEAVE,
    RUN,
    TICKET,
    record_bytes,
)

RECORD, FLAG = "launch record", "epoch word"
_MOST_RESIDENT = 4
_MOST_LAUNCHES = 400
#: Within so many instructions the first leaders have come to the check at the entry.
_CHECK_STEPS = 60


@dataclass(frozen=True, slots=True)
class Preempted:
    """How a kernel was run: launches, those that left before their quota was done, instructions."""

    launches: int
    evictions: int
    steps: int


@dataclass(frozen=True, slots=True)
class Began:
    """What was known when the epoch rose: whether it rose while the launch ran, whether before its
    first instruction, and the tickets taken by then.
    """

    is_signalled: bool
    is_early: bool
    tickets: int


def run_preempted(
    program: Program, launch: Launch, memory: Memory, seed: int, typical_steps: int
) -> Preempted:
    """Run a persistent kernel to its end under random preemption; memory is changed in place.

    Parameters
    ----------
    launch
        The launch of the original kernel.
    seed
        Of every choice.
    typical_steps
        Instructions that the original took: how late a preemption may come, and what is a hang.

    Raises
    ------
    KernelFaultError
        A fault of the kernel, or a rule of the protocol broken.
    """
    return _Owner(program, launch, memory, np.random.default_rng(seed), typical_steps).finish()


def run_checked(
    program: Program, launch: Launch, memory: Memory, seed: int, typical_steps: int
) -> Preempted:
    """Run a kernel with an entry check: told to leave at random instants, it must have run whole or
    not at all, as its decision says. Otherwise as ``run_preempted``.
    """
    owner = _Owner(program, launch, memory, np.random.default_rng(seed), typical_steps)
    return owner.finish_checked()


class _Owner:
    """The host side of the protocol."""

    def __init__(
        self,
        program: Program,
        launch: Launch,
        memory: Memory,
        random: np.random.Generator,
        typical_steps: int,
    ) -> None:
        self.program = program
        self.launch = launch
        self.memory = memory
        self.random = random
        self.typical_steps = typical_steps
        size = max(_MOST_RESIDENT, launch.num_blocks)
        garbage = random.integers(0, 1 << 32, record_bytes(size) // 4, dtype=np.uint32)
        memory.add(RECORD, garbage)
        memory.add(FLAG, np.zeros(1, dtype=np.uint32))
        self.epoch = 0
        self.counts = [0, 0, 0]

    def finish(self) -> Preempted:
        """1. choose a quota; 2. launch and perhaps preempt; 3. check; 4. go on behind it."""
        first, total = 0, self.launch.num_blocks
        while first < total:
            end = int(self.random.integers(first + 1, total + 1))
            end = total if self.random.random() < 0.7 else end
            resident = int(self.random.integers(1, _MOST_RESIDENT + 1))
            self._write_record(first, end)
            began = self._run((resident, 1, 1), self.typical_steps)
            first += self._done(end - first, resident, began)
        return Preempted(*self.counts)

    def finish_checked(self) -> Preempted:
        """Launch until the kernel has decided to run."""
        while True:
            self._write_record(0, self.launch.num_blocks)
            before = self.memory.cells.copy()
            began = self._run(self.launch.grid, _CHECK_STEPS)
            decision = int(self._words()[DECISION])
            if decision == RUN and not began.is_early:
                return Preempted(*self.counts)
            if decision != LEAVE or not began.is_signalled:
                raise KernelFaultError(f"the kernel ended with decision {decision} ({began})")
            self.counts[1] += 1
            self._compare_unchanged(before)

    def _compare_unchanged(self, before: Array) -> None:
        for name, buffer in self.memory.buffers.items():
            piece = slice(buffer.start, buffer.start + buffer.bytes)
            if name not in {RECORD, FLAG} and (before[piece] != self.memory.cells[piece]).any():
                raise KernelFaultError(f"the kernel left, but changed buffer {name!r}")

    def _words(self) -> Array:
        words, start = self.memory.cell(self.memory.address(RECORD), 4)
        return words[start:]

    def _write_record(self, first: int, end: int) -> None:
        words = self._words()
        values = {TICKET: 0, END: end, EPOCH: self.epoch, FIRST: first, DONE: 0, DECISION: 0}
        for number, value in values.items():
            words[number] = value
        words[GRID_X : GRID_Z + 1] = self.launch.grid
        size = max(_MOST_RESIDENT, self.launch.num_blocks)
        words[BROADCAST : BROADCAST + size] = self.random.integers(0, self.launch.num_blocks, size)

    def _run(self, grid: Triple, latest: int) -> Began:
        """Launch once; the epoch rises after at most ``latest`` instructions, if it rises."""
        if self.counts[0] == _MOST_LAUNCHES:
            raise KernelFaultError(f"not all blocks have run after {_MOST_LAUNCHES} launches")
        signal = self._signal(latest)
        physical = Launch(grid, self.launch.block, self._arguments(), self.launch.shared_bytes)
        schedule = Schedule(
            seed=int(self.random.integers(1 << 31)),
            resident=int(self.random.integers(1, _MOST_RESIDENT + 1)),
            signal=signal,
            has_early_copies=bool(self.random.random() < 0.3),
            limit=6 * self.typical_steps + 20_000,
        )
        outcome = run_grid(self.program, physical, self.memory, schedule)
        self.counts[0] += 1
        self.counts[2] += outcome.steps
        if signal is not None:
            self.epoch = signal.value
        is_early = signal is not None and signal.after == 0
        return Began(outcome.is_signalled, is_early, outcome.watched)

    def _signal(self, latest: int) -> Signal | None:
        if self.random.random() < 0.25:
            return None
        after = int(self.random.integers(latest + 1))
        after = 0 if self.random.random() < 0.1 else after
        watched = self.memory.address(RECORD) + 4 * TICKET
        return Signal(self.memory.address(FLAG), self.epoch + 1, after, watched)

    def _arguments(self) -> bytes:
        *_, control, flag = self.program.entry.parameters
        offsets = self.program.entry.offsets()
        buffer = bytearray(offsets[flag.name] + flag.bytes)
        buffer[: len(self.launch.arguments)] = self.launch.arguments
        for parameter, name in ((control, RECORD), (flag, FLAG)):
            start = offsets[parameter.name]
            buffer[start : start + 8] = self.memory.address(name).to_bytes(8, "little")
        return bytes(buffer)

    def _done(self, quota: int, resident: int, began: Began) -> int:
        """The blocks of the last launch; faults when they break a rule."""
        words = self._words()
        done, tickets = int(words[DONE]), min(int(words[TICKET]), quota)
        latest = 0 if began.is_early else began.tickets + resident
        if done > quota:
            raise KernelFaultError(f"{done} blocks ran; the quota was {quota}")
        if done != tickets:
            raise KernelFaultError(f"{tickets} tickets were taken, but {done} blocks ran")
        if not began.is_signalled and done < quota:
            raise KernelFaultError(f"nothing stopped the launch, but {done} of {quota} blocks ran")
        if began.is_signalled and done > latest:
            raise KernelFaultError(f"{done} blocks ran; {latest} could have begun in time")
        self.counts[1] += done < quota
        return done
