"""What a snapshot says about the steps of a leg: done, under way, or nowhere to be seen.

Events may be lost; what runs cannot lie. The executor asks here when it has not heard
of a command, when it goes on after a crash, and before it takes a service's traffic
away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot, differences
from heddle.transition.execution.leg_state import LegState, Place, Stage, micro_of
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.units import MICRO


class Observation:
    """A snapshot by place, and when it was made (seconds, the host's clock)."""

    def __init__(self, snapshot: Snapshot, at_s: float) -> None:
        self.snapshot = snapshot
        self.at_s = at_s
        self.gpus = {state.gpu.id: state.gpu for state in snapshot.gpus}
        self.instances: dict[Place, LiveInstance] = {
            (gpu.id, instance.placement): instance for gpu, instance in snapshot.live()
        }

    def shows(self, step: Step) -> bool:
        """Whether what a step is for can be seen; its node is one that answered."""
        if step.gpu not in self.gpus:
            return False
        instance = self.instances.get((step.gpu, step.placement))
        if step.action is Action.DESTROY:
            return instance is None
        if step.action is Action.STOP:
            return instance is None or instance.serving is None
        if instance is None:
            return False
        if step.action is Action.CREATE:
            return True
        return instance.is_ready and instance.serving == step.serving


class FloorGuard:
    """Whether stops may be issued now, by what is seen to serve.

    A transition is proved to keep its floors as long as everything serves that should.
    A node may have lost what it served; then a stop has to wait. What ``still_serving``
    stops counts although that step is open.
    """

    def __init__(
        self, state: LegState, seen: Observation, still_serving: Step | None = None
    ) -> None:
        # A stop that failed left its instance serving; one that is open may have taken it.
        leaving = {
            (step.gpu, step.placement)
            for step in state.steps(Stage.OPEN)
            if step.action is Action.STOP and step is not still_serving
        }
        self._floors_micro = state.leg.floors_micro
        self._serving: dict[Place, PlannedInstance] = {}
        self._rates_micro: dict[str, int] = {}
        for place, instance in seen.instances.items():
            if instance.serving is not None and instance.is_ready and place not in leaving:
                service = instance.serving.service
                rate = self._rates_micro.get(service, 0)
                self._rates_micro[service] = rate + micro_of(instance.serving.rate_rps)
                self._serving[place] = instance.serving

    def objection(self, step: Step) -> str | None:
        """Return why a stop has to wait, or None when it may be issued."""
        serving = self._serving.get((step.gpu, step.placement))
        if serving is None:
            return None
        rate = self._rates_micro[serving.service]
        left = rate - micro_of(serving.rate_rps)
        floor = self._floors_micro.get(serving.service, 0)
        if left >= floor:
            return None
        return (
            f"{step} waits: {serving.service} has {rate / MICRO:,.6g} requests/s with traffic, "
            f"would have {left / MICRO:,.6g}, and needs {floor / MICRO:,.6g}"
        )

    def take(self, step: Step) -> None:
        """Take note that a stop is issued."""
        serving = self._serving.pop((step.gpu, step.placement), None)
        if serving is not None:
            self._rates_micro[serving.service] -= micro_of(serving.rate_rps)


def start_objections(transition: Transition, snapshot: Snapshot) -> list[str]:
    """Return how what runs differs from where a transition begins, as sentences.

    GPUs that it needs later have to be there as well, and their nodes have to answer.
    """
    silent = sorted({gpu.node for gpu in transition.gpus.values()} & snapshot.unreachable)
    if silent:
        return [f"{node} does not answer" for node in silent]
    found = list(differences(transition.origin, _without_unserved(transition, snapshot)))
    live = {(gpu.id, i.placement): i for gpu, i in snapshot.live()}
    for gpu, placements in transition.unserved.items():
        for placement in placements:
            instance = live.get((gpu, placement))
            if instance is None or instance.serving is not None:
                what = "nothing" if instance is None else "a service"
                place = f"{gpu} at {placement.start}"
                found.append(f"{place}: runs {what}, should be {placement.profile} without one")
    return [*found, *_missing_gpus(transition, snapshot)]


def drift(state: LegState, seen: Observation) -> list[str]:
    """Return where GPUs of a leg are not as they should be by now, as sentences.

    Nodes that do not answer, and instances that open steps change, are left out.
    """
    changing = {(step.gpu, step.placement) for step in state.steps(Stage.OPEN)}
    known = state.leg.transition.gpus
    found = []
    for place in sorted(state.instances.keys() | seen.instances.keys()):
        gpu, placement = place
        if gpu in known and gpu in seen.gpus and place not in changing:
            should = _served(state, place)
            does = _seen(seen.instances.get(place))
            if should != does:
                name = f"{gpu} at {placement.start}: {placement.profile}"
                found.append(f"{name} {does}, should have {should.removeprefix('has ')}")
    return found


def _served(state: LegState, place: Place) -> str:
    if place not in state.instances:
        return "has no instance"
    return _spell(state.instances[place])


def _seen(instance: LiveInstance | None) -> str:
    if instance is None:
        return "has no instance"
    traffic = "" if instance.is_ready or instance.serving is None else " without traffic"
    return _spell(instance.serving) + traffic


def _spell(serving: PlannedInstance | None) -> str:
    if serving is None:
        return "has no service"
    return f"has {serving.service} (batch {serving.batch}, {serving.processes} processes)"


def _without_unserved(transition: Transition, snapshot: Snapshot) -> Snapshot:
    """Leave out the instances that are said to exist without a service."""

    def kept(state: GpuState) -> GpuState:
        said = transition.unserved.get(state.gpu.id, ())
        instances = tuple(
            i for i in state.instances if i.placement not in said or i.serving is not None
        )
        return GpuState(state.gpu, instances)

    return replace(snapshot, gpus=tuple(map(kept, snapshot.gpus)))


def _missing_gpus(transition: Transition, snapshot: Snapshot) -> Iterator[str]:
    """Yield what is wrong with the GPUs of steps, beyond what runs on them."""
    there = {state.gpu.id: state.gpu for state in snapshot.gpus}
    running = {entry.gpu for entry in transition.origin.configurations if entry.instances}
    for name in sorted({step.gpu for step in transition.steps}):
        gpu, found = transition.gpus[name], there.get(name)
        if found is None:
            if name not in running:
                yield f"{name} ({gpu.gpu_type} in {gpu.node}) is needed: no node has this GPU"
        elif found != gpu and (name not in running or found.node != gpu.node):
            yield (
                f"{name}: a {found.gpu_type} in {found.node}, "
                f"where a {gpu.gpu_type} in {gpu.node} is needed"
            )
