"""Is what a deployment says of best-effort services what its instances leave them?

Computed from the workload and the instances alone: nothing of the planner is used. Called by
``verifier``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from heddle.cluster.deployment import Configuration, Deployment, PlannedGuest, PlannedInstance
from heddle.cluster.guest import GuestPoint
from heddle.errors import nearest
from heddle.units import MICRO, exact
from heddle.verification.findings import Finding, FindingKind
from heddle.verification.offers import (
    exact_latency,
    micro_rate,
    requirement,
    says_enough,
)
from heddle.verification.service_check import changes
from heddle.workload.performance import MEMORY_TOLERANCE, OperatingPoint
from heddle.workload.service import Priority, Service
from heddle.workload.workload import Workload

_Instance = tuple[Configuration, PlannedInstance]


def check_guests(workload: Workload, deployment: Deployment) -> Iterator[Finding]:
    """Yield what is wrong with the guests of a deployment."""
    asked = {guest.name: guest for guest in workload.guests}
    for name in asked.keys() - deployment.guests.keys():
        yield Finding(
            FindingKind.MISSING_GUEST, f"best-effort service {name!r} is not in the deployment"
        )
    for name, guest in deployment.guests.items():
        if name not in asked:
            yield Finding(
                FindingKind.UNKNOWN_GUEST,
                f"best-effort service {name!r} is not in the workload{nearest(name, asked)}",
            )
            continue
        for sentence in changes(asked[name], guest.service):
            yield Finding(FindingKind.CHANGED_GUEST, sentence)
        yield from _lodging_findings(workload, asked[name], guest)
        yield from _rate_findings(workload, deployment, name, guest)
    yield from _memory_findings(workload, deployment)


def _lodging_findings(workload: Workload, asked: Service, guest: PlannedGuest) -> Iterator[Finding]:
    able = {
        service.name
        for service in workload.services
        if service.priority is Priority.RT
        and (asked.beside is None or service.name in asked.beside)
    }
    for host in guest.lodging.hosts:
        if host not in able:
            yield Finding(
                FindingKind.WRONG_LODGING,
                f"best-effort service {asked.name!r} is not to share instances of {host!r}",
            )
    kinds = [(point.gpu_type, point.profile) for point in guest.lodging.points]
    if len(set(kinds)) < len(kinds):
        yield Finding(FindingKind.WRONG_LODGING, f"{asked.name!r} has two points on one profile")
    for point in guest.lodging.points:
        if not any(_is_measured(point, row, asked) for row in _rows(workload, point, asked)):
            yield Finding(
                FindingKind.WRONG_LODGING,
                f"best-effort service {asked.name!r} runs {asked.model!r} on {point.profile} of "
                f"{point.gpu_type} at batch {point.batch} with {point.rate_rps:g} requests/s and "
                f"{point.latency_ms:g} ms; no row of the tables says that within its latency",
            )


def _rows(workload: Workload, point: GuestPoint, asked: Service) -> tuple[OperatingPoint, ...]:
    return workload.performance.points(point.gpu_type, point.profile, asked.model)


def _is_measured(point: GuestPoint, row: OperatingPoint, asked: Service) -> bool:
    """Whether a row has the numbers of a point, and the guest may use it."""
    found = (point.batch, 1, point.rate_rps, point.latency_ms, point.is_fitted)
    stated = (row.batch, row.processes, row.rate_rps, row.latency_ms, row.is_fitted)
    limit_ms = requirement(asked).latency_limit_ms
    return (
        found == stated
        and exact_latency(row.latency_ms) <= limit_ms
        and says_enough(row, asked.percentile)
    )


def _rate_findings(
    workload: Workload, deployment: Deployment, name: str, guest: PlannedGuest
) -> Iterator[Finding]:
    """Hold the rate that is left against the instances; every instance rounds down."""
    left = Fraction(0)
    num_seats = 0
    for gpu, instance in _shared_by(deployment, name):
        point = guest.lodging.point(gpu.gpu_type, instance.profile)
        company = sum(1 for _ in _guests_on(deployment, gpu, instance))
        if point is not None:
            free = _free_part(workload, deployment, instance.service)
            left += micro_rate(point.rate_rps) * free / company
            num_seats += 1
    if num_seats == 0:
        yield Finding(
            FindingKind.WRONG_LODGING,
            f"best-effort service {name!r} can run on no instance of this deployment",
        )
    stated = exact(guest.left_rps) * MICRO
    if not left - num_seats - 1 <= stated <= left + 1:
        yield Finding(
            FindingKind.WRONG_LEFT_RATE,
            f"best-effort service {name!r} is said to be left {guest.left_rps:.6f} requests/s; "
            f"its hosts leave {float(left) / MICRO:.6f}",
        )


def _shared_by(deployment: Deployment, name: str) -> Iterator[_Instance]:
    """Yield the instances that a guest can run on."""
    for gpu, instance in deployment.instances():
        if name in _guests_on(deployment, gpu, instance):
            yield gpu, instance


def _guests_on(
    deployment: Deployment, gpu: Configuration, instance: PlannedInstance
) -> tuple[str, ...]:
    return tuple(
        name
        for name, guest in deployment.guests.items()
        if instance.service in guest.lodging.hosts
        and guest.lodging.point(gpu.gpu_type, instance.profile) is not None
    )


def _free_part(workload: Workload, deployment: Deployment, host: str) -> Fraction:
    """Return the part of a service's instances that its required rate leaves."""
    demand = next((requirement(s).demand for s in workload.services if s.name == host), None)
    planned = sum(micro_rate(i.rate_rps) for _, i in deployment.instances() if i.service == host)
    if demand is None or demand >= planned:
        return Fraction(0)
    return 1 - Fraction(demand, planned)


def _memory_findings(workload: Workload, deployment: Deployment) -> Iterator[Finding]:
    profiles = {
        (pool.gpu_type.name, profile.name): profile
        for pool in workload.fleet
        for profile in pool.gpu_type.profiles
    }
    models = {service.name: service.model for service in workload.every_service}
    for gpu, instance in deployment.instances():
        profile = profiles.get((gpu.gpu_type, instance.profile))
        names = _guests_on(deployment, gpu, instance)
        if profile is None or profile.memory_mib is None or not names:
            continue
        shapes = [(instance.service, instance.batch, instance.processes)]
        for name in names:
            point = deployment.guests[name].lodging.point(gpu.gpu_type, instance.profile)
            shapes += [] if point is None else [(name, point.batch, 1)]
        needed = Fraction(0)
        for name, batch, processes in shapes:
            rows = workload.performance.points(gpu.gpu_type, instance.profile, models.get(name, ""))
            found = [r for r in rows if (r.batch, r.processes) == (batch, processes)]
            needed += sum(
                (exact(r.memory_mib) for r in found if r.memory_mib is not None), Fraction()
            )
        if needed > profile.memory_mib * exact(MEMORY_TOLERANCE):
            yield Finding(
                FindingKind.OUT_OF_MEMORY,
                f"GPU {gpu.gpu!r}: {instance.profile} at {instance.start} and its guests take "
                f"{float(needed):,.0f} MiB; the profile has {profile.memory_mib}",
            )
