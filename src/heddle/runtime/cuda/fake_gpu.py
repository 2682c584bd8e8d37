"""A GPU in plain memory: streams, events, kernels as Python bodies, moved on step by step.

``fake_driver`` is the driver in front of it. One step does one piece of work: a command of a
stream, or one block of a running kernel. Which stream goes next is drawn from a seeded generator
with a strong wish for the urgent ones, so that epochs rise and real-time work arrives at any moment
of a kernel.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from heddle.runtime.core.constants import ENTRY_CHECK, PERSISTENT
from heddle.runtime.cuda import codes

_URGENT_SHARE = 0.6  # of the steps go to the most urgent stream that can move


class KernelFaultError(Exception):
    """Raised by the body of a kernel: the context is lost, as after an illegal address."""


@dataclass(frozen=True)
class FakeKernel:
    """A kernel of the fake GPU.

    Attributes
    ----------
    name
        Of its entry.
    body
        Called with the number of a logical block and the parameters as whole numbers.
    num_parameters
        64-bit parameters, without the two that rewritten forms get.
    is_endless
        Its blocks never end.
    """

    name: str
    body: Callable[[int, tuple[int, ...]], None]
    num_parameters: int = 0
    is_endless: bool = False


@dataclass
class FakeEvent:
    """How often it was recorded, and how many of those records were reached."""

    recorded: int = 0
    reached: int = 0


@dataclass
class Work:
    """A launch in a stream: what the hardware knows of it."""

    kernel: FakeKernel
    form: int
    grid: int
    parameters: tuple[int, ...]
    completion: FakeEvent | None = None
    next_block: int = 0
    is_begun: bool = False
    inside: list[int] = field(default_factory=list)  # physical blocks that have not left


Command = Callable[[], bool]  # whether it is over; called again while it is not


@dataclass
class FakeStream:
    """Commands in order."""

    priority: int
    commands: deque[Command | Work] = field(default_factory=deque)
    captured: list[Work] | None = None


class FakeGpu:
    """The hardware.

    Attributes
    ----------
    lost
        The CUresult that every call gives once a kernel has failed; 0 before.
    blocks_run
        ``(kernel name, block)`` of every block that ran, in order.
    """

    def __init__(self, seed: int) -> None:
        self.streams: list[FakeStream] = []
        self.lost = 0
        self.blocks_run: list[tuple[str, int]] = []
        self._random = np.random.default_rng(seed)

    def step(self) -> bool:
        """Does one piece of work; whether there was any that could be done."""
        order = sorted(
            (stream for stream in self.streams if stream.commands), key=lambda each: each.priority
        )
        if len(order) > 1 and self._random.random() > _URGENT_SHARE:
            turned = int(self._random.integers(1, len(order)))
            order = order[turned:] + order[:turned]
        return any(self._advance(stream) for stream in order if not self.lost)

    def _advance(self, stream: FakeStream) -> bool:
        command = stream.commands[0]
        if isinstance(command, Work):
            if command.kernel.is_endless:
                self._begin(command)
                return False
            if self._run_piece(command):
                stream.commands.popleft()
            return True
        if command():
            stream.commands.popleft()
            return True
        return False

    def _run_piece(self, work: Work) -> bool:
        """Runs a block of a launch; whether the launch is over."""
        self._begin(work)
        try:
            if work.form == PERSISTENT:
                return self._run_persistent(work)
            return self._run_plain(work)
        except KernelFaultError:
            self.lost = codes.LAUNCH_FAILED
            return True

    def _begin(self, work: Work) -> None:
        if work.is_begun:
            return
        work.is_begun = True
        work.inside = list(range(work.grid))
        if work.completion:
            work.completion.reached += 1
        if work.form == ENTRY_CHECK:
            record, flag = Words(work.parameters[-2]), Words(work.parameters[-1])
            is_stale = flag[0] > record[codes.EPOCH]
            record[codes.DECISION] = codes.DECIDED_TO_LEAVE if is_stale else 1
            if is_stale:
                work.next_block = work.grid

    def _run_plain(self, work: Work) -> bool:
        if work.next_block < work.grid:
            self._run_block(work, work.next_block)
            work.next_block += 1
        return work.next_block >= work.grid

    def _run_persistent(self, work: Work) -> bool:
        record, flag = Words(work.parameters[-2]), Words(work.parameters[-1])
        block = work.inside[int(self._random.integers(len(work.inside)))]
        is_stale = flag[0] > record[codes.EPOCH]
        logical = record[codes.TICKET] + record[codes.FIRST_BLOCK]
        if not is_stale:
            record[codes.TICKET] += 1
        if is_stale or logical >= record[codes.END]:
            work.inside.remove(block)
            return not work.inside
        record[codes.BROADCAST + block] = logical
        self._run_block(work, logical)
        record[codes.DONE] += 1
        return False

    def _run_block(self, work: Work, block: int) -> None:
        num_own = work.kernel.num_parameters
        self.blocks_run.append((work.kernel.name, block))
        work.kernel.body(block, work.parameters[:num_own])


class Words:
    """The 32-bit words at an address."""

    def __init__(self, address: int) -> None:
        self._address = address

    def __getitem__(self, index: int) -> int:
        return int(ctypes.c_uint32.from_address(self._address + 4 * index).value)

    def __setitem__(self, index: int, value: int) -> None:
        ctypes.c_uint32.from_address(self._address + 4 * index).value = value
