"""The blocks of a launch, run under a seeded schedule.

Several physical blocks are resident at once. At each turn one warp runs for a few instructions, or
until its next barrier; from time to time one warp is held back until nothing else can run, so that
code which only works when warps keep step is found. A schedule can write the epoch word of a queue
after a number of instructions: that is a preemption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.layout import WARP
from heddle.runtime.rewriter.interpreter.memory import Array, Memory, Space
from heddle.runtime.rewriter.interpreter.program import Program
from heddle.runtime.rewriter.interpreter.warp import Block, Warp

Triple = tuple[int, int, int]

#: What shared and local memory hold when a physical block begins.
POISON = 0xCB
_QUANTA = (2, 7, 30, 150)
_TURNS_BETWEEN_HOLDS = 24


@dataclass(frozen=True, slots=True)
class Launch:
    """Grid and block in blocks and threads, packed arguments, bytes of dynamic shared memory."""

    grid: Triple
    block: Triple
    arguments: bytes
    shared_bytes: int = 0

    @property
    def num_blocks(self) -> int:
        """Blocks of the grid."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def num_threads(self) -> int:
        """Threads of a block."""
        return self.block[0] * self.block[1] * self.block[2]


@dataclass(frozen=True, slots=True)
class Signal:
    """A 32-bit word that is written when ``after`` instructions have run.

    Another word, ``watched``, is read at that moment.
    """

    address: int
    value: int
    after: int
    watched: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a launch went.

    Attributes
    ----------
    steps
        Instructions run, counted per warp.
    is_signalled
        Whether the signal came before the launch ended.
    watched
        What the watched word held when it came.
    """

    steps: int
    is_signalled: bool
    watched: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """In which order things happen.

    Attributes
    ----------
    seed
        Of every choice.
    resident
        Physical blocks that run at once.
    signal
        What is written while the launch runs.
    has_early_copies
        Whether ``cp.async`` delivers at once rather than when it is waited for.
    limit
        Instructions of a warp after which the launch counts as hung.
    """

    seed: int = 0
    resident: int = 3
    signal: Signal | None = None
    has_early_copies: bool = False
    limit: int = 3_000_000


def run_grid(program: Program, launch: Launch, memory: Memory, schedule: Schedule) -> Outcome:
    """Run every block of a launch; memory is changed in place.

    Raises
    ------
    KernelFaultError
        An access outside every buffer, a barrier that is never complete, or no end.
    """
    run = _Run(program, launch, memory, schedule)
    with np.errstate(all="ignore"):
        return run.finish()


class _Run:
    def __init__(
        self, program: Program, launch: Launch, memory: Memory, schedule: Schedule
    ) -> None:
        self.program = program
        self.launch = launch
        self.memory = memory
        self.schedule = schedule
        self.random = np.random.default_rng(schedule.seed)
        self.steps = 0
        self.resident: list[Block] = []
        self.held: Warp | None = None
        self.is_signalled = False
        self.watched = 0

    def finish(self) -> Outcome:
        """1. make blocks resident; 2. run a warp for a while; 3. open barriers; 4. signal."""
        waiting = iter(range(self.launch.num_blocks))
        turns = 0
        self._signal()
        while self._admit(waiting):
            self._hold(turns)
            warp = self._chosen()
            self.steps += self.program.advance(warp, int(self.random.choice(_QUANTA)))
            if not warp.can_run:
                self._settle(warp.block)
            self._signal()
            turns += 1
        outcome = Outcome(self.steps, self.is_signalled, self.watched)
        self._signal(is_over=True)
        return outcome

    def _admit(self, waiting: Iterator[int]) -> bool:
        while len(self.resident) < self.schedule.resident:
            number = next(waiting, None)
            if number is None:
                break
            self.resident.append(new_block(self.program, self.launch, self.memory, number))
            for warp in self.resident[-1].warps:
                warp.copies.is_early = self.schedule.has_early_copies
        return bool(self.resident)

    def _hold(self, turns: int) -> None:
        if turns % _TURNS_BETWEEN_HOLDS == 0:
            warps = [warp for block in self.resident for warp in block.warps]
            self.held = warps[int(self.random.integers(len(warps)))]

    def _chosen(self) -> Warp:
        ready = [warp for block in self.resident for warp in block.warps if warp.can_run]
        free = [warp for warp in ready if warp is not self.held] or ready
        if not free:
            raise KernelFaultError(
                "no thread can go on: some wait at a barrier which others never reach"
            )
        return free[int(self.random.integers(len(free)))]

    def _settle(self, block: Block) -> None:
        while block.settle():
            pass
        if block.is_over:
            self.resident.remove(block)

    def _signal(self, *, is_over: bool = False) -> None:
        signal = self.schedule.signal
        if signal and not self.is_signalled and (is_over or self.steps >= signal.after):
            words, index = self.memory.cell(signal.watched, 4)
            self.watched = int(words[index])
            words, index = self.memory.cell(signal.address, 4)
            words[index] = signal.value
            self.is_signalled = True
        if self.steps > self.schedule.limit:
            raise KernelFaultError(f"the launch did not end within {self.steps} instructions")


def new_block(program: Program, launch: Launch, memory: Memory, number: int) -> Block:
    """Return a physical block with its warps at the first instruction."""
    threads = launch.num_threads
    shared = np.full(program.shared_bytes + launch.shared_bytes, POISON, dtype=np.uint8)
    local = np.full(threads * program.local_bytes, POISON, dtype=np.uint8)
    parameters = np.frombuffer(launch.arguments + bytes(-len(launch.arguments) % 8), dtype=np.uint8)
    block = Block(
        memory,
        Space("shared memory", _whole_words(shared)),
        Space("local memory", local),
        Space("parameters", parameters),
        program.local_bytes,
    )
    for first in range(0, threads, WARP):
        values = program.layout.make(_specials(launch, number, first))
        block.warps.append(Warp(block, values, min(WARP, threads - first), first))
    return block


def _whole_words(cells: Array) -> Array:
    return np.concatenate([cells, np.full(-len(cells) % 16, POISON, dtype=np.uint8)])


def _specials(launch: Launch, number: int, first: int) -> dict[str, Array]:
    """Return what the special registers hold for one warp."""
    thread = first + np.arange(WARP)
    lane = np.arange(WARP)
    special = {
        "%laneid": lane,
        "%warpid": np.full(WARP, first // WARP),
        "%nwarpid": np.full(WARP, -(-launch.num_threads // WARP)),
        "%lanemask_eq": 1 << lane,
        "%lanemask_lt": (1 << lane) - 1,
        "%lanemask_le": (2 << lane) - 1,
        "%lanemask_gt": 0xFFFFFFFF ^ ((2 << lane) - 1),
        "%lanemask_ge": 0xFFFFFFFF ^ ((1 << lane) - 1),
        "%dynamic_smem_size": np.full(WARP, launch.shared_bytes),
    }
    block_left, thread_left = number, thread
    for axis, size, threads in zip("xyz", launch.grid, launch.block, strict=True):
        special[f"%ctaid.{axis}"] = np.full(WARP, block_left % size)
        special[f"%tid.{axis}"] = thread_left % threads
        special[f"%nctaid.{axis}"] = np.full(WARP, size)
        special[f"%ntid.{axis}"] = np.full(WARP, threads)
        block_left, thread_left = block_left // size, thread_left // threads
    return special
