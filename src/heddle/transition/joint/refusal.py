"""Why no order exists, in words: which service blocks, what is missing, what would do."""

from __future__ import annotations

from heddle.transition.floors import floors_micro
from heddle.transition.joint.attempt import Failure
from heddle.transition.request import TransitionRequest
from heddle.units import MICRO, plural


def refusal(request: TransitionRequest, failure: Failure, enough: int | None) -> str:
    """Return the message for a failure; ``enough`` spare GPUs would do, None if none do."""
    service, taker, missing_micro = _blocking(failure)
    name = failure.changes.service_names[service]
    leaving = failure.changes.leaving[taker]
    floor_micro = floors_micro(request.origin, request.wanted)[name]
    allowed = request.spare_gpus
    within = "in this fleet" if allowed is None else f"with {plural(allowed, 'spare GPU')}"
    cure = (
        "no number of the GPUs that exist would do; add GPUs or lower its rate"
        if enough is None
        else f"{plural(enough, 'spare GPU')} would do: allow so many (--spare-gpus {enough})"
    )
    instance = leaving.instance
    return (
        f"no order of steps was found {within}: service {name!r} blocks. To stop its "
        f"{instance.profile} at {instance.start} of {leaving.gpu.id} "
        f"({instance.rate_rps:g} requests/s) it lacks {missing_micro / MICRO:g} requests/s "
        f"above its floor of {floor_micro / MICRO:g} requests/s; {cure}"
    )


def _blocking(failure: Failure) -> tuple[int, int, int]:
    """Return the service, one of its stops, and the credit that is missing, micro-requests/s.

    Of the starts that wait the one that lacks least speaks for all.
    """
    network, stuck = failure.changes.network, failure.stuck
    best: tuple[float, int, int, int] | None = None
    for giver in stuck.waiting:
        rest = [taker for taker in network.blockers[giver] if taker not in stuck.taken]
        needs = network.needs(rest)
        lacking = {s: n - stuck.credit_micro[s] for s, n in needs.items()}
        service = max(lacking, key=lambda s: (lacking[s] / needs[s], -s))
        taker = next(t for t in rest if network.takers[t].service == service)
        entry = (lacking[service] / needs[service], service, taker, lacking[service])
        if best is None or entry < best:
            best = entry
    assert best is not None
    return best[1:]
