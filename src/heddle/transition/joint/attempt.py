"""One way to go: a placed target, the bridges it needs, and the best order found.

``planner`` makes several, with more or fewer spare GPUs, and keeps the best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from heddle.cluster.gpu import Gpu
from heddle.transition.gpu_room import gpus_of
from heddle.transition.joint.bridges import BridgeLender
from heddle.transition.joint.changes import Arriving, Changes, changes_of
from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.improvement import Effort, best_order
from heddle.transition.joint.justification import Ordered
from heddle.transition.joint.network_bound import bound
from heddle.transition.joint.ordering import Stuck, open_queues
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.rooms import Rooms
from heddle.transition.joint.rules import ranks
from heddle.transition.joint.simulation import Queues, simulate
from heddle.transition.request import TransitionRequest

#: Rules after which bridges are looked for.
_NUM_RANKS = 3
#: So many bridges are each tried to do without.
_MAX_THINNED = 24


@dataclass(frozen=True)
class Attempt:
    """A placed target with an order; ``num_spares`` GPUs are borrowed in all."""

    placed: PlacedTarget
    changes: Changes
    ordered: Ordered
    num_spares: int

    @property
    def key(self) -> tuple[int, int, int, int]:
        """What is better is smaller: touched, makespan, spare GPUs, steps."""
        return (
            -self.placed.num_untouched,
            self.ordered.times.makespan_ns,
            self.num_spares,
            len(self.changes.arriving),
        )


@dataclass(frozen=True)
class Failure:
    """A placed target without an order, and where its order got stuck."""

    placed: PlacedTarget
    changes: Changes
    stuck: Stuck


def attempt(
    request: TransitionRequest, placed: PlacedTarget, max_spares: int, effort: Effort
) -> Attempt | Failure:
    """Return an order for a placed target, with bridges where there is none without.

    ``max_spares`` GPUs may be borrowed in all, those of the target among them.
    """
    changes = changes_of(request, placed)
    used = spares_used(request, placed)
    ordered = best_order(changes.network, effort)
    if isinstance(ordered, Ordered):
        return Attempt(placed, changes, ordered, used)
    best: Attempt | None = None
    limits = bound(changes.network)
    for rank in islice(ranks(changes.network, limits), _NUM_RANKS):
        lender = BridgeLender(request, changes, Rooms(request, placed, changes, max_spares - used))
        queues = open_queues(changes.network, rank, lender)
        if isinstance(queues, Stuck):
            continue
        bridged, queues = _thinned(changes, lender.bridges, queues)
        found = best_order(bridged.network, effort, [queues])
        assert isinstance(found, Ordered)
        other = Attempt(placed, bridged, found, spares_used(request, placed, bridged))
        if best is None or (other.num_spares, other.key) < (best.num_spares, best.key):
            best = other
    return best or Failure(placed, changes, ordered)


def spares_used(
    request: TransitionRequest, placed: PlacedTarget, changes: Changes | None = None
) -> int:
    """Return how many GPUs are used beyond what the larger side needs, type by type."""
    before = gpus_of(request.origin)
    after = [gpu.gpu for gpu in placed.gpus if gpu.after]
    bridged = [arriving.gpu for arriving in changes.arriving] if changes else []
    first, last, used = (_by_type(gpus) for gpus in (before, after, before + after + bridged))
    return sum(count - max(first[name], last[name]) for name, count in used.items())


def _by_type(gpus: Iterable[Gpu]) -> Counter[str]:
    return Counter(gpu.gpu_type for gpu in set(gpus))


def _thinned(
    changes: Changes, bridges: Sequence[Arriving], queues: Queues
) -> tuple[Changes, Queues]:
    """Leave out bridges that an order can do without; return it with those that stay."""
    kept = list(bridges)
    for bridge in reversed(bridges[-_MAX_THINNED:]):
        fewer = [other for other in kept if other is not bridge]
        if simulate(*_bridged(changes, fewer, queues)) is not None:
            kept = fewer
    return changes.with_bridges(kept), _bridged(changes, kept, queues)[1]


def _bridged(
    changes: Changes, bridges: Sequence[Arriving], queues: Queues
) -> tuple[CreditNetwork, Queues]:
    """Add bridges to a network, and their stops to the ends of its queues."""
    network = changes.with_bridges(bridges).network
    longer = [list(queue) for queue in queues]
    for taker in range(len(changes.leaving), len(network.takers)):
        longer[network.takers[taker].service].append(taker)
    return network, longer
