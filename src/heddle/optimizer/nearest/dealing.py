"""Deals instances to seats: first those that stay, then the rest, options honoured.

Without placement options every deal of the chosen counts is legal. With them an
instance may find no seat; then other orders are tried, and what finds none in the end
opens a GPU within the cost, or there is no deal. Called by ``search``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.evaluate import can_share_gpu, cost_nano, counts_fully, violations
from heddle.optimizer.exact.opening import open_gpus
from heddle.optimizer.nearest.count_model import CountChoice, NearestProblem
from heddle.optimizer.nearest.seats import Seat, SeatedGpu, num_staying, packing_of, seats_for
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run

Ints = NDArray[np.int64]

#: Orders of the GPUs that are tried with placement options.
_NUM_ORDERS = 12
#: Occupied seats looked at to make room for one instance.
_MAX_EJECTIONS = 2_000


def deal(
    nearest: NearestProblem, choices: Sequence[CountChoice], run: Run
) -> list[SeatedGpu] | None:
    """Return the GPUs of the first choice that has a legal deal, with everyone seated.

    Of several legal deals the one where most stay; None when there is none.
    """
    found = (_deal(nearest, choice, run) for choice in choices)
    return next((seated for seated in found if seated is not None), None)


def _deal(nearest: NearestProblem, choice: CountChoice, run: Run) -> list[SeatedGpu] | None:
    problem = nearest.problem
    if not problem.has_placement_options:
        table = Table(problem, seats_for(nearest, choice), choice.instances)
        table.seat_staying()
        table.seat_in_order()
        return table.finished()
    best: list[SeatedGpu] | None = None
    generator = run.generator()
    for attempt in range(_NUM_ORDERS):
        gpus = seats_for(nearest, choice)
        if attempt >= len(_MANNERS):
            gpus = [gpus[i] for i in generator.permutation(len(gpus))]
        manner = _MANNERS[attempt % len(_MANNERS)]
        found = _deal_with_options(nearest, Table(problem, gpus, choice.instances, manner))
        if found is not None and (best is None or num_staying(found) > num_staying(best)):
            best = found
        if run.is_over() or (best and num_staying(best) >= choice.num_staying(nearest)):
            break
    return best


@dataclass(frozen=True, slots=True)
class Manner:
    """How one deal goes about it.

    Attributes
    ----------
    may_waste
        Whether a service may, where nothing else is free, have more on a GPU than can
        count; its other instances may still be enough.
    minds_nodes
        Whether spread over nodes is honoured seat by seat. Otherwise GPUs that are in
        each other's way in a node are replaced by new ones in the end.
    """

    may_waste: bool = False
    minds_nodes: bool = True


_MANNERS = (
    Manner(may_waste=True),
    Manner(may_waste=True, minds_nodes=False),
    Manner(),
    Manner(minds_nodes=False),
)


def _deal_with_options(nearest: NearestProblem, table: Table) -> list[SeatedGpu] | None:
    problem = nearest.problem
    table.seat_staying()
    homeless = table.seat_with_options()
    seated = table.finished()
    opened = open_gpus(problem, homeless, Counter(gpu.pool for gpu in seated))
    if opened is None:
        return None
    seated += [
        SeatedGpu(gpu.pool, [Seat(slot.kind, service=slot.service) for slot in gpu.slots])
        for gpu in opened
    ]
    packing = packing_of(seated)
    if cost_nano(problem, packing) > nearest.most_cost or violations(problem, packing):
        return None
    return parted(problem, seated)


def parted(problem: RmsProblem, seated: list[SeatedGpu]) -> list[SeatedGpu]:
    """Replace GPUs that share a node against a spread by new ones, those first that keep least."""
    apart: dict[str, set[int]] = {}
    chosen = {}
    for position in sorted(range(len(seated)), key=lambda i: (-seated[i].num_staying, i)):
        gpu = seated[position]
        spread = {slot.service for slot in gpu.slots if problem.is_node_spread[slot.service]}
        taken = apart.setdefault(gpu.node, set()) if gpu.node is not None else set()
        if taken.isdisjoint(spread):
            taken |= spread
        else:
            seats = [Seat(slot.kind, service=slot.service) for slot in gpu.slots]
            gpu = SeatedGpu(gpu.pool, seats)
        chosen[position] = gpu
    return [chosen[position] for position in range(len(seated))]


@dataclass
class Table:
    """Seats being filled; ``left`` is int64 (n, K): instances that have no seat yet."""

    problem: RmsProblem
    gpus: list[SeatedGpu]
    instances: Ints
    manner: Manner = field(default_factory=Manner)
    left: Ints = field(init=False)
    _on_node: dict[str, Counter[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.left = self.instances.copy()

    def seat_staying(self) -> None:
        """Seat who can stay, on the GPUs first where most can."""
        offers = [
            (gpu, seat)
            for gpu in sorted(self.gpus, key=lambda g: -sum(s.stay is not None for s in g.seats))
            for seat in gpu.seats
        ]
        for gpu, seat in offers:
            if seat.stay is None or seat.service is not None:
                continue
            if self.left[seat.stay.service, seat.kind] and self._may_sit(gpu, seat.stay):
                self._seat(gpu, seat, seat.stay.service)

    def seat_in_order(self) -> None:
        """Seat the rest, services in order: in what exists first, then on new GPUs."""
        for kind in range(self.problem.num_kinds):
            seats = [
                (not seat.is_reused, gpu.running is None, position, gpu, seat)
                for position, gpu in enumerate(self.gpus)
                for seat in gpu.seats
                if seat.kind == kind and seat.service is None
            ]
            seats.sort(key=lambda entry: entry[:3])
            rest = np.repeat(np.arange(self.problem.num_services), self.left[:, kind]).tolist()
            for service, (*_, gpu, seat) in zip(rest, seats, strict=False):
                self._seat(gpu, seat, service)

    def seat_with_options(self) -> list[Slot]:
        """Seat the rest one by one; return who found no seat."""
        return [
            slot
            for slot in list(self._waiting())
            if not (
                self._seat_where(slot)
                or self._make_room(slot)
                or (self.manner.may_waste and self._seat_where(slot, may_waste=True))
            )
        ]

    def finished(self) -> list[SeatedGpu]:
        """Let stay what no one needs the seat of, and return the GPUs that are used."""
        used = [gpu for gpu in self.gpus if gpu.slots]
        for gpu in used:
            for seat in gpu.seats:
                if seat.service is None and seat.stay and self._may_sit(gpu, seat.stay):
                    self._seat(gpu, seat, seat.stay.service)
        return used

    def _waiting(self) -> Iterator[Slot]:
        """Yield who has no seat: constrained services first, then those with most."""
        problem = self.problem
        total = self.instances.sum(axis=1)

        def constraint(s: int) -> tuple[int, ...]:
            return (
                int(problem.is_node_spread[s]),
                int(problem.is_spread[s] or problem.is_share_limited[s]),
                len(problem.apart[s]),
                int(total[s]),
            )

        for s in sorted(range(problem.num_services), key=constraint, reverse=True):
            for kind in reversed(range(problem.num_kinds)):
                for _ in range(int(self.left[s, kind])):
                    yield Slot(kind, s)

    def _seat_where(
        self, slot: Slot, *, may_waste: bool = False, not_on: SeatedGpu | None = None
    ) -> bool:
        """Seat it where it may sit: in what exists, where its service is, or anywhere."""
        offers = [
            (not seat.is_reused, gpu.running is None, position, gpu, seat)
            for position, gpu in enumerate(self.gpus)
            if gpu is not not_on
            for seat in itertools.islice(_free(gpu, slot.kind), 1)
        ]
        for *_, gpu, seat in sorted(offers, key=lambda offer: offer[:3]):
            if self._may_sit(gpu, slot, may_waste=may_waste):
                self._seat(gpu, seat, slot.service)
                return True
        return False

    def _make_room(self, slot: Slot) -> bool:
        """Let another instance of the kind sit elsewhere, and take its seat."""
        taken = (
            (gpu, seat)
            for is_staying in (False, True)
            for gpu in self.gpus
            for seat in gpu.seats
            if seat.kind == slot.kind and seat.service not in (None, slot.service)
            if seat.is_staying is is_staying
        )
        for gpu, seat in list(itertools.islice(taken, _MAX_EJECTIONS)):
            other = Slot(seat.kind, self._leave(gpu, seat))
            if self._may_sit(gpu, slot) and self._seat_where(other, not_on=gpu):
                self._seat(gpu, seat, slot.service)
                return True
            self._seat(gpu, seat, other.service)
        return False

    def _may_sit(self, gpu: SeatedGpu, slot: Slot, *, may_waste: bool = False) -> bool:
        problem = self.problem
        if not problem.has_placement_options:
            return True
        slots = [*gpu.slots, slot]
        if not can_share_gpu(problem, (other.service for other in slots)):
            return False
        minds_node = self.manner.minds_nodes and problem.is_node_spread[slot.service]
        if minds_node and self._at_node(gpu)[slot.service]:
            return False
        return may_waste or counts_fully(problem, slots, slot.service)

    def _seat(self, gpu: SeatedGpu, seat: Seat, service: int) -> None:
        seat.service = service
        self._at_node(gpu)[service] += 1
        self.left[service, seat.kind] -= 1

    def _leave(self, gpu: SeatedGpu, seat: Seat) -> int:
        """Empty a seat and return who sat there."""
        service = seat.service
        if service is None:
            raise ValueError("nobody sits there")
        self._at_node(gpu)[service] -= 1
        self.left[service, seat.kind] += 1
        seat.service = None
        return service

    def _at_node(self, gpu: SeatedGpu) -> Counter[int]:
        """How many instances of each service are in the node, as far as it is known."""
        if gpu.node is None:
            return Counter()
        return self._on_node.setdefault(gpu.node, Counter())


def _free(gpu: SeatedGpu, kind: int) -> Iterator[Seat]:
    """Yield the free seats of a kind, those that exist first."""
    seats = [seat for seat in gpu.seats if seat.kind == kind and seat.service is None]
    yield from sorted(seats, key=lambda seat: not seat.is_reused)
