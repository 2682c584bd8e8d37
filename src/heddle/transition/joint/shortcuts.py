"""Bridges that shorten the critical path, where there is room for them.

A stop on the critical path that waits for credit need not wait for the starts that
bring it: a bridge brings it as soon as an instance can be made at all. Each round
tries a bridge for every such stop and keeps the best, also where that gains nothing
yet, since several paths may be equally long. Called by ``spares``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.transition.joint.attempt import Attempt, spares_used, thinned, with_new_takers
from heddle.transition.joint.bridges import BridgeLender
from heddle.transition.joint.changes import Arriving, bridge_ends_ns
from heddle.transition.joint.critical import critical_waits
from heddle.transition.joint.improvement import Effort, best_order
from heddle.transition.joint.justification import Ordered
from heddle.transition.joint.network_bound import bound
from heddle.transition.joint.rooms import Rooms
from heddle.transition.request import TransitionRequest

#: Rounds without a gain after which no more bridges are built.
_PATIENCE = 4
#: Work that all rounds may do: orders found, times the steps in them.
_WORK = 20_000
_QUICK = Effort(states=0)


class _Option(NamedTuple):
    """Some bridges and the order that they allow; the smallest is the best."""

    makespan_ns: int
    given_sum_ns: int
    position: int
    bridges: tuple[Arriving, ...]
    ordered: Ordered


def shortened(request: TransitionRequest, attempt: Attempt, max_spares: int) -> Attempt:
    """Return the attempt with more bridges, if they make it shorter, or as it is."""
    least_ns = bound(attempt.base.network, bridge_ends_ns(request.times)).makespan_ns
    digger = _Digger(request, attempt, max_spares)
    start = _Option(attempt.makespan_ns, 0, 0, attempt.bridges, attempt.ordered)
    best = current = start
    idle = work = 0
    while best.makespan_ns > least_ns and idle < _PATIENCE and work < _WORK:
        options = list(digger.options(current))
        if not options:
            break
        work += len(options) * (len(attempt.base.leaving) + len(attempt.base.arriving))
        current = min(options, key=lambda option: option[:3])
        digger.accept(current)
        idle = 0 if current.makespan_ns < best.makespan_ns else idle + 1
        if current.makespan_ns < best.makespan_ns:
            best = current
    return attempt if best is start else _cleaned(request, attempt, best)


class _Digger:
    """Finds bridges for the stops on the critical path of an order."""

    def __init__(self, request: TransitionRequest, attempt: Attempt, max_spares: int) -> None:
        self._base = attempt.base
        spares = max_spares - spares_used(request, attempt.placed)
        self._rooms = Rooms(request, attempt.placed, attempt.base, spares)
        self._rooms.occupy(attempt.bridges)
        self._lender = BridgeLender(request, attempt.base, self._rooms)
        self._num_occupied = len(attempt.bridges)

    def accept(self, option: _Option) -> None:
        """Keep the room that an option takes."""
        self._rooms.occupy(option.bridges[self._num_occupied :])
        self._num_occupied = len(option.bridges)

    def options(self, current: _Option) -> Iterator[_Option]:
        """Yield an option for every amount of credit that the critical path waits for."""
        for position, (service, amount_micro) in enumerate(self._amounts(current)):
            mark = self._rooms.mark()
            self._lender.bridges.clear()
            self._lender.build({service: amount_micro})
            self._rooms.reset(mark)
            if self._lender.bridges:
                yield from self._option(current, position)

    def _option(self, current: _Option, position: int) -> Iterator[_Option]:
        bridges = (*current.bridges, *self._lender.bridges)
        changes = self._base.with_bridges(bridges)
        known = with_new_takers(changes.network, current.ordered.queues)
        ordered = best_order(changes.network, _QUICK, [known])
        if isinstance(ordered, Ordered):
            times = ordered.times
            yield _Option(times.makespan_ns, sum(times.given_ns), position, bridges, ordered)

    def _amounts(self, current: _Option) -> list[tuple[int, int]]:
        """Return services and amounts of credit that would let a critical stop go early."""
        changes = self._base.with_bridges(current.bridges)
        network, times = changes.network, current.ordered.times
        amounts: dict[tuple[int, int], None] = {}
        for taker in critical_waits(network, times):
            gpu = changes.leaving[taker].gpu
            ready_ns = changes.action_ns(Action.CREATE, gpu) + changes.action_ns(Action.START, gpu)
            actor = network.takers[taker]
            if times.taken_ns[taker] > ready_ns and network.unlocks[taker]:
                amounts[actor.service, actor.rate_micro] = None
        return sorted(amounts)


def _cleaned(request: TransitionRequest, attempt: Attempt, best: _Option) -> Attempt:
    """Return the attempt with the bridges of an option that it does not do without."""
    bridges, queues = thinned(attempt.base, best.bridges, best.ordered.queues, best.makespan_ns)
    ordered = best_order(attempt.base.with_bridges(bridges).network, _QUICK, [queues])
    if not isinstance(ordered, Ordered) or ordered.times.makespan_ns > best.makespan_ns:
        bridges, ordered = best.bridges, best.ordered
    num_spares = spares_used(request, attempt.placed, bridges)
    return Attempt(attempt.placed, attempt.base, bridges, ordered, num_spares)


def polished(attempt: Attempt, effort: Effort) -> Attempt:
    """Return the attempt with the best order that more effort finds."""
    network = attempt.changes.network
    ordered = best_order(network, effort, [attempt.ordered.queues])
    return replace(attempt, ordered=ordered) if isinstance(ordered, Ordered) else attempt
