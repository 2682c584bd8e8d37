"""Ways to shorten the critical path: bridges, and configurations on spare GPUs.

A stop on the critical path that waits for credit need not wait for the starts that
bring it: a bridge brings it as soon as an instance can be made at all, and where its
GPU's whole configuration goes to a spare GPU nothing waits for the stop any more. Each
round tries both for every such stop and goes on from the best, also where that gains nothing
yet, since several paths may be equally long. Called by ``spares``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from heddle.cluster.command import Action
from heddle.transition.joint.attempt import (
    Attempt,
    attempt,
    spares_used,
    thinned,
    with_new_takers,
)
from heddle.transition.joint.bridge_times import fastest_bridges
from heddle.transition.joint.bridges import BridgeLender, Manner
from heddle.transition.joint.carrying import Carrier
from heddle.transition.joint.critical import critical_waits
from heddle.transition.joint.improvement import Effort, best_order
from heddle.transition.joint.justification import Ordered
from heddle.transition.joint.network_bound import bound
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.rooms import Rooms
from heddle.transition.joint.setting import Setting

#: Rounds without a gain after which nothing more is tried.
_PATIENCE = 5
#: Stops of the critical path that are looked at in a round.
_MAX_STOPS = 12
#: Work that all rounds may do: orders found, times the steps in them.
_WORK = 30_000
#: Attempts that are gone on from in a round; one where there are many steps.
_WIDTH = 2
_MANY_CHANGES = 400
_QUICK = Effort(ranks=2)


def shortened(setting: Setting, first: Attempt, max_spares: int) -> Attempt:
    """Return an attempt with bridges and spare GPUs that make it shorter, or as it is."""
    least_ns = bound(first.base.network, fastest_bridges(setting).by_service).makespan_ns
    best, beam = first, [first]
    num_changes = len(first.base.leaving) + len(first.base.arriving)
    width = 1 if num_changes > _MANY_CHANGES else _WIDTH
    idle = work = 0
    while best.makespan_ns > least_ns and idle < _PATIENCE and work < _WORK:
        found = [a for current in beam for a in _neighbours(setting, current, max_spares)]
        if not found:
            break
        work += len(found) * num_changes
        beam = _most_promising(found)[:width]
        idle = 0 if beam[0].makespan_ns < best.makespan_ns else idle + 1
        best = min(best, beam[0], key=lambda a: a.key)
    for in_bulk in (_with_spares, _with_bridges):
        best = min((best, *in_bulk(setting, best, max_spares)), key=lambda a: a.key)
    return best if best is first else _cleaned(setting, best)


def polished(first: Attempt, effort: Effort) -> Attempt:
    """Return an attempt with the best order that more effort finds."""
    ordered = best_order(first.changes.network, effort, [first.ordered.queues])
    return replace(first, ordered=ordered) if isinstance(ordered, Ordered) else first


def _most_promising(found: list[Attempt]) -> list[Attempt]:
    """Return the shortest; of equally long ones those that are ready earlier on the whole."""
    by_promise: dict[tuple[int, int], Attempt] = {}
    for one in found:
        promise = (one.makespan_ns, sum(one.ordered.times.given_ns))
        by_promise.setdefault(promise, one)
    return [by_promise[promise] for promise in sorted(by_promise)]


def _neighbours(setting: Setting, current: Attempt, max_spares: int) -> Iterator[Attempt]:
    """Yield what one bridge or one spare GPU makes of an attempt."""
    stops = _late_stops(current)[:_MAX_STOPS]
    yield from _with_bridge(setting, current, stops, max_spares)
    if current.num_spares < max_spares and not any(b.blockers for b in current.bridges):
        yield from _with_spare(setting, current, stops, max_spares)


def _late_stops(current: Attempt) -> list[int]:
    """Return the stops on the critical path for which a bridge would not come too late."""
    changes, times = current.changes, current.ordered.times
    late = []
    for taker in critical_waits(changes.network, times):
        gpu = changes.leaving[taker].gpu
        ready_ns = changes.action_ns(Action.CREATE, gpu) + changes.action_ns(Action.START, gpu)
        if times.taken_ns[taker] > ready_ns and changes.network.unlocks[taker]:
            late.append(taker)
    return late


def _with_bridge(
    setting: Setting, current: Attempt, stops: list[int], max_spares: int
) -> Iterator[Attempt]:
    """Yield the attempt with a bridge for one of the stops."""
    takers = current.changes.network.takers
    rooms = _rooms(setting, current, max_spares)
    mark = rooms.mark()
    for service, rate_micro in sorted({takers[stop][:2] for stop in stops}):
        lender = BridgeLender(setting, current.base, rooms, Manner())
        if lender.build({service: rate_micro}):
            yield from _with_built(setting, current, lender)
        rooms.reset(mark)


def _with_bridges(setting: Setting, current: Attempt, max_spares: int) -> Iterator[Attempt]:
    """Yield the attempt with bridges for all stops for which there is room, latest first."""
    takers, taken_ns = current.changes.network.takers, current.ordered.times.taken_ns
    lender = BridgeLender(setting, current.base, _rooms(setting, current, max_spares), Manner())
    for stop in sorted(_late_stops(current), key=lambda s: (-taken_ns[s], s)):
        lender.build({takers[stop].service: takers[stop].rate_micro})
    if lender.bridges:
        yield from _with_built(setting, current, lender)


def _rooms(setting: Setting, current: Attempt, max_spares: int) -> Rooms:
    """Return the room that an attempt leaves."""
    most = max_spares - spares_used(setting, current.placed)
    rooms = Rooms(setting, current.placed, current.base, most)
    rooms.occupy(current.bridges)
    return rooms


def _with_built(setting: Setting, current: Attempt, lender: BridgeLender) -> Iterator[Attempt]:
    """Yield the attempt with what a lender built, if it has an order."""
    bridges = (*current.bridges, *lender.bridges)
    network = current.base.with_bridges(bridges).network
    queues = with_new_takers(network, current.ordered.queues)
    ordered = best_order(network, _QUICK, [queues])
    if isinstance(ordered, Ordered):
        num_spares = spares_used(setting, current.placed, bridges)
        yield replace(current, bridges=bridges, ordered=ordered, num_spares=num_spares)


def _with_spare(
    setting: Setting, current: Attempt, stops: list[int], max_spares: int
) -> Iterator[Attempt]:
    """Yield the attempt with the configuration of one of the stops' GPUs on a spare GPU."""
    carrier = Carrier(setting, current.placed)
    reserved = frozenset(bridge.gpu.id for bridge in current.bridges)
    for gpu in dict.fromkeys(current.changes.leaving[stop].gpu.id for stop in stops):
        placed = carrier.carried(gpu, reserved)
        if placed is not None:
            yield from _on_spares(setting, current, placed, max_spares)


