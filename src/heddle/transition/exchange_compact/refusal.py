"""Why no way was found, in words: which service blocks, and what would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heddle.cluster.gpu import Gpu
from heddle.transition.exchange_compact.attempt import Outcome, attempt, ways
from heddle.transition.request import TransitionRequest
from heddle.units import plural


def refusal(request: TransitionRequest, refused: Sequence[Outcome]) -> str:
    """Return the message for a request; ``refused`` borrowed only where they had to."""
    allowed = request.spare_gpus
    nearest = min(refused, key=lambda o: (o.lacking is not None, len(o.borrowers)))
    if nearest.lacking is not None:
        kind, cure = nearest.lacking, _inventory_cure(request)
    else:
        enough = len(nearest.borrowers)
        kind = nearest.borrowers[allowed or 0]
        cure = f"{plural(enough, 'spare GPU')} would do: allow so many (--spare-gpus {enough})"
    within = "in this fleet" if allowed is None else f"with {plural(allowed, 'spare GPU')}"
    point = kind.point
    return (
        f"no order of steps was found {within}: service {point.service!r} blocks. For its "
        f"{point.profile} ({point.rate_rps:g} requests/s) no {kind.gpu_type} has room before "
        f"others stop; {cure}"
    )


def _inventory_cure(request: TransitionRequest) -> str:
    """Return what would do, found by trying with as many GPUs as could be used."""
    most = request.origin.num_gpus + request.wanted.num_gpus
    names = sorted({c.gpu_type for c in request.wanted.configurations})
    further = {Gpu(f"further {t} {number}", "", t) for t in names for number in range(most)}
    inventory = (*(request.inventory or ()), *sorted(further))
    larger = replace(request, inventory=inventory)
    outcomes = [attempt(larger, rounds) for rounds in ways(larger)]
    best = min(outcomes, key=lambda o: (len(further.intersection(o.gpus)), len(o.borrowers)))
    more = plural(len(further.intersection(best.gpus)), "GPU")
    return (
        f"the inventory has no further one; {more} more would do, "
        f"with {plural(len(best.borrowers), 'spare GPU')}"
    )
