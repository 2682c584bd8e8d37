"""A warp and a block while they run: which lanes stand where, and what waits at barriers.

Lanes that take different ways form groups, each with an instruction number and a mask. The group
that is furthest behind runs first, so that groups meet again where their ways join. A group that
comes to a barrier is parked until every living thread of the block is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.runtime.rewriter.interpreter.layout import WARP
from heddle.runtime.rewriter.interpreter.memory import Array, Memory, Space

Mask = NDArray[np.bool_]
#: What a barrier does with the predicates of all threads: number of trues and of threads in,
#: a value for every thread out.
Combine = Callable[[int, int], Any]


@dataclass(slots=True, eq=False)
class Parked:
    """Lanes at a barrier: where they go on, and for a reduction its input and target."""

    pc: int
    mask: Mask
    wanted: int
    votes: int = 0
    slot: int = -1
    combine: Combine | None = None


@dataclass(slots=True)
class Copies:
    """Asynchronous copies of a warp: not yet committed, and committed groups in order."""

    is_early: bool = False
    open: list[tuple[Array, Array]] = field(default_factory=list)
    groups: list[list[tuple[Array, Array]]] = field(default_factory=list)


class Block:
    """What the warps of one physical block share.

    Attributes
    ----------
    shared, local
        Shared memory, and the local memory of all threads, one row of ``local_bytes`` each.
    parameters
        The packed arguments.
    memory
        Global memory.
    warps
        In order; a warp that has ended stays in the list.
    """

    def __init__(
        self, memory: Memory, shared: Space, local: Space, parameters: Space, local_bytes: int
    ) -> None:
        self.memory = memory
        self.shared = shared
        self.local = local
        self.parameters = parameters
        self.local_bytes = local_bytes
        self.warps: list[Warp] = []

    @property
    def is_over(self) -> bool:
        """Whether every thread has ended."""
        return all(warp.is_over for warp in self.warps)

    def settle(self) -> bool:
        """Open the barriers at which everybody stands; return whether one was opened."""
        waiting: dict[int, list[tuple[Warp, Parked]]] = {}
        for warp in self.warps:
            for barrier, parked in warp.parked:
                waiting.setdefault(barrier, []).append((warp, parked))
        opened = False
        for barrier, those in waiting.items():
            if self._is_complete([parked for _, parked in those]):
                self._open(barrier, those)
                opened = True
        return opened

    def _is_complete(self, those: list[Parked]) -> bool:
        arrived = sum(int(parked.mask.sum()) for parked in those)
        wanted = max(parked.wanted for parked in those)
        return arrived >= (wanted or sum(warp.living for warp in self.warps))

    @staticmethod
    def _open(barrier: int, those: list[tuple[Warp, Parked]]) -> None:
        votes = sum(parked.votes for _, parked in those)
        lanes = sum(int(parked.mask.sum()) for _, parked in those)
        for warp, parked in those:
            if parked.combine is not None:
                target = warp.values[parked.slot]
                np.copyto(target, parked.combine(votes, lanes), where=parked.mask)
            warp.parked.remove((barrier, parked))
            warp.resume(parked.pc, parked.mask)


class Warp:
    """32 lanes that run together.

    Attributes
    ----------
    values
        One array of 32 lanes per slot of the kernel's layout.
    pc, mask
        The running group: its next instruction and its lanes; ``pc`` is -1 when no group can run.
    full
        Whether the running group has all 32 lanes: steps then need not look at the mask.
    pending
        Other groups that can run.
    parked
        Groups at barriers, with the barrier's number.
    local_base
        The offset of each lane's local memory.
    """

    def __init__(self, block: Block, values: list[Array], lanes: int, first_thread: int) -> None:
        self.block = block
        self.values = values
        self.pc = 0
        self.mask: Mask = np.arange(WARP) < lanes
        self.full = lanes == WARP
        self.pending: list[tuple[int, Mask]] = []
        self.parked: list[tuple[int, Parked]] = []
        self.living = lanes
        self.copies = Copies()
        self.threads = first_thread + np.arange(WARP)
        self.steps = 0

    @property
    def is_over(self) -> bool:
        """Whether every lane has ended."""
        return self.living == 0

    @property
    def can_run(self) -> bool:
        """Whether some group stands at no barrier."""
        return self.pc >= 0

    def put(self, slot: int, value: Array, mask: Mask | None) -> None:
        """Write the lanes of a mask; None means all."""
        if mask is None:
            self.values[slot][:] = value
        else:
            np.copyto(self.values[slot], value, where=mask)

    def go(self, pc: int) -> None:
        """Move the running group, and run the group that is furthest behind."""
        self.pc = pc
        if self.pending:
            self._choose()

    def split(self, taken: Mask, target: int) -> None:
        """Let some lanes of the running group jump while the others go on."""
        self.pending.append((target, taken))
        self.mask = self.mask & ~taken
        self.full = False
        self.go(self.pc + 1)

    def leave(self, mask: Mask) -> None:
        """Take lanes out of the running group; the rest goes on behind this instruction."""
        rest = self.mask & ~mask
        if rest.any():
            self.mask, self.full = rest, False
            self.go(self.pc + 1)
        else:
            self.mask = rest
            self._drop()

    def end(self, mask: Mask) -> None:
        """End lanes."""
        self.living -= int(mask.sum())
        self.leave(mask)

    def resume(self, pc: int, mask: Mask) -> None:
        """Make a group able to run again."""
        if self.pc < 0:
            self.pc, self.mask, self.full = pc, mask, bool(mask.all())
        else:
            self.pending.append((pc, mask))
            self._choose()

    def _drop(self) -> None:
        """The running group has no lanes left: another one runs, if there is one."""
        self.pc = -1
        if self.pending:
            self.pc, self.mask = self.pending.pop()
            self._choose()
            self.full = bool(self.mask.all())

    def _choose(self) -> None:
        """Join groups that stand at one place; run the one furthest behind."""
        groups: dict[int, Mask] = {self.pc: self.mask}
        for pc, mask in self.pending:
            groups[pc] = groups[pc] | mask if pc in groups else mask
        if len(groups) == len(self.pending) + 1 and self.pc == min(groups):
            return
        self.pc = min(groups)
        self.mask = groups.pop(self.pc)
        self.full = bool(self.mask.all())
        self.pending = list(groups.items())
