"""Seats: the places for instances on the GPUs of a plan, while they are being dealt.

A GPU that runs has a placement for every seat, and some seats are those where an
instance can stay. A new GPU has seats of some kinds and gets its starts at the end.
Made from the counts that were chosen; filled by ``dealing`` and ``matching``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.cluster.partition import Placement
from heddle.optimizer.nearest.count_model import CountChoice, NearestProblem
from heddle.optimizer.nearest.recuts import Recut
from heddle.optimizer.nearest.running import RunningGpu
from heddle.optimizer.packing import PackedGpu, Packing, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem


@dataclass(slots=True)
class Seat:
    """A place for one instance of a kind.

    Attributes
    ----------
    kind
        The index of the kind.
    placement
        Where on its GPU; None on a new one.
    stay
        The slot that stays when it sits here.
    is_reused
        Whether the instance exists already.
    service
        Who sits here, or None.
    """

    kind: int
    placement: Placement | None = None
    stay: Slot | None = None
    is_reused: bool = False
    service: int | None = None

    @property
    def is_taken(self) -> bool:
        """Whether anyone sits here."""
        return self.service is not None

    @property
    def is_staying(self) -> bool:
        """Whether who sits here has sat here before."""
        return self.stay is not None and self.service == self.stay.service


@dataclass(slots=True)
class SeatedGpu:
    """One GPU of the plan; ``running`` is None for a new one."""

    pool: int
    seats: list[Seat]
    running: RunningGpu | None = None

    @property
    def node(self) -> str | None:
        """The node of a GPU that runs."""
        return self.running.gpu.node if self.running else None

    @property
    def slots(self) -> list[Slot]:
        """The instances on it, in the order of the seats."""
        return [Slot(seat.kind, seat.service) for seat in self.seats if seat.service is not None]

    @property
    def num_staying(self) -> int:
        """How many instances stay on it."""
        return sum(seat.is_staying for seat in self.seats)

    def packed(self) -> PackedGpu:
        """Return it as ``evaluate`` sees it."""
        return packed_gpu(self.pool, self.slots)


def num_staying(gpus: Sequence[SeatedGpu]) -> int:
    """Return how many instances stay on all these GPUs."""
    return sum(gpu.num_staying for gpu in gpus)


def packing_of(gpus: Sequence[SeatedGpu]) -> Packing:
    """Return the packing of the GPUs that have instances."""
    return Packing(tuple(gpu.packed() for gpu in gpus if gpu.slots))


def seats_for(nearest: NearestProblem, choice: CountChoice) -> list[SeatedGpu]:
    """Return the GPUs of a choice with their seats empty: those that run first."""
    problem = nearest.problem
    waiting = [list(gpu_class.gpus) for gpu_class in nearest.classes]
    gpus: list[SeatedGpu] = []
    for index in np.flatnonzero(choice.recuts).tolist():
        recut = nearest.recuts[index]
        chosen = [waiting[recut.gpu_class].pop(0) for _ in range(int(choice.recuts[index]))]
        gpus.extend(recut_gpu(problem, recut, gpu) for gpu in chosen)
    for layout in np.flatnonzero(choice.layouts).tolist():
        for _ in range(int(choice.layouts[layout])):
            counts = problem.layouts[layout].counts
            seats = [Seat(kind) for kind, count in enumerate(counts) for _ in range(count)]
            gpus.append(SeatedGpu(problem.layouts[layout].pool, seats))
    return gpus


def recut_gpu(problem: RmsProblem, recut: Recut, gpu: RunningGpu) -> SeatedGpu:
    """Return a running GPU cut in a new way, its seats empty."""
    kinds = {kind.profile.name: k for k, kind in enumerate(problem.kinds) if kind.pool == gpu.pool}
    held = gpu.slots
    seats = [
        Seat(kinds[placement.profile], placement, held.get(placement), placement in held)
        for placement in recut.placements
    ]
    return SeatedGpu(gpu.pool, seats, gpu)


def fill(gpu: SeatedGpu, slots: Sequence[Slot]) -> None:
    """Seat instances: who can stay, then in what exists already, then the rest."""
    left = Counter(slots)
    for seat in gpu.seats:
        if seat.stay is not None and left[seat.stay]:
            left[seat.stay] -= 1
            seat.service = seat.stay.service
    free = sorted((s for s in gpu.seats if not s.is_taken), key=lambda s: not s.is_reused)
    for slot in left.elements():
        seat = next(s for s in free if s.kind == slot.kind and not s.is_taken)
        seat.service = slot.service
