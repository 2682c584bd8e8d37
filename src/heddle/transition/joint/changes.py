"""What has to be stopped, destroyed, created and started to reach a placed target.

Called by ``planner``; ``credit_network`` is its arithmetic, ``drafting`` makes steps of
it. Bridges, instances that exist only on the way, are added to it by ``bridges``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.transition.action_times import ActionTimes
from heddle.transition.joint.conflicts import blockers
from heddle.transition.joint.credit_network import Actor, CreditNetwork, Link
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.setting import Setting, rate_micro
from heddle.transition.request import TransitionRequest

#: Nanoseconds in a second.
NS = 1_000_000_000


class Leaving(NamedTuple):
    """An instance that is stopped, and destroyed unless its place is used again.

    ``bridge`` is the number of the arriving instance that it was, for a bridge.
    """

    gpu: Gpu
    instance: PlannedInstance
    is_destroyed: bool
    bridge: int | None = None


class Arriving(NamedTuple):
    """An instance that is started, and created unless its place exists.

    Attributes
    ----------
    gpu, instance, is_created
        What it is.
    blockers
        The leaving instances that are in its way.
    cleared
        The instances without a service that are in its way.
    """

    gpu: Gpu
    instance: PlannedInstance
    is_created: bool
    blockers: tuple[int, ...] = ()
    cleared: tuple[int, ...] = ()


class Cleared(NamedTuple):
    """An instance without a service that is destroyed at once."""

    gpu: Gpu
    placement: Placement


@dataclass(frozen=True)
class Changes:
    """Everything that changes, and what may be served less on the way.

    Attributes
    ----------
    leaving, arriving, cleared
        Numbered by their position.
    slack_micro
        By service, what is ready at the beginning beyond the floor, micro-requests/s.
    times
        How long steps take.
    plain
        The same without the bridges, if there are any.
    """

    leaving: tuple[Leaving, ...]
    arriving: tuple[Arriving, ...]
    cleared: tuple[Cleared, ...]
    slack_micro: Mapping[str, int]
    times: ActionTimes
    plain: Changes | None = None

    @cached_property
    def service_names(self) -> tuple[str, ...]:
        """The services, numbered as in the network."""
        return tuple(self.slack_micro)

    @cached_property
    def network(self) -> CreditNetwork:
        """The arithmetic of their order."""
        if self.plain is not None:
            return self._extended(self.plain.network)
        number = self._service_numbers
        unlocks: list[list[Link]] = [[] for _ in self.leaving]
        for position, arriving in enumerate(self.arriving):
            for blocker in arriving.blockers:
                unlocks[blocker].append(Link(position, self._lead_ns(blocker, arriving)))
        return CreditNetwork(
            slack_micro=tuple(self.slack_micro.values()),
            takers=tuple(self._taker(leaving, number) for leaving in self.leaving),
            givers=tuple(self._giver(arriving, number) for arriving in self.arriving),
            unlocks=tuple(map(tuple, unlocks)),
            releases=tuple(() for _ in self.arriving),
        )

    def with_bridges(self, bridges: Sequence[Arriving]) -> Changes:
        """Return the changes with instances that come at the beginning and go in the end.

        A bridge's stop has the number after those of all leaving instances and of the
        bridges before it; bridges may wait for such numbers.
        """
        if not bridges:
            return self
        first = len(self.arriving)
        leaving = (
            Leaving(bridge.gpu, bridge.instance, is_destroyed=True, bridge=first + position)
            for position, bridge in enumerate(bridges)
        )
        return replace(
            self,
            leaving=(*self.leaving, *leaving),
            arriving=(*self.arriving, *bridges),
            plain=self,
        )

    def _extended(self, plain: CreditNetwork) -> CreditNetwork:
        """Return the network of the changes without bridges, with the bridges added."""
        first = len(plain.givers)
        leaving = self.leaving[len(plain.takers) :]
        arriving = self.arriving[first:]
        unlocks = [*plain.unlocks, *(() for _ in leaving)]
        for position, bridge in enumerate(arriving, first):
            for blocker in bridge.blockers:
                unlocks[blocker] += (Link(position, self._lead_ns(blocker, bridge)),)
        number = self._service_numbers
        return CreditNetwork(
            slack_micro=plain.slack_micro,
            takers=(*plain.takers, *(self._taker(one, number) for one in leaving)),
            givers=(*plain.givers, *(self._giver(one, number) for one in arriving)),
            unlocks=tuple(unlocks),
            releases=(*plain.releases, *((len(plain.takers) + n,) for n in range(len(arriving)))),
        )

    @property
    def _service_numbers(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.slack_micro)}

    def _taker(self, leaving: Leaving, number: Mapping[str, int]) -> Actor:
        instance = leaving.instance
        return Actor(number[instance.service], rate_micro(instance), self._end_ns(leaving))

    def _giver(self, arriving: Arriving, number: Mapping[str, int]) -> Actor:
        instance = arriving.instance
        return Actor(number[instance.service], rate_micro(instance), self._own_ns(arriving))

    def action_ns(self, action: Action, gpu: Gpu) -> int:
        """Return how long an action takes on a GPU, nanoseconds."""
        return round(self.times.estimate_s(action, gpu) * NS)

    def _own_ns(self, arriving: Arriving) -> int:
        """From nothing to ready, when nothing that serves is in the way."""
        own_ns = self.action_ns(Action.START, arriving.gpu)
        if arriving.is_created:
            own_ns += self.action_ns(Action.CREATE, arriving.gpu)
        if arriving.cleared:
            own_ns += self.action_ns(Action.DESTROY, arriving.gpu)
        return own_ns

    def _end_ns(self, leaving: Leaving) -> int:
        """From the issue of its stop until nothing of it is left to do."""
        end_ns = self.action_ns(Action.STOP, leaving.gpu)
        if leaving.is_destroyed:
            end_ns += self.action_ns(Action.DESTROY, leaving.gpu)
        return end_ns

    def _lead_ns(self, blocker: int, arriving: Arriving) -> int:
        """From the issue of a blocker's stop until the arriving instance is ready."""
        lead_ns = self._end_ns(self.leaving[blocker]) + self.action_ns(Action.START, arriving.gpu)
        if arriving.is_created:
            lead_ns += self.action_ns(Action.CREATE, arriving.gpu)
        return lead_ns


