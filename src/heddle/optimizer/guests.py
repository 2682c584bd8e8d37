"""What is left for best-effort services: planned last, on a deployment that stands.

The real-time services are planned as if there were no others, so their plan is the same
with and without guests. Each of their instances leaves the part that its service does not
require, and the guests of the instance share that part equally. Called by whoever makes a
deployment of a workload; ``verification.guest_check`` computes the same on its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from heddle.cluster.deployment import Deployment, PlannedGuest, PlannedInstance, ServedService
from heddle.cluster.guest import GuestPoint, Lodging
from heddle.errors import InputError, NoPlanError, listed
from heddle.optimizer.point_choice import PointChoice
from heddle.units import MICRO, exact, micro_ceil, micro_floor
from heddle.workload.performance import MEMORY_TOLERANCE, OperatingPoint, PerformanceTable
from heddle.workload.service import Service
from heddle.workload.workload import Workload

_Kind = tuple[str, str]


def with_guests(workload: Workload, deployment: Deployment) -> Deployment:
    """Return a deployment of a workload's services with its guests.

    Raises
    ------
    InputError
        A guest was measured on none of the profiles of its hosts.
    NoPlanError
        A guest does not fit into the memory of an instance of its hosts.
    """
    if not workload.guests:
        return deployment
    lodgings = lodgings_of(workload)
    # 1. Who is where.
    seats = _seats(deployment, lodgings)
    # 2. Whether it fits.
    _require_memory(workload, seats, lodgings)
    # 3. What is left.
    left = _left(workload, deployment, seats, lodgings)
    for guest in workload.guests:
        if not any(guest.name in seat.guests for seat in seats):
            raise InputError(_why_nowhere(guest, lodgings[guest.name], deployment), guest.location)
    guests = {
        guest.name: PlannedGuest(
            served_guest(guest), lodgings[guest.name], int(left[guest.name]) / MICRO
        )
        for guest in workload.guests
    }
    return replace(deployment, guests=guests)


def lodgings_of(workload: Workload) -> dict[str, Lodging]:
    """Return where the guests of a workload may run; InputError when one was measured nowhere."""
    offers = [
        (pool.gpu_type.name, profile.name)
        for pool in workload.fleet
        for profile in pool.gpu_type.profiles
    ]
    # A guest is one process beside its host; points of several say nothing about that.
    table = PerformanceTable(point for point in workload.performance if point.processes == 1)
    choice = PointChoice(table, offers)
    return {
        guest.name: Lodging(
            workload.hosts_of(guest),
            tuple(_guest_point(point) for point in choice.best_points(guest) if point is not None),
        )
        for guest in workload.guests
    }


def served_guest(guest: Service) -> ServedService:
    """Return what a deployment says of a guest's wish."""
    return ServedService(
        model=guest.model,
        rate_rps=guest.rate_rps,
        latency_ms=guest.latency_ms,
        required_rps=float(guest.required_rps),
        batch_latency_limit_ms=float(guest.batch_latency_limit_ms),
    )


@dataclass(frozen=True, slots=True)
class _Seat:
    """An instance of a host, and the guests that were measured on its profile."""

    kind: _Kind
    instance: PlannedInstance
    guests: tuple[str, ...]


def _guest_point(point: OperatingPoint) -> GuestPoint:
    return GuestPoint(
        point.gpu, point.profile, point.batch, point.rate_rps, point.latency_ms, point.is_fitted
    )


def _seats(deployment: Deployment, lodgings: Mapping[str, Lodging]) -> list[_Seat]:
    return [
        _Seat(
            (gpu.gpu_type, instance.profile),
            instance,
            tuple(
                name
                for name, lodging in lodgings.items()
                if instance.service in lodging.hosts
                and lodging.point(gpu.gpu_type, instance.profile) is not None
            ),
        )
        for gpu, instance in deployment.instances()
    ]


def _left(
    workload: Workload,
    deployment: Deployment,
    seats: list[_Seat],
    lodgings: Mapping[str, Lodging],
) -> dict[str, int]:
    """Return the micro-requests/s that are left for each guest, rounded down at every seat."""
    planned: Counter[str] = Counter()
    for _, instance in deployment.instances():
        planned[instance.service] += micro_floor(instance.rate_rps)
    free = {
        service.name: 1 - min(Fraction(1), Fraction(micro_ceil(service.required_rps), total))
        for service in workload.services
        if (total := planned[service.name])
    }
    left = dict.fromkeys(lodgings, 0)
    for seat in seats:
        for name in seat.guests:
            point = lodgings[name].point(*seat.kind)
            if point is not None:
                part = free[seat.instance.service] / len(seat.guests)
                left[name] += int(micro_floor(point.rate_rps) * part)
    return left


def _require_memory(
    workload: Workload, seats: list[_Seat], lodgings: Mapping[str, Lodging]
) -> None:
    sizes = {
        (pool.gpu_type.name, profile.name): profile.memory_mib
        for pool in workload.fleet
        for profile in pool.gpu_type.profiles
    }
    models = {service.name: service.model for service in workload.every_service}
    for seat in dict.fromkeys(seats):
        size = sizes[seat.kind]
        if size is None:
            continue
        host = seat.instance
        table = workload.performance.points
        needed = _memory_mib(table(*seat.kind, models[host.service]), host.batch, host.processes)
        for name in seat.guests:
            point = lodgings[name].point(*seat.kind)
            if point is not None:
                needed += _memory_mib(table(*seat.kind, models[name]), point.batch, 1)
            if needed > size * exact(MEMORY_TOLERANCE):
                raise NoPlanError(
                    f"service {name!r} does not fit beside {host.service!r} on {host.profile} of "
                    f"{seat.kind[0]}: together they take {float(needed):,.0f} MiB of {size:,}; "
                    f"leave {host.service!r} out of its beside, or make it priority: rt"
                )


def _memory_mib(points: Iterable[OperatingPoint], batch: int, processes: int) -> Fraction:
    """Return what a point takes; one that was not measured takes nothing."""
    known = (p.memory_mib for p in points if (p.batch, p.processes) == (batch, processes))
    return next((exact(mib) for mib in known if mib is not None), Fraction(0))


def _why_nowhere(guest: Service, lodging: Lodging, deployment: Deployment) -> str:
    hosts = set(lodging.hosts)
    run_on = sorted({i.profile for _, i in deployment.instances() if i.service in hosts})
    measured = sorted({point.profile for point in lodging.points})
    return (
        f"service {guest.name!r} shares instances of {listed(lodging.hosts)}, which run on "
        f"{listed(run_on) or 'none'}; {guest.model!r} is within its latency on {listed(measured)} "
        "with one process; measure it on those profiles, or choose other services with beside"
    )
