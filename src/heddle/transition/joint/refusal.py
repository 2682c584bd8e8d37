"""Why no order exists, in words: which service blocks, what is missing, what would do."""

from __future__ import annotations

from typing import NamedTuple

from heddle.transition.joint.attempt import Failure
from heddle.transition.joint.setting import Setting
from heddle.units import MICRO, plural


def refusal(setting: Setting, failure: Failure, enough: int | None) -> str:
    """Return the message for a failure; ``enough`` spare GPUs would do, None if none do."""
    blocking = _blocking(failure)
    name = failure.changes.service_names[blocking.service]
    leaving = failure.changes.leaving[blocking.taker]
    floor_micro = setting.floors_micro[name]
    allowed = setting.request.spare_gpus
    within = "in this cluster" if allowed is None else f"with {plural(allowed, 'spare GPU')}"
    cure = (
        "no number of spare GPUs that the cluster has would do; add GPUs to it"
        if enough is None
        else f"{plural(enough, 'spare GPU')} would do: allow as many (--spare-gpus {enough})"
    )
    instance = leaving.instance
    return (
        f"no order of steps was found {within}: service {name!r} blocks. To stop its "
        f"{instance.profile} at {instance.start} of {leaving.gpu.id} "
        f"({instance.rate_rps:g} requests/s) it lacks {blocking.missing_micro / MICRO:g} "
        f"requests/s above its floor of {floor_micro / MICRO:g}; {cure}"
    )


class _Blocking(NamedTuple):
    """A service, one of its stops, and the credit that it lacks; the smallest speaks for all."""

    share: float
    service: int
    taker: int
    missing_micro: int


def _blocking(failure: Failure) -> _Blocking:
    """Return what is nearest to going on among the starts that wait."""
    network, stuck = failure.changes.network, failure.stuck
    found = []
    for giver in stuck.waiting:
        rest = [taker for taker in network.blockers[giver] if taker not in stuck.taken]
        needs = network.needs(rest)
        missing = {service: need - stuck.credit_micro[service] for service, need in needs.items()}
        service = max(missing, key=lambda s: (missing[s] / needs[s], -s))
        taker = next(t for t in rest if network.takers[t].service == service)
        share = missing[service] / needs[service]
        found.append(_Blocking(share, service, taker, missing[service]))
    return min(found)