def changes_of(setting: Setting, placed: PlacedTarget) -> Changes:
    """Return what has to change on every GPU of a placed target."""
    request = setting.request
    writer = _Writer(request)
    for gpu in placed.gpus:
        writer.add(gpu)
    return Changes(
        leaving=tuple(writer.leaving),
        arriving=tuple(writer.arriving),
        cleared=tuple(writer.cleared),
        slack_micro=setting.slack_micro,
        times=request.times,
    )


class _Writer:
    """Collects the changes GPU by GPU."""

    def __init__(self, request: TransitionRequest) -> None:
        self._request = request
        self.leaving: list[Leaving] = []
        self.arriving: list[Arriving] = []
        self.cleared: list[Cleared] = []

    def add(self, placed: PlacedGpu) -> None:
        """Write down what changes on one GPU."""
        gpu, reused = placed.gpu, placed.reused
        if placed.before == placed.after and not placed.unserved:
            return
        old = [i for i in placed.before if i not in placed.untouched]
        new = [i for i in placed.after if i not in placed.untouched]
        first = len(self.leaving)
        self.leaving += [Leaving(gpu, i, _place(i) not in reused) for i in old]
        gone = [n for n in range(first, len(self.leaving)) if self.leaving[n].is_destroyed]
        first_cleared = len(self.cleared)
        self.cleared += [Cleared(gpu, p) for p in placed.unserved if p not in reused]
        served_at = {_place(i): first + n for n, i in enumerate(old)}
        waits = blockers(
            self._request.type_of(gpu.gpu_type),
            [
                *(_place(self.leaving[n].instance) for n in gone),
                *(c.placement for c in self.cleared[first_cleared:]),
            ],
            sorted(reused),
            [_place(i) for i in new if _place(i) not in reused],
        )
        created = iter(waits)
        for instance in new:
            if _place(instance) in reused:
                old_one = served_at.get(_place(instance))
                wait_for = () if old_one is None else (old_one,)
                self.arriving.append(Arriving(gpu, instance, is_created=False, blockers=wait_for))
                continue
            found = next(created)
            self.arriving.append(
                Arriving(
                    gpu,
                    instance,
                    is_created=True,
                    blockers=tuple(gone[n] for n in found if n < len(gone)),
                    cleared=tuple(first_cleared + n - len(gone) for n in found if n >= len(gone)),
                )
            )


def _place(instance: PlannedInstance) -> Placement:
    return Placement(instance.start, instance.profile)
