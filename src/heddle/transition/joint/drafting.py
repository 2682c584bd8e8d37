"""From an order to steps: the draft of a transition.

Called by ``planner`` in the end; ``transition.plan`` finishes and proves the draft.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable

from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance
from heddle.cluster.partition import Placement
from heddle.transition.draft import Draft
from heddle.transition.joint.changes import Arriving, Changes, Leaving
from heddle.transition.joint.credit_network import Times
from heddle.transition.joint.credits import Shares, share_out
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.request import TransitionRequest


def draft_of(
    request: TransitionRequest, placed: PlacedTarget, changes: Changes, times: Times
) -> Draft:
    """Return the steps of changes in the order of a schedule."""
    return _Writer(Draft(request.times, _target(request, placed)), changes, times).draft()


class _Writer:
    """Writes the steps of all changes into a draft."""

    def __init__(self, draft: Draft, changes: Changes, times: Times) -> None:
        self._draft = draft
        self._changes = changes
        self._shares = _shares(changes, times)
        self._move_of_giver = {g: n for n, g in enumerate(self._shares.twins.values())}
        self._move_of_taker = {t: n for n, t in enumerate(self._shares.twins)}
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._destroys: dict[int, int] = {}
        self._cleared: list[int] = []

    def draft(self) -> Draft:
        """Add every step, then every wait for credit."""
        changes = self._changes
        for cleared in changes.cleared:
            self._cleared.append(self._draft.destroy(cleared.gpu, cleared.placement))
        for number, leaving in enumerate(changes.leaving):
            self._leave(number, leaving)
        for number, arriving in enumerate(changes.arriving):
            self._arrive(number, arriving)
        for number, leaving in enumerate(changes.leaving):
            stop = self._stops[number]
            self._draft.order_all((self._starts[g] for g in self._shares.draws[number]), stop)
            if leaving.bridge is not None:
                self._draft.order(self._starts[leaving.bridge], stop)
        return self._draft

    def _leave(self, number: int, leaving: Leaving) -> None:
        draft, move = self._draft, self._move_of_taker.get(number)
        stop = draft.stop(leaving.gpu, leaving.instance, move)
        self._stops.append(stop)
        if leaving.is_destroyed:
            destroy = draft.destroy(leaving.gpu, _place(leaving.instance), move)
            draft.order(stop, destroy)
            self._destroys[number] = destroy

    def _arrive(self, number: int, arriving: Arriving) -> None:
        draft, move = self._draft, self._move_of_giver.get(number)
        if arriving.is_created:
            create = draft.create(arriving.gpu, _place(arriving.instance), move)
            draft.order_all((self._destroys[n] for n in arriving.blockers), create)
            draft.order_all((self._cleared[n] for n in arriving.cleared), create)
        start = draft.start(arriving.gpu, arriving.instance, move)
        self._starts.append(start)
        if arriving.is_created:
            draft.order(create, start)
        else:
            draft.order_all((self._stops[n] for n in arriving.blockers), start)


def _shares(changes: Changes, times: Times) -> Shares:
    """Share out credit; what is created here and destroyed there may be one move."""
    return share_out(
        changes.network,
        times,
        [
            _kind(leaving.instance) if leaving.is_destroyed and leaving.bridge is None else None
            for leaving in changes.leaving
        ],
        [_kind(a.instance) if a.is_created else None for a in changes.arriving],
    )


def _kind(instance: PlannedInstance) -> Hashable:
    """What an instance that replaces another has in common with it."""
    return instance._replace(start=0)


def _target(request: TransitionRequest, placed: PlacedTarget) -> Deployment:
    """Return the wanted deployment on the GPUs that carry it."""
    reasons: dict[Hashable, deque[str]] = defaultdict(deque)
    for entry in request.wanted.configurations:
        reasons[_content(entry.gpu_type, entry.instances)].append(entry.reason)
    configurations = []
    for gpu in placed.gpus:
        if gpu.after:
            reason = reasons[_content(gpu.gpu.gpu_type, gpu.after)]
            configurations.append(
                Configuration(
                    gpu.gpu.id,
                    gpu.gpu.node,
                    gpu.gpu.gpu_type,
                    gpu.after,
                    reason.popleft() if reason else "",
                )
            )
    return Deployment(request.wanted.services, tuple(configurations), request.wanted.certificate)


def _content(gpu_type: str, instances: tuple[PlannedInstance, ...]) -> Hashable:
    """What two GPUs with the same instances, wherever they start, have in common."""
    return gpu_type, frozenset(Counter(_kind(instance) for instance in instances).items())


def _place(instance: PlannedInstance) -> Placement:
    return Placement(instance.start, instance.profile)
