"""What an instance is to be: the file that it is started with.

The node agent's launcher writes one, ``running`` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.deployment_file import instance_members, instance_of
from heddle.cluster.json_object import JsonObject, load_json
from heddle.workload.service_spec import ServiceSpec, service_spec_of

#: Its name in the folder of a start.
FILE_NAME = "instance.json"
#: In the same folder: the guests of the instance, read at its start and at every SIGHUP.
GUESTS_FILE_NAME = "guests.json"
_GUEST_KEYS = frozenset({"service", "planned"})
_KEYS = frozenset({"instance", "service", "planned", "port", "num_threads"})
_MAX_THREADS = 4096
_MAX_MIB = 4


@dataclass(frozen=True, slots=True)
class InstanceOrder:
    """One start of one instance.

    Attributes
    ----------
    instance
        Its name.
    service
        What it serves, and how.
    planned
        Its operating point: batch, processes, latency of a batch.
    port
        Of 127.0.0.1.
    num_threads
        How many threads can work at a time on its share.
    """

    instance: str
    service: ServiceSpec
    planned: PlannedInstance
    port: int
    num_threads: int

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`order_of` reads them."""
        return {
            "instance": self.instance,
            "service": self.service.members(),
            "planned": instance_members(self.planned),
            "port": self.port,
            "num_threads": self.num_threads,
        }


def order_of(entry: JsonObject) -> InstanceOrder:
    """Return the order that an object holds; InputError as ``JsonObject`` has it."""
    entry.allow(_KEYS)
    return InstanceOrder(
        instance=entry.text("instance"),
        service=service_spec_of(entry.member("service")),
        planned=instance_of(entry.member("planned")),
        port=entry.integer("port", 1, 65_535),
        num_threads=entry.integer("num_threads", 1, _MAX_THREADS),
    )


def load_order(path: Path) -> InstanceOrder:
    """Return the order in a file; InputError when it cannot be read or is none."""
    return order_of(load_json(path, _MAX_MIB))


@dataclass(frozen=True, slots=True)
class GuestOrder:
    """A best-effort service that an instance is to serve beside its own.

    ``planned`` has its batch, and what it delivers when it has the instance for itself.
    """

    service: ServiceSpec
    planned: PlannedInstance

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name


def guests_members(guests: Sequence[tuple[ServiceSpec, PlannedInstance]]) -> dict[str, Any]:
    """Return guests as JSON values; :func:`load_guests` reads them."""
    return {
        "guests": [
            {"service": service.members(), "planned": instance_members(planned)}
            for service, planned in guests
        ]
    }


def load_guests(path: Path) -> list[GuestOrder]:
    """Return the guests in a file, none without one; InputError when it is not one."""
    if not path.exists():
        return []
    document = load_json(path, _MAX_MIB)
    document.allow(frozenset({"guests"}))
    entries = document.members("guests")
    for entry in entries:
        entry.allow(_GUEST_KEYS)
    return [
        GuestOrder(service_spec_of(entry.member("service")), instance_of(entry.member("planned")))
        for entry in entries
    ]
