"""How the cuda device does what can be done in more than one way; all of it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from heddle.errors import InputError
from heddle.runtime.cuda.plant import BY_COMPLETION, BY_EVENT, BY_MARKER

STREAM_WRITE: Final = "stream-write"
MAPPED: Final = "mapped"
EPOCH_METHODS: Final = (STREAM_WRITE, MAPPED)
BEGINNINGS: Final = {"event": BY_EVENT, "completion": BY_COMPLETION, "marker": BY_MARKER}


@dataclass(frozen=True)
class CudaOptions:
    """Choices of the cuda device.

    Attributes
    ----------
    epoch_by
        ``stream-write``: the epoch stands in the GPU's memory and a stream of its own writes it, a
        few microseconds, after which blocks read it from the cache; ``mapped``: it stands in the
        host's memory, is written at once, and every look goes over the bus.
    begins_by
        How the beginning of real-time work that preempts is seen: ``completion`` (all its blocks
        have begun), ``marker`` (a block as large as its own ran first), ``event`` (its stream is at
        it).
    resident_percent
        How much of the GPU the blocks of a persistent kernel may hold, in percent of what fits.
    idle_s
        After so long without work the loop naps between looks; 0: it always spins.
    nap_us
        How long it naps; this much later it may see work that comes.
    """

    epoch_by: str = STREAM_WRITE
    begins_by: str = "completion"
    resident_percent: int = 100
    idle_s: float = 0.0
    nap_us: int = 50

    def __post_init__(self) -> None:
        if self.epoch_by not in EPOCH_METHODS:
            raise InputError(
                f"epoch_by {self.epoch_by!r}; {' or '.join(EPOCH_METHODS)} are possible"
            )
        if self.begins_by not in BEGINNINGS:
            raise InputError(f"begins_by {self.begins_by!r}; {', '.join(BEGINNINGS)} are possible")
        if not 1 <= self.resident_percent <= 100:
            raise InputError(f"resident_percent {self.resident_percent}; 1 to 100 are possible")
