"""What every service is promised while a transition runs, in micro-requests/s.

The floor of a service that both sides have is the smaller of its two requirements; of
one that only one side has, 0. A side that serves less than it requires cannot promise
more than it serves. ``invariant`` computes the same on its own.
"""

from __future__ import annotations

from collections import Counter

from heddle.cluster.deployment import Deployment
from heddle.units import micro_ceil, micro_floor


def floors_micro(origin: Deployment, target: Deployment) -> dict[str, int]:
    """Return the floor of every service of either side, micro-requests/s, by name."""
    names = dict.fromkeys((*origin.services, *target.services))
    before, after = _promised(origin), _promised(target)
    return {name: min(before.get(name, 0), after.get(name, 0)) for name in names}


def _promised(deployment: Deployment) -> dict[str, int]:
    served: Counter[str] = Counter()
    for _, instance in deployment.instances():
        served[instance.service] += micro_floor(instance.rate_rps)
    promised = {}
    for name, service in deployment.services.items():
        required = service.rate_rps if service.required_rps is None else service.required_rps
        promised[name] = min(micro_ceil(required), served[name])
    return promised
