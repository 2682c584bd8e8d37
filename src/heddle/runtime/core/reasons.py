"""Why the dispatcher did something: a number for machines, a sentence for people."""

from __future__ import annotations

from typing import Final

RT_FIRST: Final = 0
ONLY_WORK: Final = 1
IN_TURN: Final = 2
STREAM_FREE: Final = 3
RT_ARRIVED: Final = 4
RT_KILLS: Final = 5
PADS: Final = 6
PADS_SMALL: Final = 7
PADS_PAIR: Final = 8
CLIENT_GONE: Final = 9
KERNEL_FAILED: Final = 10
OVERRAN: Final = 11

SENTENCES: Final = (
    "real-time work goes first",
    "no real-time work is there: best-effort work takes the device",
    "one task at a time, and it is this one's turn",
    "its stream has room",
    "real-time work arrived: best-effort work leaves at the next edge",
    "real-time work arrived: best-effort work is killed and will be run again",
    "fits beside the real-time kernel by occupancy and by duration",
    "nobody has measured it beside real-time work yet: a small budget",
    "needs few multiprocessors and is bound by what the real-time kernel is not",
    "its client is gone",
    "a kernel of its task failed",
    "it ran longer than its limit",
)
