"""What no order of steps can beat: a lower bound on the makespan of a transition.

Benchmarks print it beside the makespan of a plan. For a placed target it follows the
chains that nobody can avoid:

- what is new has to be created (where its place does not exist) and started;
- where an old instance is in its way, that is stopped and destroyed before;
- where the old instance's service has not that much to spare, as much of the service
  must have been started before, which takes at least one create and start, and more if
  those wait for stops themselves;
- all stops that have the same long way still before them need their credit together;
- where in the end a service has less to spare than the last start brings, a stop waits
  for that start.

That credit once given is used up is left out of account, so no schedule can be better.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.transition.action_times import ActionTimes
from heddle.transition.floors import floors_micro
from heddle.transition.joint.bridge_times import bridges_on
from heddle.transition.joint.changes import NS, changes_of
from heddle.transition.joint.network_bound import NEVER, bound
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.setting import Setting
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from heddle.units import micro_floor


def makespan_bound_s(
    request: TransitionRequest,
    placed: PlacedTarget | None = None,
    *,
    may_bridge: bool = True,
) -> float:
    """Return a lower bound on the makespan by the estimates, seconds.

    Parameters
    ----------
    placed
        Which GPU carries what; None for a weaker bound that holds for every placement.
    may_bridge
        Whether bridges may help: instances that exist only on the way. They stand on
        the placed GPUs, and on others if the request allows more spare GPUs than are
        placed, or any number. Without them the bound is higher, and infinite where no
        order exists.
    """
    if placed is None:
        return _bound_of_pair(request)
    setting = Setting(request)
    changes = changes_of(setting, placed)
    cleared_s = max(
        (request.times.estimate_s(Action.DESTROY, c.gpu) for c in changes.cleared), default=0.0
    )
    bridges_ns = bridges_on(setting, placed).by_service if may_bridge else None
    least_ns = bound(changes.network, bridges_ns).makespan_ns
    return float("inf") if least_ns == NEVER else max(least_ns / NS, cleared_s)


def bound_beside_s(request: TransitionRequest, transition: Transition) -> float:
    """Return a lower bound for all orders with the placement and the GPUs of a transition.

    Higher than that for the request where that leaves the number of spare GPUs open.
    """
    limited = replace(request, spare_gpus=transition.spare_gpus)
    return makespan_bound_s(limited, placed_by(transition))


def placed_by(transition: Transition) -> PlacedTarget:
    """Return the placement that a transition leads to."""
    sides = [
        {Gpu(c.gpu, c.node, c.gpu_type): c.instances for c in side.configurations}
        for side in (transition.origin, transition.target)
    ]
    gpus = dict.fromkeys((*transition.gpus.values(), *sides[0], *sides[1]))
    return PlacedTarget(
        tuple(
            PlacedGpu(
                gpu,
                sides[0].get(gpu, ()),
                sides[1].get(gpu, ()),
                tuple(transition.unserved.get(gpu.id, ())),
            )
            for gpu in gpus
        )
    )


def _bound_of_pair(request: TransitionRequest) -> float:
    """Return a bound for every placement: the longest of what each GPU type must do."""
    names = {c.gpu_type for side in (request.origin, request.wanted) for c in side.configurations}
    return max((_bound_of_type(request, name) for name in sorted(names)), default=0.0)


def _bound_of_type(request: TransitionRequest, gpu_type: str) -> float:
    """Return what has to be done on GPUs of a type at least.

    What the target has more of is started, and created where it has more of the
    profile. What it has less of is stopped, and destroyed where even what it has of the
    profile in all is less. A stop of more than the service has to spare comes after a
    start.
    """
    before, after = _servers(request.origin, gpu_type), _servers(request.wanted, gpu_type)
    served, wanted = _profiles(before), _profiles(after)
    existing = served + Counter(
        placement.profile
        for gpu in _on_type(request, gpu_type)
        for placement in request.unserved.get(gpu, ())
    )
    takes_s = {action: _least_s(request.times, action, gpu_type) for action in Action}
    chains = [0.0]
    if after - before:
        chains.append(takes_s[Action.START])
    if wanted - existing:
        chains.append(takes_s[Action.CREATE] + takes_s[Action.START])
    if before - after:
        chains.append(takes_s[Action.STOP])
    if served - wanted:
        chains.append(takes_s[Action.STOP] + takes_s[Action.DESTROY])
    if existing - wanted:
        chains.append(takes_s[Action.DESTROY])
    if _is_short(request, before - after):
        chains.append(_least_start_s(request) + takes_s[Action.STOP])
    return max(chains)


def _servers(side: Deployment, gpu_type: str) -> Counter[PlannedInstance]:
    """Return what a side runs on GPUs of a type, wherever it stands."""
    return Counter(
        instance._replace(start=0) for gpu, instance in side.instances() if gpu.gpu_type == gpu_type
    )


def _profiles(servers: Counter[PlannedInstance]) -> Counter[str]:
    return Counter(server.profile for server in servers.elements())


def _on_type(request: TransitionRequest, gpu_type: str) -> list[str]:
    """Return the ids of the GPUs of a type that are known."""
    known = {c.gpu: c.gpu_type for c in request.origin.configurations}
    known |= {gpu.id: gpu.gpu_type for gpu in request.inventory or ()}
    return [gpu for gpu, name in known.items() if name == gpu_type]


def _is_short(request: TransitionRequest, stopped: Counter[PlannedInstance]) -> bool:
    """Whether a service has not as much to spare as one of its stops takes."""
    ready: Counter[str] = Counter()
    for _, instance in request.origin.instances():
        ready[instance.service] += micro_floor(instance.rate_rps)
    floors = floors_micro(request.origin, request.wanted)
    return any(
        micro_floor(server.rate_rps) > ready[server.service] - floors.get(server.service, 0)
        for server in stopped
    )


def _least_start_s(request: TransitionRequest) -> float:
    names = {c.gpu_type for side in (request.origin, request.wanted) for c in side.configurations}
    return min(_least_s(request.times, Action.START, name) for name in names)


def _least_s(times: ActionTimes, action: Action, gpu_type: str) -> float:
    """Return the least that an action takes on a GPU of a type, whatever its host, seconds."""
    special = times.gpu_types.get(gpu_type, {})
    hosts = [host[action] for host in times.hosts.values() if action in host]
    return min([special.get(action, times.default[action]), *hosts])
