"""The GPUs, instances and servers of a simulated cluster, and what may be done to them.

The world holds to what hardware allows, whatever it is asked for: partitions stay
legal, an instance in use is not destroyed, a server needs an instance. ``node`` asks
it for changes; it knows nothing of time but the instant that it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement, empty_partition
from heddle.cluster.snapshot import GpuState, LiveInstance
from heddle.errors import InputError
from heddle.simulator.history import RateLog
from heddle.transition.gpu_room import gpus_of
from heddle.transition.transition import Transition
from heddle.units import micro_floor

TypeOf = Callable[[str], GpuType]


def builtin_type(name: str) -> GpuType:
    """Return the GPU type of that name that comes with heddle."""
    return builtin_catalogue().get(name)


class Refusal(NamedTuple):
    """Why something cannot be done, and whether it may be possible later."""

    message: str
    is_retryable: bool = False


@dataclass(slots=True)
class _Instance:
    """An instance from the issue of its create to the end of its destroy.

    ``busy`` is the action that is being carried out on it.
    """

    uuid: str
    serving: PlannedInstance | None = None
    is_ready: bool = False
    busy: Action | None = None

    @property
    def is_live(self) -> bool:
        return self.busy is not Action.CREATE


@dataclass(slots=True)
class _SimulatedGpu:
    """One GPU: the partition is what is taken, the instances are what takes it.

    ``seen`` is how it was observed last, until it changes.
    """

    gpu: Gpu
    partition: Partition
    instances: dict[Placement, _Instance]
    num_created: int = 0
    seen: GpuState | None = None

    def state(self) -> GpuState:
        """Return the GPU with the instances that are live."""
        if self.seen is None:
            live = [(p, i) for p, i in sorted(self.instances.items()) if i.is_live]
            instances = (LiveInstance(p, i.uuid, i.serving, i.is_ready) for p, i in live)
            self.seen = GpuState(self.gpu, tuple(instances))
        return self.seen


class World:
    """All GPUs and what is on them.

    Parameters
    ----------
    gpus
        Ids are unique.
    type_of
        Returns the GPU type of a name.
    seed
        Of the instances' uuids.

    Raises
    ------
    InputError
        An id stands twice, or a type is not known.
    """

    def __init__(self, gpus: Iterable[Gpu], type_of: TypeOf = builtin_type, seed: int = 0) -> None:
        self._seed = seed
        self._gpus: dict[str, _SimulatedGpu] = {}
        self._rates = RateLog()
        for gpu in gpus:
            if gpu.id in self._gpus:
                raise InputError(f"GPU {gpu.id!r} is there twice; every GPU needs its own id")
            partition = empty_partition(type_of(gpu.gpu_type))
            self._gpus[gpu.id] = _SimulatedGpu(gpu, partition, {})

    @classmethod
    def of(
        cls,
        transition: Transition,
        extra: Iterable[Gpu] = (),
        type_of: TypeOf = builtin_type,
        seed: int = 0,
    ) -> World:
        """Return the world in which a transition begins, with every GPU that it names.

        ``extra`` are empty GPUs beside them.
        """
        world = cls((*transition.gpus.values(), *extra), type_of, seed)
        world.run(transition.origin)
        world.leave(transition.unserved)
        return world

    @classmethod
    def running(
        cls,
        deployment: Deployment,
        extra: Iterable[Gpu] = (),
        type_of: TypeOf = builtin_type,
        seed: int = 0,
    ) -> World:
        """Return a world in which a deployment runs, with ``extra`` empty GPUs."""
        world = cls((*gpus_of(deployment), *extra), type_of, seed)
        world.run(deployment)
        return world

    def run(self, deployment: Deployment) -> None:
        """Let every instance of a deployment exist and serve from the beginning.

        Raises
        ------
        InputError
            An instance cannot be on its GPU.
        """
        for configuration, planned in deployment.instances():
            placement = Placement(planned.start, planned.profile)
            instance = self._place(configuration.gpu, placement)
            instance.serving, instance.is_ready = planned, True
            self._rates.change(0.0, planned.service, micro_floor(planned.rate_rps))
        self._rates.begin()

    def leave(self, unserved: Mapping[str, Iterable[Placement]]) -> None:
        """Let instances exist without a service from the beginning."""
        for gpu, placements in unserved.items():
            for placement in placements:
                self._place(gpu, placement)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes, in the order of their first GPUs."""
        return tuple(dict.fromkeys(state.gpu.node for state in self._gpus.values()))

    @property
    def rates(self) -> RateLog:
        """The ready rate of every service over time."""
        return self._rates

    def gpu(self, name: str) -> Gpu:
        """Return the GPU of that id; KeyError when it is not there."""
        return self._gpus[name].gpu

    def states(self, nodes: frozenset[str]) -> Iterator[GpuState]:
        """Yield the GPUs of some nodes, with the instances that are live."""
        for state in self._gpus.values():
            if state.gpu.node in nodes:
                yield state.state()

    def begin(self, command: Command, at_s: float) -> Refusal | None:
        """Begin a change, or say why it cannot be.

        A create takes its slots now; a stop takes the traffic away now.
        """
        state = self._gpus.get(command.gpu)
        if state is None or state.gpu.node != command.node:
            return Refusal(f"{command.node} has no GPU {command.gpu!r}")
        refusal = _objection(state, command)
        if refusal is not None:
            return refusal
        if command.action is Action.CREATE:
            self._place(command.gpu, command.placement)
        state.seen = None
        instance = state.instances[command.placement]
        instance.busy = command.action
        if command.action is Action.START:
            instance.serving = command.serving
        elif command.action is Action.STOP:
            self._set_ready(instance, at_s, is_ready=False)
        return None

    def finish(self, command: Command, at_s: float) -> None:
        """End a change that has begun: it is done."""
        instance = self._busy(command)
        instance.busy = None
        if command.action is Action.START:
            self._set_ready(instance, at_s, is_ready=True)
        elif command.action is Action.STOP:
            instance.serving = None
        elif command.action is Action.DESTROY:
            self._remove(command)

    def undo(self, command: Command, at_s: float) -> None:
        """End a change that has begun: it failed, and all is as it was before."""
        instance = self._busy(command)
        instance.busy = None
        if command.action is Action.START:
            instance.serving = None
        elif command.action is Action.STOP:
            self._set_ready(instance, at_s, is_ready=True)
        elif command.action is Action.CREATE:
            self._remove(command)

    def drop_servers(self, node: str, at_s: float) -> int:
        """Let every server of a node die, and return how many did.

        No start or stop is under way there.
        """
        num_died = 0
        for state in self._on(node):
            state.seen = None
            for instance in state.instances.values():
                num_died += instance.serving is not None
                self._set_ready(instance, at_s, is_ready=False)
                instance.serving = None
        return num_died

    def drop_instances(self, node: str, at_s: float) -> int:
        """Let every instance of a node be gone, and return how many were.

        Nothing is under way there.
        """
        self.drop_servers(node, at_s)
        num_gone = 0
        for state in self._on(node):
            num_gone += len(state.instances)
            state.instances.clear()
            state.partition = empty_partition(state.partition.gpu_type)
        return num_gone

    def _on(self, node: str) -> list[_SimulatedGpu]:
        return [state for state in self._gpus.values() if state.gpu.node == node]

    def _place(self, gpu: str, placement: Placement) -> _Instance:
        if gpu not in self._gpus:
            raise InputError(f"no node has GPU {gpu!r}, which an instance is said to be on")
        state = self._gpus[gpu]
        try:
            state.partition = state.partition.with_placement(placement)
        except InputError as error:
            raise InputError(f"GPU {gpu!r}: {error.message}", error.location) from error
        state.num_created += 1
        state.seen = None
        instance = _Instance(self._uuid(state, placement))
        state.instances[placement] = instance
        return instance

    def _remove(self, command: Command) -> None:
        state = self._gpus[command.gpu]
        del state.instances[command.placement]
        state.partition = state.partition.without_placement(command.placement)

    def _busy(self, command: Command) -> _Instance:
        state = self._gpus[command.gpu]
        instance = state.instances[command.placement]
        if instance.busy is not command.action:
            raise ValueError(f"command {command.id} has not begun")
        state.seen = None
        return instance

    def _set_ready(self, instance: _Instance, at_s: float, *, is_ready: bool) -> None:
        if instance.serving is None or instance.is_ready == is_ready:
            return
        instance.is_ready = is_ready
        micro = micro_floor(instance.serving.rate_rps)
        self._rates.change(at_s, instance.serving.service, micro if is_ready else -micro)

    def _uuid(self, state: _SimulatedGpu, placement: Placement) -> str:
        """Return a name as a driver gives it: never the same for two instances."""
        told = f"{self._seed}/{state.gpu.id}/{placement.start}/{placement.profile}"
        digest = blake2b(f"{told}/{state.num_created}".encode(), digest_size=16).digest()
        return f"MIG-{UUID(bytes=digest)}"


