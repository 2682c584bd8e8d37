"""What the runner, the conformance suite and the local service need of a device that runs kernels.

The simulated GPU, the cpu device, the cuda device and the segment device provide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from heddle.runtime.core.board import Board, Sizes

DEFAULT_POLICY = "block-edge-padding"


@dataclass(frozen=True)
class BackendOptions:
    """How a device is opened.

    ``policy`` is a name of ``core.policies``; ``level`` holds the device to a lower preemption
    level than it has (0: its own); ``seed`` is for what is drawn; spans of blocks are recorded
    between ``record_from_ns`` and ``record_until_ns`` of the device's clock when ``is_recording``.
    """

    policy: str = DEFAULT_POLICY
    level: int = 0
    seed: int = 0
    is_recording: bool = False
    record_from_ns: int = 0
    record_until_ns: int = 0
    sizes: Sizes | None = None


@dataclass(frozen=True, order=True)
class Span:
    """Blocks of one launch that ran together in one place: for pictures and for laws.

    ``slot`` numbers the places inside a multiprocessor. ``is_lost`` says that they were killed.
    """

    start_ns: int
    end_ns: int
    multiprocessor: int
    slot: int
    queue: int
    task: int
    kernel: int
    first_block: int
    blocks: int
    is_lost: bool = False


class Backend(Protocol):
    """A device that runs kernels, with its board.

    Times are nanoseconds of the device's own clock, virtual or monotonic.
    """

    @property
    def name(self) -> str:
        """What users call it: ``sim:MI50``, ``cpu``, ``cuda:0``."""

    @property
    def label(self) -> str:
        """``measured``, ``simulated`` or ``extrapolated``: what its times are worth."""

    @property
    def board(self) -> Board:
        """The control block; clients submit through ``core.registration``."""

    def networks(self) -> tuple[str, ...]:
        """The networks it can run by name."""

    def add_network(self, name: str) -> int:
        """A program for one client of a named network; InputError for a strange name."""

    def now_ns(self) -> int:
        """The device's clock."""

    def advance(self, until_ns: int) -> None:
        """Returns when a task is over (``outbox`` has something) or at the given time."""

    def spans(self) -> list[Span]:
        """What was recorded so far, by start."""

    def close(self) -> None:
        """Ends it; what runs leaves at the next edge. Again is harmless."""
