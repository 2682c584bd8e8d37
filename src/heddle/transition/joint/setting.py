"""A request and what follows from it whatever is placed where.

Made once by ``planner`` and handed to all that look for an order, so that slack,
operating points and spread services are worked out once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from heddle.cluster.deployment import PlannedInstance
from heddle.transition.floors import floors_micro
from heddle.transition.joint.node_spread import spread_services
from heddle.transition.request import TransitionRequest
from heddle.units import micro_floor


@dataclass(frozen=True)
class Setting:
    """A request, and what follows from it."""

    request: TransitionRequest

    @cached_property
    def floors_micro(self) -> Mapping[str, int]:
        """The floor of every service, micro-requests/s."""
        return floors_micro(self.request.origin, self.request.wanted)

    @cached_property
    def slack_micro(self) -> Mapping[str, int]:
        """By service, what is ready at the beginning beyond the floor, micro-requests/s."""
        slack = {name: -floor for name, floor in self.floors_micro.items()}
        for _, instance in self.request.origin.instances():
            slack[instance.service] = slack.get(instance.service, 0) + rate_micro(instance)
        for _, instance in self.request.wanted.instances():
            slack.setdefault(instance.service, 0)
        return slack

    @cached_property
    def points(self) -> Mapping[tuple[str, str], Sequence[PlannedInstance]]:
        """By service and GPU type, the operating points that either side uses.

        Smallest instances first, of one size the fastest first.
        """
        found: dict[tuple[str, str], dict[PlannedInstance, None]] = {}
        for side in (self.request.origin, self.request.wanted):
            for entry, instance in side.instances():
                key = (instance.service, entry.gpu_type)
                found.setdefault(key, {})[instance._replace(start=0)] = None
        return {
            key: sorted(points, key=lambda p: (self._size(key[1], p), -p.rate_rps, p))
            for key, points in found.items()
        }

    @cached_property
    def spread(self) -> frozenset[str]:
        """The services whose instances are kept on different nodes."""
        return spread_services(self.request)

    def _size(self, gpu_type: str, point: PlannedInstance) -> int:
        return self.request.type_of(gpu_type).profile(point.profile).size or 0


def rate_micro(instance: PlannedInstance) -> int:
    """Return what an instance adds to its service's rate, micro-requests/s."""
    return _micro(instance.rate_rps)


@lru_cache(maxsize=1 << 16)
def _micro(rate_rps: float) -> int:
    return micro_floor(rate_rps)
