"""Does every service get its rate, its replicas, and the company it asked for?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from heddle.cluster.deployment import Configuration, Deployment, ServedService
from heddle.errors import nearest
from heddle.units import MICRO, exact
from heddle.verification.findings import Finding, FindingKind
from heddle.verification.offers import Requirement, micro_rate
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload

#: How far required_rps and batch_latency_limit_ms, which are floats, may be off.
_ROUNDING = Fraction(1, 10**9)


def check_listing(workload: Workload, deployment: Deployment) -> Iterator[Finding]:
    """Yield where the deployment's services are not those of the workload."""
    asked = {service.name: service for service in workload.services}
    for name in asked:
        if name not in deployment.services:
            yield Finding(FindingKind.MISSING_SERVICE, f"service {name!r} is not in the deployment")
    for name, served in deployment.services.items():
        if name not in asked:
            yield Finding(
                FindingKind.UNKNOWN_SERVICE,
                f"service {name!r} is not in the workload{nearest(name, asked)}",
            )
        else:
            for sentence in changes(asked[name], served):
                yield Finding(FindingKind.CHANGED_SERVICE, sentence)
    for gpu, instance in deployment.instances():
        if instance.service not in asked:
            yield Finding(
                FindingKind.UNKNOWN_SERVICE,
                f"GPU {gpu.gpu!r}: {instance.profile} at {instance.start} serves "
                f"{instance.service!r}, which is not in the workload",
            )


def check_service_levels(
    deployment: Deployment, requirements: Mapping[str, Requirement]
) -> Iterator[Finding]:
    """Yield services that get too little rate or too few replicas."""
    provided: dict[str, int | Fraction] = dict.fromkeys(requirements, 0)
    replicas: Counter[str] = Counter()
    for gpu in deployment.configurations:
        rates: Counter[str] = Counter()
        for instance in gpu.instances:
            rates[instance.service] += micro_rate(instance.rate_rps)
            replicas[instance.service] += 1
        for name, rate in rates.items():
            if name in requirements:
                provided[name] += requirements[name].counted(rate)
    for name, asked in requirements.items():
        if provided[name] < asked.demand:
            yield Finding(FindingKind.UNDERSERVED, _underserved(asked, provided[name]))
        if replicas[name] < asked.service.min_replicas:
            yield Finding(
                FindingKind.TOO_FEW_REPLICAS,
                f"service {name!r} has {replicas[name]} of {asked.service.min_replicas} replicas",
            )


def check_company(workload: Workload, deployment: Deployment) -> Iterator[Finding]:
    """Yield instances that share a GPU or a node against a service's wish."""
    spread = {service.name: service.spread for service in workload.services if service.spread}
    apart = _apart(workload)
    on_node: dict[str, Counter[str]] = {}
    for gpu in deployment.configurations:
        counts = Counter(instance.service for instance in gpu.instances)
        yield from _crowded_gpu(gpu, counts, spread)
        yield from _ill_matched(gpu, counts, apart)
        by_node = on_node.setdefault(gpu.node, Counter())
        for name, count in counts.items():
            if spread.get(name) is Spread.NODE:
                by_node[name] += count
    for node, counts in on_node.items():
        for name, count in counts.items():
            if count > 1:
                yield Finding(
                    FindingKind.NOT_SPREAD_OVER_NODES,
                    f"node {node!r} has {count} instances of {name!r}, which asks for one a node",
                )


def changes(asked: Service, served: ServedService) -> Iterator[str]:
    """Yield in what a deployment states a service differently from its workload."""
    demand = exact(asked.rate_rps) * (1 + exact(asked.headroom))
    limit = exact(asked.latency_ms) * exact(asked.latency_fraction)
    stated = (
        ("model", served.model, asked.model, served.model == asked.model),
        ("rate_rps", served.rate_rps, asked.rate_rps, served.rate_rps == asked.rate_rps),
        ("latency_ms", served.latency_ms, asked.latency_ms, served.latency_ms == asked.latency_ms),
        ("required_rps", served.required_rps, float(demand), _agrees(served.required_rps, demand)),
        (
            "batch_latency_limit_ms",
            served.batch_latency_limit_ms,
            float(limit),
            _agrees(served.batch_latency_limit_ms, limit),
        ),
    )
    for key, found, wanted, is_equal in stated:
        if not is_equal:
            yield f"service {asked.name!r} has {key} {found!r}; the workload says {wanted!r}"


def _agrees(found: float | None, wanted: Fraction) -> bool:
    """Whether a derived number is left out or right, but for rounding to a millionth."""
    return found is None or abs(exact(found) - wanted) <= Fraction(1, MICRO) + wanted * _ROUNDING


def _underserved(asked: Requirement, provided: int | Fraction) -> str:
    counted = "" if asked.share_cap is None else " that counts"
    return (
        f"service {asked.name!r} gets {float(provided) / MICRO:.6f} requests/s{counted}; "
        f"it needs {asked.demand / MICRO:.6f}"
    )


def _apart(workload: Workload) -> dict[str, set[str]]:
    """Return whom each service shares no GPU with, both ways."""
    apart: dict[str, set[str]] = {}
    for service in workload.services:
        for other in service.keep_apart:
            apart.setdefault(service.name, set()).add(other)
            apart.setdefault(other, set()).add(service.name)
    return apart


def _crowded_gpu(
    gpu: Configuration, counts: Counter[str], spread: Mapping[str, Spread]
) -> Iterator[Finding]:
    for name, count in counts.items():
        if count > 1 and name in spread:
            yield Finding(
                FindingKind.NOT_SPREAD_OVER_GPUS,
                f"GPU {gpu.gpu!r} has {count} instances of {name!r}, which asks for one a GPU",
            )


def _ill_matched(
    gpu: Configuration, counts: Counter[str], apart: Mapping[str, set[str]]
) -> Iterator[Finding]:
    for name in counts:
        for other in sorted(apart.get(name, ())):
            if other in counts and name < other:
                yield Finding(
                    FindingKind.NOT_KEPT_APART,
                    f"GPU {gpu.gpu!r} has {name!r} and {other!r}, which are to be kept apart",
                )
