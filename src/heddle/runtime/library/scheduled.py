"""Schedules of durations: kernels whose blocks compute nothing and take a stated time.

A mode of its own, for timing only: a published schedule (REEF's, say) can be replayed block by
block on real cores. What it shows is the runtime's behaviour, not any network's result; programs
made here say so in their name. Every block counts how often it ran, as a witness that none was lost
or repeated.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from heddle.runtime.atomics import atomic_add, call_block, pause, word_array
from heddle.runtime.compiled import compiled
from heddle.runtime.core.constants import REPLAY_SAFE, UNKNOWN_BOUND
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.library.body import block_body
from heddle.runtime.library.bound_kernel import BoundKernel, Grid, Words, bind, require

CLOCK_MONOTONIC: Final = 1  # of clock_gettime, on Linux
SLOT_WORDS: Final = 8  # one cache line a block: seconds, nanoseconds, runs
NS_A_SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class ScheduledKernel:
    """A kernel of a schedule: ``blocks`` blocks that take ``block_ns`` each, at least 0."""

    name: str
    blocks: int
    block_ns: int
    contract: int = REPLAY_SAFE
    bound: int = UNKNOWN_BOUND


@dataclass(frozen=True)
class ScheduledProgram:
    """A schedule that is ready to run; it must live as long as a device runs it."""

    name: str
    bound_kernels: tuple[BoundKernel, ...]
    slots: tuple[Words, ...]

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """What a device registers, in order."""
        return tuple(bound.kernel for bound in self.bound_kernels)

    def runs(self) -> tuple[npt.NDArray[np.int64], ...]:
        """How often every block ran, one array a kernel."""
        return tuple(slots[:, 2].copy() for slots in self.slots)

    def run_here(self) -> None:
        """Runs one request in this thread, block by block."""
        for bound in self.bound_kernels:
            bound.run()


def schedule(name: str, kernels: Sequence[ScheduledKernel]) -> ScheduledProgram:
    """The program that replays a schedule; its name ends in ``(schedule)``.

    A block's time is time that passes: it also runs while the system has taken the core away.

    Raises
    ------
    InputError
        A kernel has a negative time or number of blocks.
    HostError
        numba is not installed.
    """
    for kernel in kernels:
        is_fitting = kernel.blocks >= 0 and kernel.block_ns >= 0
        needed = f"{kernel.blocks} blocks of {kernel.block_ns} ns; 0 or more are needed"
        require(f"scheduled kernel {kernel.name!r}", is_fitting, needed)
    slots = tuple(np.zeros((kernel.blocks, SLOT_WORDS), np.int64) for kernel in kernels)
    bound = tuple(_bound(kernel, slot) for kernel, slot in zip(kernels, slots, strict=True))
    return ScheduledProgram(f"{name} (schedule)", bound, slots)


def _bound(kernel: ScheduledKernel, slots: Words) -> BoundKernel:
    grid = Grid(kernel.blocks, kernel.contract, kernel.bound)
    bound = bind(scheduled_block, grid, [_clock_address(), kernel.block_ns, slots])
    return replace(bound, kernel=replace(bound.kernel, name=kernel.name))


def _clock_address() -> int:
    """Where the C library's ``clock_gettime`` stands."""
    found = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value
    return int(found or 0)


@block_body
def scheduled_block(block: int, words: Any) -> None:
    """Spins until its time is over; it looks at the clock at least once."""
    at = words[2] + 8 * SLOT_WORDS * block
    slot = word_array(at, SLOT_WORDS)
    end = _now_ns(words[0], at, slot) + words[1]
    while _now_ns(words[0], at, slot) < end:
        pause()
    atomic_add(slot, 2, 1)


@compiled
def _now_ns(clock: int, at: int, slot: Any) -> int:
    """The monotonic time; the block's slot is where the C library puts it."""
    call_block(clock, CLOCK_MONOTONIC, at)
    return slot[0] * NS_A_SECOND + slot[1]  # type: ignore[no-any-return]
