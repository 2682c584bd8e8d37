"""When a bridge can come at the earliest, and how long it takes to go.

For lower bounds: whatever bridges are built, and wherever they stand on the way, before
these times they give no credit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Partition, Placement
from heddle.transition.action_times import ActionTimes
from heddle.transition.gpu_room import gpus_of
from heddle.transition.joint.changes import NS
from heddle.transition.joint.network_bound import NEVER
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.setting import Setting


class BridgeTimes(NamedTuple):
    """Nanoseconds from the beginning until a bridge of each service can be ready, and at the end.

    ``last_ns`` passes at least after a bridge's stop was issued.
    """

    first_ns: tuple[int, ...]
    last_ns: int

    @property
    def by_service(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Both times of every service."""
        return self.first_ns, tuple(self.last_ns if ns < NEVER else NEVER for ns in self.first_ns)


def fastest_bridges(setting: Setting) -> BridgeTimes:
    """Return the times of bridges for which there is room everywhere."""
    times = setting.request.times
    first_ns = _least_ns(times, Action.CREATE) + _least_ns(times, Action.START)
    last_ns = _least_ns(times, Action.STOP) + _least_ns(times, Action.DESTROY)
    return BridgeTimes((first_ns,) * len(setting.slack_micro), last_ns)


def bridges_on(setting: Setting, placed: PlacedTarget) -> BridgeTimes:
    """Return the times of bridges on the GPUs of a placed target.

    A bridge is an instance at an operating point that one of the deployments uses. It
    stands where nothing exists at the beginning, or where something has gone; on other
    GPUs only if the request allows more spare GPUs than are placed, or any number.
    """
    fastest = fastest_bridges(setting)
    if _may_borrow_more(setting, placed):
        return fastest
    profiles: dict[str, Counter[str]] = {}
    for gpu in placed.gpus:
        if gpu.gpu.id not in setting.request.cordoned:
            known = profiles.setdefault(gpu.gpu.gpu_type, Counter())
            for profile, ready_ns in _ready_ns(setting, gpu).items():
                known[profile] = min(ready_ns, known.get(profile, NEVER))
    first_ns = dict.fromkeys(setting.slack_micro, NEVER)
    for (service, gpu_type), points in setting.points.items():
        known = profiles.get(gpu_type, Counter())
        ready = [known.get(point.profile, NEVER) for point in points]
        first_ns[service] = min(first_ns[service], *ready)
    return BridgeTimes(tuple(first_ns.values()), fastest.last_ns)


def _may_borrow_more(setting: Setting, placed: PlacedTarget) -> bool:
    """Whether the request allows more spare GPUs than a placed target has."""
    limit = setting.request.spare_gpus
    first, last = (
        Counter(gpu.gpu_type for gpu in gpus)
        for gpus in (gpus_of(setting.request.origin), [g.gpu for g in placed.gpus if g.after])
    )
    used = Counter(gpu.gpu.gpu_type for gpu in placed.gpus)
    num_spares = sum(count - max(first[name], last[name]) for name, count in used.items())
    return limit is None or limit > num_spares


def _ready_ns(setting: Setting, gpu: PlacedGpu) -> Mapping[str, int]:
    """Return by profile when a new instance of it can be ready on a GPU."""
    gpu_type = setting.request.type_of(gpu.gpu.gpu_type)
    existing = sorted({*gpu.unserved, *(Placement(i.start, i.profile) for i in gpu.before)})
    partition = Partition(gpu_type, tuple(existing))
    made_ns = sum(_action_ns(setting, action, gpu.gpu) for action in (Action.CREATE, Action.START))
    gone_ns = _action_ns(setting, Action.DESTROY, gpu.gpu)
    if not gpu.unserved:
        gone_ns += _action_ns(setting, Action.STOP, gpu.gpu)
    return {
        profile: made_ns if partition.free_starts(profile) else gone_ns + made_ns
        for profile in gpu_type.profile_names
    }


def _action_ns(setting: Setting, action: Action, gpu: Gpu) -> int:
    return round(setting.request.times.estimate_s(action, gpu) * NS)


def _least_ns(times: ActionTimes, action: Action) -> int:
    """Return the least that an action takes on any GPU."""
    tables = (times.default, *times.gpu_types.values(), *times.hosts.values())
    return min(round(table[action] * NS) for table in tables if action in table)
