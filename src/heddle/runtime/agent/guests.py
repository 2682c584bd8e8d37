"""Who is a guest on an instance, and how the book spells that.

``launch`` asks when a process is started, and again when the services have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.deployment_file import instance_members, instance_of
from heddle.cluster.json_object import JsonObject
from heddle.runtime.launching import Guest
from heddle.workload.service_spec import ServiceSpec, service_spec_of
from heddle.workload.serving_spec import Engine


def guests_of(
    host: ServiceSpec, planned: PlannedInstance, gpu_type: str, services: Iterable[ServiceSpec]
) -> tuple[Guest, ...]:
    """Return the guests of an instance of a service: those that name it and were measured there."""
    if host.serving.engine is Engine.COMMAND:
        return ()
    found = []
    for service in services:
        if service.lodging is None or host.name not in service.lodging.hosts:
            continue
        point = service.lodging.point(gpu_type, planned.profile)
        if point is not None:
            alone = PlannedInstance(
                profile=planned.profile,
                start=planned.start,
                service=service.name,
                batch=point.batch,
                processes=1,
                rate_rps=point.rate_rps,
                latency_ms=point.latency_ms,
                is_fitted=point.is_fitted,
            )
            found.append(Guest(service, alone))
    return tuple(found)


def guests_members(guests: Sequence[Guest]) -> list[dict[str, Any]]:
    """Return guests as JSON values; :func:`guests_of_entry` reads them."""
    return [
        {"service": guest.service.members(), "planned": instance_members(guest.planned)}
        for guest in guests
    ]


def guests_of_entry(entry: JsonObject) -> tuple[Guest, ...]:
    """Return the guests in a member of an object; none where it has no such member."""
    if "guests" not in entry:
        return ()
    return tuple(
        Guest(service_spec_of(each.member("service")), instance_of(each.member("planned")))
        for each in entry.members("guests")
    )
