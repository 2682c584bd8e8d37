"""What runs: an immutable view of the cluster's GPUs and instances at one instant.

Nodes report it; ``transition.executor`` compares it with what should run, and goes on
from it after a crash. ``deployment`` is what *should* run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.units import MICRO, micro_floor


class LiveInstance(NamedTuple):
    """An instance that exists.

    ``serving`` is what runs on it, or None; ``is_ready`` whether that has traffic.
    """

    placement: Placement
    uuid: str
    serving: PlannedInstance | None = None
    is_ready: bool = False


@dataclass(frozen=True, slots=True)
class GpuState:
    """One GPU and its live instances, ordered by start."""

    gpu: Gpu
    instances: tuple[LiveInstance, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All GPUs that were seen.

    Attributes
    ----------
    gpus
        Of every node that answered.
    unreachable
        Nodes that did not answer; nothing is known of their GPUs.
    in_progress
        Ids of the commands that nodes are carrying out right now.
    """

    gpus: tuple[GpuState, ...]
    unreachable: frozenset[str] = field(default_factory=frozenset)
    in_progress: frozenset[str] = field(default_factory=frozenset)

    def live(self) -> Iterator[tuple[Gpu, LiveInstance]]:
        """Yield every instance with its GPU."""
        for state in self.gpus:
            for instance in state.instances:
                yield state.gpu, instance

    def ready_rps(self) -> dict[str, float]:
        """Return the rate of the instances with traffic, by service, requests/s."""
        micro: dict[str, int] = {}
        for _, instance in self.live():
            if instance.serving is not None and instance.is_ready:
                service = instance.serving.service
                micro[service] = micro.get(service, 0) + micro_floor(instance.serving.rate_rps)
        return {service: amount / MICRO for service, amount in micro.items()}

    def deployment(self, services: Mapping[str, ServedService]) -> Deployment:
        """Return what is served, as a deployment; GPUs that serve nothing are left out.

        Instances that exist without traffic are not in it: see :meth:`unserved`.
        """
        configurations = []
        for state in self.gpus:
            serving = tuple(i.serving for i in state.instances if i.serving and i.is_ready)
            if serving:
                gpu = state.gpu
                configurations.append(Configuration(gpu.id, gpu.node, gpu.gpu_type, serving))
        return Deployment(services, tuple(configurations))

    def unserved(self) -> tuple[tuple[Gpu, LiveInstance], ...]:
        """Return the instances that exist but have no traffic."""
        return tuple((gpu, instance) for gpu, instance in self.live() if not instance.is_ready)


def differences(deployment: Deployment, snapshot: Snapshot) -> list[str]:
    """Return how what runs differs from what a deployment says, as sentences.

    GPUs without instances do not matter; a GPU on an unreachable node does.
    """
    wanted = {gpu.gpu: gpu for gpu in deployment.configurations if gpu.instances}
    found = {state.gpu.id: state for state in snapshot.gpus}
    wrong = [
        f"{name}: on {configuration.node}, which does not answer"
        if configuration.node in snapshot.unreachable
        else f"{name}: no node has this GPU"
        for name, configuration in wanted.items()
        if name not in found
    ]
    for name, state in found.items():
        configuration = wanted.get(name)
        if configuration is not None and configuration.gpu_type != state.gpu.gpu_type:
            wrong.append(f"{name}: a {state.gpu.gpu_type}, where {configuration.gpu_type} was said")
        wrong.extend(_gpu_differences(name, configuration, state))
    return wrong


def _gpu_differences(
    name: str, configuration: Configuration | None, state: GpuState
) -> Iterator[str]:
    planned = {i.start: i for i in configuration.instances} if configuration else {}
    live = {instance.placement.start: instance for instance in state.instances}
    for start in sorted(planned.keys() | live.keys()):
        should, does = _described(planned.get(start)), _described_live(live.get(start))
        if should != does:
            yield f"{name} at {start}: runs {does}, should run {should}"


def _described(instance: PlannedInstance | None) -> str:
    if instance is None:
        return "nothing"
    return (
        f"{instance.profile} with {instance.service} "
        f"(batch {instance.batch}, {instance.processes} processes)"
    )


def _described_live(instance: LiveInstance | None) -> str:
    if instance is None:
        return "nothing"
    if instance.serving is None:
        return f"{instance.placement.profile} without a service"
    described = _described(instance.serving)
    return described if instance.is_ready else f"{described} without traffic"
