"""Keeps services spread over nodes when configurations are dealt to GPUs anew.

A deployment does not say which services were asked to be spread over nodes; a workload
does. Without one, a service with two instances or more, all on different nodes of the
wanted deployment, is kept so where that is possible, unless it runs otherwise now.
Called by ``placement``, which knows nothing of nodes, on its result: configurations are
swapped between GPUs, at the least loss, or moved to idle ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.gpu import Gpu
from heddle.errors import NoPlanError, listed
from heddle.transition.gpu_room import IdleGpus
from heddle.transition.joint.fit import FitTable
from heddle.transition.request import TransitionRequest

#: Swaps per configuration before the search is given up.
_MAX_SWAPS = 4
#: Idle GPUs that are looked at for one configuration.
_MAX_IDLE = 64


def spread_services(request: TransitionRequest) -> frozenset[str]:
    """Return the services that must be spread, or, when not known, those that look so."""
    if request.node_spread is not None:
        return request.node_spread
    running, wanted = _nodes(request.origin), _nodes(request.wanted)
    return frozenset(
        service
        for service, nodes in wanted.items()
        if len(nodes) > 1 and _differ(nodes) and _differ(running[service])
    )


def _nodes(deployment: Deployment) -> defaultdict[str, list[str]]:
    """Return the node of every instance of each service."""
    nodes: defaultdict[str, list[str]] = defaultdict(list)
    for entry, instance in deployment.instances():
        nodes[instance.service].append(entry.node)
    return nodes


def _differ(nodes: Sequence[str]) -> bool:
    return len(set(nodes)) == len(nodes)


def kept_apart(
    request: TransitionRequest,
    wanted: Sequence[Configuration],
    gpus: Sequence[Gpu],
    fits: FitTable,
    idle: IdleGpus,
) -> list[Gpu]:
    """Return the GPUs of the configurations, swapped until services stay spread.

    Raises
    ------
    NoPlanError
        No swap helps any more, and the spread was asked for.
    """
    dealer = _Dealer(wanted, gpus, fits, spread_services(request))
    for _ in range(_MAX_SWAPS * len(wanted)):
        if not dealer.num_conflicts:
            break
        if dealer.improve():
            continue
        if request.node_spread is None or not dealer.move_away(idle):
            break
    if dealer.num_conflicts and request.node_spread is not None:
        raise NoPlanError(
            f"services {listed(sorted(dealer.conflicting()))} must be spread over nodes, and no "
            "way was found to carry the target on these GPUs that keeps them so"
        )
    return dealer.gpus


class _Dealer:
    """A deal of configurations to GPUs, and how many pairs share a node that must not."""

    def __init__(
        self,
        wanted: Sequence[Configuration],
        gpus: Sequence[Gpu],
        fits: FitTable,
        spread: frozenset[str],
    ) -> None:
        self._wanted = wanted
        self._fits = fits
        self.gpus = list(gpus)
        self._services = [sorted({i.service for i in entry.instances} & spread) for entry in wanted]
        self._held: Counter[tuple[str, str]] = Counter()
        for position, gpu in enumerate(self.gpus):
            for service in self._services[position]:
                self._held[gpu.node, service] += 1

    @property
    def num_conflicts(self) -> int:
        """How many instances are on a node beside another one of their service."""
        return sum(count - 1 for count in self._held.values() if count > 1)

    def conflicting(self) -> set[str]:
        """Return the services that share a node with themselves."""
        return {service for (_, service), count in self._held.items() if count > 1}

    def improve(self) -> bool:
        """Make the swap that leaves the fewest conflicts, and of these loses the least."""
        best = min(self._swaps(), default=None)
        if best is None:
            return False
        _, _, one, other = best
        self._swap(one, other)
        return True

    def move_away(self, idle: IdleGpus) -> bool:
        """Move a configuration in conflict to an idle GPU, from a new one if there is a choice."""
        for one in sorted(self._in_conflict(), key=lambda p: self._fits.is_running(self.gpus[p])):
            gpu = self._idle_without(idle, one)
            if gpu is not None:
                self._count(one, -1)
                self.gpus[one] = gpu
                self._count(one, 1)
                return True
        return False

    def _idle_without(self, idle: IdleGpus, position: int) -> Gpu | None:
        """Return an idle GPU in a node that has none of a configuration's services."""
        for _ in range(_MAX_IDLE):
            gpu = idle.take(self.gpus[position].gpu_type)
            if gpu is None:
                return None
            if not any(self._held[gpu.node, service] for service in self._services[position]):
                return gpu
        return None

    def _swaps(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield conflicts less than now (negative), loss, and the two of every useful swap."""
        for one in self._in_conflict():
            for other, gpu in enumerate(self.gpus):
                is_same_kind = gpu.gpu_type == self.gpus[one].gpu_type
                if is_same_kind and gpu.node != self.gpus[one].node:
                    change = self._change(one, other)
                    loss = self._loss(one, other)
                    if change < 0 and loss is not None:
                        yield change, loss, one, other

    def _in_conflict(self) -> list[int]:
        return [
            position
            for position, gpu in enumerate(self.gpus)
            if any(self._held[gpu.node, service] > 1 for service in self._services[position])
        ]

    def _change(self, one: int, other: int) -> int:
        before = self._around(one, other)
        self._swap(one, other)
        after = self._around(one, other)
        self._swap(one, other)
        return after - before

    def _around(self, one: int, other: int) -> int:
        nodes = (self.gpus[one].node, self.gpus[other].node)
        services = {*self._services[one], *self._services[other]}
        return sum(max(0, self._held[node, s] - 1) for node in nodes for s in services)

    def _loss(self, one: int, other: int) -> int | None:
        """Return the weight that a swap loses; None when a GPU may not carry the other's."""
        fit = self._fits.fit
        here, there = self.gpus[one], self.gpus[other]
        after = (fit(one, there).weight, fit(other, here).weight)
        if min(after) < 0:
            return None
        return fit(one, here).weight + fit(other, there).weight - sum(after)

    def _swap(self, one: int, other: int) -> None:
        for position, sign in ((one, -1), (other, -1)):
            self._count(position, sign)
        self.gpus[one], self.gpus[other] = self.gpus[other], self.gpus[one]
        for position in (one, other):
            self._count(position, 1)

    def _count(self, position: int, sign: int) -> None:
        for service in self._services[position]:
            self._held[self.gpus[position].node, service] += sign