def _objection(state: _SimulatedGpu, command: Command) -> Refusal | None:
    """Return why a command cannot be carried out now, or None."""
    refusal = _misfit(command)
    if refusal is not None:
        return refusal
    if command.action is Action.CREATE:
        return _creation_objection(state, command.placement)
    instance = state.instances.get(command.placement)
    place = f"{command.placement.profile} at {command.placement.start} of {command.gpu}"
    if instance is None:
        return Refusal(f"there is no {place}")
    if instance.busy is not None:
        message = f"{place} is in use: a {instance.busy.value} is under way"
        return Refusal(message, is_retryable=True)
    return _use_objection(command, instance, place)


def _use_objection(command: Command, instance: _Instance, place: str) -> Refusal | None:
    """Return why what an instance serves, or does not serve, stands in the way."""
    found = instance.serving.service if instance.serving else "nothing"
    if command.action is Action.DESTROY and instance.serving is not None:
        return Refusal(f"{place} is in use: {found} runs on it", is_retryable=True)
    if command.action is Action.START and instance.serving is not None:
        return Refusal(f"{place} serves already: {found} runs on it")
    if command.action is Action.STOP and instance.serving != command.serving:
        return Refusal(f"{place} does not serve what is to be stopped, but {found}")
    return None


def _misfit(command: Command) -> Refusal | None:
    """Return what is wrong with a command in itself, or None."""
    serving = command.serving
    if command.action in (Action.CREATE, Action.DESTROY):
        return Refusal(f"a {command.action.value} takes no service") if serving else None
    if serving is None:
        return Refusal(f"a {command.action.value} needs a service")
    if (serving.start, serving.profile) != command.placement:
        return Refusal(f"{serving.service} is planned for another placement")
    return None


def _creation_objection(state: _SimulatedGpu, placement: Placement) -> Refusal | None:
    """Return why an instance cannot be made; that one is just leaving passes by."""
    if placement in state.instances:
        is_leaving = state.instances[placement].busy is Action.DESTROY
        place = f"{placement.profile} at {placement.start} of {state.gpu.id}"
        return Refusal(f"{place} exists already", is_leaving)
    try:
        state.partition.with_placement(placement)
    except InputError as error:
        return Refusal(error.message, _fits_later(state, placement))
    return None


def _fits_later(state: _SimulatedGpu, placement: Placement) -> bool:
    """Whether a placement is legal once the instances that are leaving are gone."""
    rest = state.partition
    for other, instance in state.instances.items():
        if instance.busy is Action.DESTROY:
            rest = rest.without_placement(other)
    try:
        rest.with_placement(placement)
    except InputError:
        return False
    return True
