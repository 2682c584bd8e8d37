"""What a device did, block by block, as the records that ``device_timeline`` draws.

Plain numbers and words: the CLI fills them from what the runner recorded. Times are microseconds
since the start of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class TimelineClient(NamedTuple):
    """Whose blocks they are."""

    name: str
    is_real_time: bool


class TimelineBar(NamedTuple):
    """Blocks of one kernel that were resident together in one place of a multiprocessor."""

    unit: int
    client: int
    begin_us: float
    end_us: float
    blocks: int
    lane: int = 0
    is_lost: bool = False


class TimelinePreemption(NamedTuple):
    """One preemption: the real-time request came, was noticed; best-effort work was told to leave
    and has left; the first real-time block began.
    """

    arrived_us: float
    noticed_us: float
    flagged_us: float
    drained_us: float
    started_us: float

    @property
    def last_us(self) -> float:
        """When all of it is over: real-time work may begin before the last block has left."""
        return max(self.drained_us, self.started_us)


@dataclass(frozen=True, slots=True)
class DeviceTimeline:
    """A window of a run.

    Attributes
    ----------
    units
        The names of the multiprocessors (or workers) that are drawn, top down.
    clients
        ``TimelineBar.client`` is an index into them.
    note
        A sentence under the picture, such as which part of the device is shown.
    """

    title: str
    subtitle: str
    begin_us: float
    end_us: float
    units: tuple[str, ...]
    clients: tuple[TimelineClient, ...]
    bars: tuple[TimelineBar, ...]
    preemptions: tuple[TimelinePreemption, ...]
    note: str = ""
