"""The hosts on which ``heddle apply`` can carry a transition out, by the word for them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from heddle.cli.simulation_arguments import action_times, gpu_type_catalogue, simulated_cluster
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.simulator.extra_gpus import extra_gpus
from heddle.simulator.socket_driver import SocketDriver
from heddle.transition.execution.leg_state import LegState
from heddle.transition.execution.turning import Replanner
from heddle.transition.executor import Host
from heddle.transition.journal import Journal
from heddle.transition.plan import plan_transition
from heddle.transition.transition import Transition

SIMULATED = "simulated"

_by_place = itemgetter(0)


class Hosted(NamedTuple):
    """A host, and how to plan anew on it."""

    host: Host
    replanner: Replanner


@contextmanager
def opened_host(
    arguments: argparse.Namespace, transition: Transition, journal: Journal
) -> Iterator[Hosted]:
    """Yield the host that the arguments name; ``journal`` is what was written before.

    Raises
    ------
    InputError
        An argument is not for this host, or a file of the simulation is wrong.
    HostError
        Nobody listens at the socket.
    """
    replanner = Replanner(
        plan=plan_transition,
        type_of=gpu_type_catalogue(arguments).get,
        times=action_times(arguments, transition),
    )
    if arguments.host == SIMULATED:
        extra = extra_gpus(list(transition.gpus.values()), arguments.extra_gpus)
        subject = _as_left(transition, extra, journal)
        cluster = simulated_cluster(arguments, subject)
        yield Hosted(Host(cluster, cluster.clock), replanner)
        return
    if arguments.faults is not None or arguments.extra_gpus:
        raise InputError(
            "--faults and --extra-gpus are for --host simulated; give them to heddle simulate"
        )
    with SocketDriver(Path(arguments.host)) as driver:
        yield Hosted(Host(driver, driver.clock), replanner)


def _as_left(transition: Transition, extra: Sequence[Gpu], journal: Journal) -> Transition:
    """Return a transition that begins where a journal ends: the nodes are rebuilt from it."""
    gpus = {gpu.id: gpu for gpu in (*transition.gpus.values(), *extra)}
    if not journal.is_begun:
        running = {entry.gpu for entry in transition.origin.configurations}
        return replace(transition, borrowed=_without(gpus, running))
    state = journal.state.leg
    gpus |= state.leg.transition.gpus
    origin = _deployment(transition.origin, state)
    unserved: dict[str, tuple[Placement, ...]] = {}
    for (gpu, placement), serving in sorted(state.instances.items(), key=_by_place):
        if serving is None:
            unserved[gpu] = (*unserved.get(gpu, ()), placement)
    running = {entry.gpu for entry in origin.configurations}
    return replace(transition, origin=origin, borrowed=_without(gpus, running), unserved=unserved)


def _without(gpus: Mapping[str, Gpu], running: Collection[str]) -> tuple[Gpu, ...]:
    return tuple(gpu for gpu in gpus.values() if gpu.id not in running)


def _deployment(origin: Deployment, state: LegState) -> Deployment:
    serving: dict[str, list[PlannedInstance]] = {}
    for (gpu, _), instance in sorted(state.instances.items(), key=_by_place):
        if instance is not None:
            serving.setdefault(gpu, []).append(instance)
    known = state.leg.transition.gpus
    return Deployment(
        origin.services,
        tuple(
            Configuration(gpu, known[gpu].node, known[gpu].gpu_type, tuple(instances))
            for gpu, instances in serving.items()
        ),
    )