def _with_spares(setting: Setting, current: Attempt, max_spares: int) -> Iterator[Attempt]:
    """Yield the attempt with configurations of late stops on all spare GPUs left, latest first."""
    if any(bridge.blockers for bridge in current.bridges):
        return
    taken_ns = current.ordered.times.taken_ns
    reserved = frozenset(bridge.gpu.id for bridge in current.bridges)
    placed, num_spares = current.placed, current.num_spares
    for stop in sorted(_late_stops(current), key=lambda s: (-taken_ns[s], s)):
        gpu = current.changes.leaving[stop].gpu.id
        more = Carrier(setting, placed).carried(gpu, reserved) if num_spares < max_spares else None
        if more is not None:
            placed, num_spares = more, num_spares + 1
    if placed is not current.placed:
        yield from _on_spares(setting, current, placed, max_spares)


def _on_spares(
    setting: Setting, current: Attempt, placed: PlacedTarget, max_spares: int
) -> Iterator[Attempt]:
    """Yield what another placement makes of an attempt, if it has an order."""
    found = attempt(setting, placed, _QUICK, current.bridges)
    if isinstance(found, Attempt) and found.num_spares <= max_spares:
        yield found


def _cleaned(setting: Setting, best: Attempt) -> Attempt:
    """Return an attempt without the bridges that it does without."""
    bridges, queues = thinned(best.base, best.bridges, best.ordered.queues, best.makespan_ns)
    ordered = best_order(best.base.with_bridges(bridges).network, _QUICK, [queues])
    if not isinstance(ordered, Ordered) or ordered.times.makespan_ns > best.makespan_ns:
        return best
    num_spares = spares_used(setting, best.placed, bridges)
    return replace(best, bridges=bridges, ordered=ordered, num_spares=num_spares)
