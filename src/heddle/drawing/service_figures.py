"""What a deployment gives each service, added up: the rows of tables and pictures.

Shared by ``service_panel`` (picture), ``plan_text`` (table) and ``whatif``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.deployment import Deployment, ServedService

#: Rates come from sums of floats; a plan is not short by less than this part.
_TOLERANCE = 1e-9


class InstanceShape(NamedTuple):
    """What equal instances of one service share."""

    gpu_type: str
    profile: str
    batch: int
    processes: int
    is_fitted: bool


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """One service in a plan: what it asks for and what it gets.

    Attributes
    ----------
    required_rps, planned_rps
        Requests/s, headroom included where the deployment knows it.
    latency_ms, limit_ms
        The longest batch latency of its instances (0 without any), and the limit.
    shapes
        Its instances by shape, most frequent first.
    price
        GPUs (or price per hour) at the certificate's prices; None without a certificate.
    """

    name: str
    model: str
    required_rps: float
    planned_rps: float
    latency_ms: float
    limit_ms: float
    shapes: tuple[tuple[InstanceShape, int], ...]
    price: float | None

    @property
    def num_replicas(self) -> int:
        """How many instances it has."""
        return sum(count for _, count in self.shapes)

    @property
    def is_rate_met(self) -> bool:
        """Whether the planned rate reaches the required one."""
        return self.planned_rps >= self.required_rps * (1 - _TOLERANCE)

    @property
    def is_latency_met(self) -> bool:
        """Whether every batch latency keeps the limit."""
        return self.latency_ms <= self.limit_ms * (1 + _TOLERANCE)

    @property
    def is_met(self) -> bool:
        """Whether rate and latency are as required."""
        return self.is_rate_met and self.is_latency_met

    @property
    def size(self) -> tuple[float, int]:
        """The order of importance: price, then instances."""
        return (self.price or 0.0, self.num_replicas)


def service_figures(deployment: Deployment) -> tuple[ServiceFigures, ...]:
    """Return one entry per service, in the order of the deployment."""
    planned = dict.fromkeys(deployment.services, 0.0)
    slowest = dict.fromkeys(deployment.services, 0.0)
    shapes: dict[str, Counter[InstanceShape]] = {name: Counter() for name in deployment.services}
    for configuration, instance in deployment.instances():
        name = instance.service
        if name not in shapes:
            continue
        planned[name] += instance.rate_rps
        slowest[name] = max(slowest[name], instance.latency_ms)
        shape = InstanceShape(
            configuration.gpu_type,
            instance.profile,
            instance.batch,
            instance.processes,
            instance.is_fitted,
        )
        shapes[name][shape] += 1
    prices = deployment.certificate.service_prices if deployment.certificate else {}
    return tuple(
        ServiceFigures(
            name=name,
            model=service.model,
            required_rps=_required_rps(service),
            planned_rps=planned[name],
            latency_ms=slowest[name],
            limit_ms=_limit_ms(service),
            shapes=tuple(sorted(shapes[name].items(), key=lambda item: (-item[1], item[0]))),
            price=prices.get(name),
        )
        for name, service in deployment.services.items()
    )


def largest_first(figures: Sequence[ServiceFigures], max_rows: int) -> list[ServiceFigures]:
    """Return all in the given order when they fit ``max_rows``, else all by size."""
    if len(figures) <= max_rows:
        return list(figures)
    return sorted(figures, key=lambda figure: figure.size, reverse=True)


def shape_text(shape: InstanceShape) -> str:
    """Return ``3g.40gb b8p2``, and ``3g.40gb ~b8p2`` for a fitted point."""
    mark = "~" if shape.is_fitted else ""
    return f"{shape.profile} {mark}b{shape.batch}p{shape.processes}"


def shapes_text(figures: ServiceFigures, *, has_types: bool) -> str:
    """Return instances as ``3×3g.40gb b8p2, 1×1g.10gb b4p1``.

    ``has_types`` names GPU types, for mixed fleets: ``T4-16GB: 2×whole b4p1; L4-24GB: …``.
    """
    by_type: dict[str, list[str]] = {}
    for shape, count in figures.shapes:
        by_type.setdefault(shape.gpu_type, []).append(f"{count}×{shape_text(shape)}")
    return "; ".join(
        f"{gpu_type}: {', '.join(texts)}" if has_types else ", ".join(texts)
        for gpu_type, texts in by_type.items()
    )


def _required_rps(service: ServedService) -> float:
    return service.rate_rps if service.required_rps is None else service.required_rps


def _limit_ms(service: ServedService) -> float:
    limit = service.batch_latency_limit_ms
    return service.latency_ms if limit is None else limit
