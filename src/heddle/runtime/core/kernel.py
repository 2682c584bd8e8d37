"""A kernel before it stands on a board: logical grid, contract, what runs it, profile."""

from __future__ import annotations

from dataclasses import dataclass, field

from heddle.errors import InputError
from heddle.runtime.core.constants import (
    BE,
    EXACT_RESUME,
    MAX_OCCUPANCY,
    OPAQUE,
    UNKNOWN_BOUND,
)


@dataclass(frozen=True)
class Kernel:
    """A unit of device work, as many equal blocks.

    Parameters
    ----------
    name
        For people.
    blocks
        Logical blocks; 0 is legal and runs nothing.
    threads, registers, shared_bytes
        Threads a block, registers a thread (0 unknown), bytes of shared memory a block.
    contract
        ``EXACT_RESUME``, ``REPLAY_SAFE`` or ``OPAQUE``: what may be done to it.
    bound
        ``COMPUTE_BOUND``, ``MEMORY_BOUND`` or ``UNKNOWN_BOUND``.
    occupancy
        Most blocks of it that one multiprocessor holds; at least 1.
    duration_ns
        The whole kernel alone on the device; 0 where nobody has measured it: it is learned.
    wave_ns
        At ``[j]`` one wave with ``j + 1`` blocks on each multiprocessor; may be empty.
    limit_ns
        When it runs longer it counts as never ending; 0 for no limit.
    is_short
        Run it in the form that is checked at its entry, not between blocks.
    handle, arguments
        What the device runs and where its arguments stand: whole numbers that only it understands.
    """

    name: str
    blocks: int
    threads: int = 1
    registers: int = 0
    shared_bytes: int = 0
    contract: int = EXACT_RESUME
    bound: int = UNKNOWN_BOUND
    occupancy: int = 1
    duration_ns: int = 0
    wave_ns: tuple[int, ...] = field(default=(), repr=False)
    limit_ns: int = 0
    is_short: bool = False
    handle: int = 0
    arguments: int = 0

    def __post_init__(self) -> None:
        self._refuse(self.blocks < 0, f"{self.blocks} blocks; 0 or more are needed")
        self._refuse(self.occupancy < 1, f"occupancy {self.occupancy}; 1 or more is needed")
        self._refuse(not EXACT_RESUME <= self.contract <= OPAQUE, f"contract {self.contract}")
        self._refuse(self.threads < 1, f"{self.threads} threads a block; 1 or more are needed")
        self._refuse(
            len(self.wave_ns) > MAX_OCCUPANCY,
            f"{len(self.wave_ns)} wave times; at most {MAX_OCCUPANCY} are looked at",
        )

    def _refuse(self, is_wrong: bool, found: str) -> None:  # noqa: FBT001
        if is_wrong:
            raise InputError(f"kernel {self.name!r} has {found}")


@dataclass(frozen=True)
class QueueSpec:
    """A queue that is to be made: ``RT`` or ``BE``, and its bounds.

    ``priority`` orders queues of one kind, lower first; ``window`` is the most launches in flight
    (0: what the board's limits say for the kind); ``capacity`` the most tasks that wait (0: as many
    as the board has places for).
    """

    kind: int = BE
    priority: int = 0
    window: int = 0
    capacity: int = 0
