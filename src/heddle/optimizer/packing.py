"""A packing: which services share which GPU, before starts and names are chosen.

Every solver returns one; ``evaluate`` checks and prices it, ``assembly`` turns it
into a deployment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple


class Slot(NamedTuple):
    """One instance: the index of its kind and of the service on it."""

    kind: int
    service: int


class PackedGpu(NamedTuple):
    """One GPU: the index of its pool, and its instances in ascending order.

    Build it with :func:`packed_gpu`, which orders them.
    """

    pool: int
    slots: tuple[Slot, ...]

    @property
    def services(self) -> frozenset[int]:
        """The services on the GPU."""
        return frozenset(slot.service for slot in self.slots)

    def kind_counts(self) -> dict[int, int]:
        """How many instances of each kind it has."""
        return dict(Counter(slot.kind for slot in self.slots))


@dataclass(frozen=True, slots=True)
class Packing:
    """The GPUs of one plan, one entry per GPU; GPUs without instances are not listed."""

    gpus: tuple[PackedGpu, ...]

    @property
    def num_gpus(self) -> int:
        """How many GPUs it takes."""
        return len(self.gpus)


def packed_gpu(pool: int, slots: list[Slot] | tuple[Slot, ...]) -> PackedGpu:
    """Return a GPU with its instances in canonical order."""
    return PackedGpu(pool, tuple(sorted(slots)))
