"""One way to go: a placed target, bridges, and the best order found.

``spares`` and ``shortcuts`` make several and keep the best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product

from heddle.cluster.gpu import Gpu
from heddle.transition.gpu_room import gpus_of
from heddle.transition.joint.bridges import BridgeLender, Manner
from heddle.transition.joint.changes import Arriving, Changes, changes_of
from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.improvement import Effort, best_order
from heddle.transition.joint.justification import Ordered
from heddle.transition.joint.network_bound import NEVER, bound
from heddle.transition.joint.ordering import Stuck, open_queues
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.rooms import Rooms
from heddle.transition.joint.rules import ranks
from heddle.transition.joint.setting import Setting
from heddle.transition.joint.simulation import Queues, simulate

#: So many bridges are each tried to do without.
_MAX_THINNED = 24
_MANNERS = tuple(Manner(fine, follow) for fine in (False, True) for follow in (True, False))
#: Ways to build bridges that are compared: at least so many, and more where changes are few.
_LEAST_WAYS = 2
_WORK = 4_000


@dataclass(frozen=True)
class Attempt:
    """A placed target with an order.

    Attributes
    ----------
    placed
        The target.
    base
        What it changes, without bridges.
    bridges
        Instances that exist only on the way.
    ordered
        The order of all of it.
    num_spares
        GPUs that are borrowed, for the target and for bridges.
    """

    placed: PlacedTarget
    base: Changes
    bridges: tuple[Arriving, ...]
    ordered: Ordered
    num_spares: int

    @cached_property
    def changes(self) -> Changes:
        """All that changes, with the bridges."""
        return self.base.with_bridges(self.bridges)

    @property
    def makespan_ns(self) -> int:
        """How long it takes by the estimates, nanoseconds."""
        return self.ordered.times.makespan_ns

    @property
    def key(self) -> tuple[int, int, int, int]:
        """What is better is smaller: fewer untouched, makespan, spare GPUs, bridges."""
        untouched = self.placed.num_untouched
        return -untouched, self.makespan_ns, self.num_spares, len(self.bridges)


@dataclass(frozen=True)
class Failure:
    """A placed target without an order, and where its order got stuck."""

    placed: PlacedTarget
    changes: Changes
    stuck: Stuck


def attempt(
    setting: Setting,
    placed: PlacedTarget,
    effort: Effort,
    bridges: tuple[Arriving, ...] = (),
) -> Attempt | Failure:
    """Return the best order found for a placed target, with these bridges."""
    base = changes_of(setting, placed)
    ordered = best_order(base.with_bridges(bridges).network, effort)
    if isinstance(ordered, Stuck):
        return Failure(placed, base, ordered)
    return Attempt(placed, base, bridges, ordered, spares_used(setting, placed, bridges))


def bridged(setting: Setting, failure: Failure, max_spares: int, effort: Effort) -> Attempt | None:
    """Return an order with bridges for a target that has none without; None if none is found.

    ``max_spares`` GPUs may be borrowed in all, those of the target among them.
    """
    placed, base = failure.placed, failure.changes
    most = max_spares - spares_used(setting, placed)
    best: Attempt | None = None
    num_changes = len(base.leaving) + len(base.arriving)
    ways = product(ranks(base.network, bound(base.network)), _MANNERS)
    for rank, manner in islice(ways, max(_LEAST_WAYS, _WORK // num_changes)):
        lender = BridgeLender(setting, base, Rooms(setting, placed, base, most), manner)
        queues = open_queues(base.network, rank, lender)
        if isinstance(queues, Stuck):
            continue
        queues = with_new_takers(base.with_bridges(lender.bridges).network, queues)
        bridges, queues = thinned(base, lender.bridges, queues)
        num_spares = spares_used(setting, placed, bridges)
        if best is not None and (num_spares, len(bridges)) >= (best.num_spares, len(best.bridges)):
            continue
        ordered = best_order(base.with_bridges(bridges).network, effort, [queues])
        if isinstance(ordered, Ordered):
            best = Attempt(placed, base, bridges, ordered, num_spares)
    return best


def spares_used(setting: Setting, placed: PlacedTarget, bridges: Iterable[Arriving] = ()) -> int:
    """Return how many GPUs are used beyond what the larger side needs, type by type."""
    before = gpus_of(setting.request.origin)
    after = [gpu.gpu for gpu in placed.gpus if gpu.after]
    bridging = [bridge.gpu for bridge in bridges]
    first, last, used = (_by_type(gpus) for gpus in (before, after, before + after + bridging))
    return sum(count - max(first[name], last[name]) for name, count in used.items())


def with_new_takers(network: CreditNetwork, queues: Queues) -> Queues:
    """Return queues with takers that they lack, stops of bridges, at their ends."""
    longer = [list(queue) for queue in queues]
    known = {taker for queue in queues for taker in queue}
    for number, taker in enumerate(network.takers):
        if number not in known:
            longer[taker.service].append(number)
    return longer


def thinned(
    base: Changes, bridges: Sequence[Arriving], queues: Queues, most_ns: int = NEVER
) -> tuple[tuple[Arriving, ...], Queues]:
    """Leave out bridges that queues do without, within a makespan; return what stays."""
    kept = tuple(bridges)
    for position in reversed(range(len(bridges))[-_MAX_THINNED:]):
        number = len(base.leaving) + position
        if any(number in bridge.blockers for bridge in kept):
            continue
        fewer = _without(kept, position, number)
        shorter = [[t - (t > number) for t in queue if t != number] for queue in queues]
        times = simulate(base.with_bridges(fewer).network, shorter)
        if times is not None and times.makespan_ns <= most_ns:
            kept, queues = fewer, shorter
    return kept, queues


def _without(bridges: tuple[Arriving, ...], position: int, number: int) -> tuple[Arriving, ...]:
    """Return all bridges but one; those that wait for later ones wait for their new numbers."""
    return tuple(
        bridge._replace(blockers=tuple(b - (b > number) for b in bridge.blockers))
        for other, bridge in enumerate(bridges)
        if other != position
    )


def _by_type(gpus: Iterable[Gpu]) -> Counter[str]:
    return Counter(gpu.gpu_type for gpu in set(gpus))
