"""Bridges: instances that exist only on the way and lend their rate.

Where an order is stuck, stops lack credit and nothing runs that would bring more. A
bridge for the service that lacks it, in room that nothing needs, lets the blocking
instance stop; in the end it goes again. ``ordering`` asks for credit here while it
looks for an order; ``attempt`` then orders the changes with the bridges in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heddle.cluster.deployment import PlannedInstance
from heddle.transition.joint.changes import Arriving, Changes
from heddle.transition.joint.ordering import Loan, Stuck
from heddle.transition.joint.rooms import Rooms
from heddle.transition.joint.setting import Setting, rate_micro

#: Givers looked at for each piece of credit, and tried, cheapest first.
_MAX_LOOKED_AT = 400
_MAX_TRIES = 24
#: More bridges than this for one service at a time are not worth while.
_MAX_PER_SERVICE = 16


@dataclass(frozen=True, slots=True)
class Manner:
    """How to build: in the smallest pieces, and on room that bridges left."""

    is_fine: bool = False
    may_follow: bool = True


class BridgeLender:
    """Lends credit by building bridges, as long as there is room.

    Attributes
    ----------
    bridges
        What was built so far.
    """

    def __init__(self, setting: Setting, changes: Changes, rooms: Rooms, manner: Manner) -> None:
        self._manner = manner
        self._changes = changes
        self._network = changes.network
        self._rooms = rooms
        self._number = {name: position for position, name in enumerate(changes.service_names)}
        self._points = setting.points
        self._types = self._types_by_use()
        #: By service, the rate of its largest instance.
        self._best_micro = [0] * len(changes.service_names)
        for (service, _), points in self._points.items():
            best = max(map(rate_micro, points))
            self._best_micro[self._number[service]] = max(
                best, self._best_micro[self._number[service]]
            )
        self._idle = frozenset(
            number
            for number, leaving in enumerate(changes.leaving)
            if leaving.is_destroyed and not self._network.unlocks[number]
        )
        self._gone: set[int] = set()
        self.bridges: list[Arriving] = []

    def lend(self, stuck: Stuck) -> Loan:
        """Build bridges for the start that lacks least, and return what they give."""
        looked_at = stuck.waiting[:_MAX_LOOKED_AT]
        costed = sorted((self._cost(stuck, giver), giver) for giver in looked_at)
        for _, giver in costed[:_MAX_TRIES]:
            loan = self._lend_to(stuck, giver)
            if loan.credit:
                return loan
        return Loan()

    def build(self, lacking: Mapping[int, int]) -> bool:
        """Build bridges in free room that give what is lacking by service, or none at all."""
        return self._built(lacking, frozenset()) is not None

    def _lend_to(self, stuck: Stuck, giver: int) -> Loan:
        """Build bridges for one start; what nobody waits for may go for them."""
        rest = [t for t in self._network.blockers[giver] if t not in stuck.taken]
        left = Counter(dict(enumerate(stuck.credit_micro)))
        left.subtract(self._network.needs(rest))
        lacking = {service: -amount for service, amount in left.items() if amount < 0}
        gone = stuck.taken | self._gone
        mark, known = self._rooms.mark(), len(self.bridges)
        built = self._built(lacking, gone | self._may_go(gone, left))
        if built is None:
            return Loan()
        going = sorted({t for bridge in built for t in bridge.blockers} - gone)
        credit: Counter[int] = Counter()
        for bridge in built:
            credit[self._number[bridge.instance.service]] += rate_micro(bridge.instance)
        for taker in going:
            service, rate = self._taker(taker)
            left[service] -= rate
            if taker >= len(self._network.takers):
                credit[service] -= rate
                left[service] += rate
        if any(left[service] + credit[service] < 0 for service in left):
            self._rooms.reset(mark)
            del self.bridges[known:]
            return Loan()
        self._gone.update(t for t in going if t >= len(self._network.takers))
        takers = tuple((taker, self._taker(taker)[0]) for taker in going)
        return Loan(tuple(sorted(credit.items())), takers)

    def _may_go(self, gone: frozenset[int], left: Mapping[int, int]) -> frozenset[int]:
        """Return what nobody waits for and what credit is left for: instances, and bridges."""
        num_takers = len(self._network.takers)
        num_bridges = len(self.bridges) if self._manner.may_follow else 0
        bridges = range(num_takers, num_takers + num_bridges)
        rates = {taker: self._taker(taker) for taker in (*self._idle, *bridges)}
        return frozenset(
            taker
            for taker, (service, rate) in rates.items()
            if taker not in gone and rate <= left[service]
        )

    def _taker(self, taker: int) -> tuple[int, int]:
        """Return the service and the rate of a leaving instance or of a bridge."""
        if taker < len(self._network.takers):
            return self._network.takers[taker][:2]
        instance = self.bridges[taker - len(self._network.takers)].instance
        return self._number[instance.service], rate_micro(instance)

    def _built(self, lacking: Mapping[int, int], gone: frozenset[int]) -> list[Arriving] | None:
        """Build bridges that give what is lacking by service; None, and none, if not all can be."""
        mark = self._rooms.mark()
        found: list[Arriving] = []
        for service, amount_micro in sorted(lacking.items()):
            name = self._changes.service_names[service]
            built = self._cover(name, amount_micro, gone)
            if built is None:
                self._rooms.reset(mark)
                return None
            found += built
        self.bridges += found
        return found

    def _cost(self, stuck: Stuck, giver: int) -> float:
        """Estimate how many instances it takes to let a giver go on."""
        rest = (t for t in self._network.blockers[giver] if t not in stuck.taken)
        cost = 0.0
        for service, need in self._network.needs(rest).items():
            missing = need - stuck.credit_micro[service]
            if missing > 0:
                cost += missing / best if (best := self._best_micro[service]) else float("inf")
        return cost

    def _cover(
        self, service: str, amount_micro: int, gone: frozenset[int]
    ) -> list[Arriving] | None:
        """Return bridges of a service that together have a rate, or None."""
        built: list[Arriving] = []
        while amount_micro > 0:
            bridge = self._one(service, amount_micro, gone)
            if bridge is None or len(built) == _MAX_PER_SERVICE:
                return None
            built.append(bridge)
            amount_micro -= rate_micro(bridge.instance)
        return built

    def _one(self, service: str, amount_micro: int, gone: frozenset[int]) -> Arriving | None:
        """Find room: on GPUs in use, then where instances left some, then on a new spare GPU."""
        wishes = [
            (gpu_type, points)
            for gpu_type in self._types
            if (points := list(self._wishes(service, gpu_type, amount_micro)))
        ]
        for gpu_type, points in wishes:
            bridge = self._rooms.find(points, gpu_type)
            if bridge is None and gone:
                bridge = self._rooms.find_left(points, gpu_type, gone)
            if bridge is not None:
                return bridge
        for gpu_type, points in wishes:
            if self._rooms.open_spare(gpu_type):
                return self._rooms.find(points, gpu_type)
        return None

    def _wishes(self, service: str, gpu_type: str, amount_micro: int) -> Iterator[PlannedInstance]:
        """Yield the points to try: the smallest that suffices first, then the fastest.

        When building in small pieces, the smallest first.
        """
        points = self._points.get((service, gpu_type), [])
        if self._manner.is_fine:
            yield from (point for point in points if rate_micro(point))
            return
        yield from (point for point in points if rate_micro(point) >= amount_micro)
        rest = (p for p in points if 0 < rate_micro(p) < amount_micro)
        yield from sorted(rest, key=lambda p: (-p.rate_rps, p))

    def _types_by_use(self) -> tuple[str, ...]:
        """Return the GPU types that services run on, those that change most first."""
        count = Counter(gpu_type for _, gpu_type in self._points)
        count.update(leaving.gpu.gpu_type for leaving in self._changes.leaving)
        return tuple(sorted(count, key=lambda name: (-count[name], name)))
