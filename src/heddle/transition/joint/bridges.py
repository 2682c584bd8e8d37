"""Bridges: instances that exist only on the way and lend their rate.

Where an order is stuck, stops lack credit and nothing runs that would bring more. A
bridge for the service that lacks it, created at the beginning in room that nothing
needs, lets the blocking instance stop; in the end it goes again. ``ordering`` asks for
credit here, and ``planner`` then orders the changes with the bridges in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heddle.cluster.deployment import PlannedInstance
from heddle.transition.joint.changes import Arriving, Changes, rate_micro
from heddle.transition.joint.ordering import Stuck
from heddle.transition.joint.rooms import Rooms, points_by_type
from heddle.transition.request import TransitionRequest

#: Givers tried for each piece of credit, cheapest first.
_MAX_TRIES = 24
#: More bridges than this for one service at a time are not worth while.
_MAX_PER_SERVICE = 16


class BridgeLender:
    """Lends credit by building bridges, as long as there is room.

    Attributes
    ----------
    bridges
        What was built so far.
    """

    def __init__(self, request: TransitionRequest, changes: Changes, rooms: Rooms) -> None:
        self._changes = changes
        self._network = changes.network
        self._rooms = rooms
        self._points = points_by_type(request)
        self._types = _types_of(self._points, changes)
        self.bridges: list[Arriving] = []

    def lend(self, stuck: Stuck) -> Sequence[tuple[int, int]]:
        """Build bridges for the giver that lacks least, and return what they give."""
        costed = sorted((self._cost(stuck, giver), giver) for giver in stuck.waiting)
        for _, giver in costed[:_MAX_TRIES]:
            built = self.build(self._lacking(stuck, giver), stuck.taken)
            if built:
                return built
        return ()

    def build(
        self, lacking: dict[int, int], gone: frozenset[int] = frozenset()
    ) -> Sequence[tuple[int, int]]:
        """Build bridges that give at least what is lacking by service, or none at all."""
        mark = self._rooms.mark()
        found: list[Arriving] = []
        for service, amount_micro in lacking.items():
            name = self._changes.service_names[service]
            built = self._cover(name, amount_micro, gone)
            if built is None:
                self._rooms.reset(mark)
                return ()
            found += built
        self.bridges += found
        number = {name: position for position, name in enumerate(self._changes.service_names)}
        return [(number[bridge.instance.service], rate_micro(bridge.instance)) for bridge in found]

    def _lacking(self, stuck: Stuck, giver: int) -> dict[int, int]:
        """Return by service the credit that the takers of a giver lack."""
        rest = (t for t in self._network.blockers[giver] if t not in stuck.taken)
        needs = self._network.needs(rest)
        credit = stuck.credit_micro
        return {s: need - credit[s] for s, need in needs.items() if need > credit[s]}

    def _cost(self, stuck: Stuck, giver: int) -> float:
        """Estimate how many instances it takes to let a giver go on."""
        cost = 0.0
        for service, amount_micro in self._lacking(stuck, giver).items():
            best = self._best_micro(service)
            cost += amount_micro / best if best else float("inf")
        return cost

    def _best_micro(self, service: int) -> int:
        name = self._changes.service_names[service]
        return max(
            (
                rate_micro(point)
                for gpu_type in self._types
                for point in self._points.get((name, gpu_type), ())
            ),
            default=0,
        )

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
        """Find room for one bridge: on what is in use, then where room was left, then on a spare."""
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
        """Yield the points to try: the smallest that suffices first, then the fastest."""
        points = self._points.get((service, gpu_type), [])
        enough = [point for point in points if rate_micro(point) >= amount_micro]
        yield from enough
        rest = (p for p in points if 0 < rate_micro(p) < amount_micro)
        yield from sorted(rest, key=lambda p: (-p.rate_rps, p))


def _types_of(
    points: dict[tuple[str, str], list[PlannedInstance]], changes: Changes
) -> tuple[str, ...]:
    """Return the GPU types that services run on, those that change most first."""
    count: dict[str, int] = {gpu_type: 0 for _, gpu_type in points}
    for leaving in changes.leaving:
        count[leaving.gpu.gpu_type] += 1
    return tuple(sorted(count, key=lambda name: (-count[name], name)))
