"""A service as a running host knows it: its SLO, how it is run, and its address.

The daemon makes it of a workload; it travels as JSON to the node agent and to the
router.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heddle.cluster.deployment import ServedService
from heddle.cluster.deployment_file import service_members, service_of
from heddle.cluster.json_object import JsonObject
from heddle.workload.serving_spec import ServingSpec, serving_spec_of

_KEYS = frozenset({"name", "service", "serving", "port"})


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service.

    Attributes
    ----------
    name
        Unique on the host.
    service
        Its network and its SLO.
    serving
        How its instances are run.
    port
        Its address at the router, chosen for good: ``serving.port`` or a free one.
    """

    name: str
    service: ServedService
    serving: ServingSpec
    port: int

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`service_spec_of` reads them."""
        return {
            "name": self.name,
            "service": service_members(self.service),
            "serving": self.serving.members(),
            "port": self.port,
        }


def service_spec_of(entry: JsonObject) -> ServiceSpec:
    """Return the service that an object holds; InputError as ``JsonObject`` has it."""
    entry.allow(_KEYS)
    return ServiceSpec(
        name=entry.text("name"),
        service=service_of(entry.member("service")),
        serving=serving_spec_of(entry.member("serving")),
        port=entry.integer("port", 1, 65_535),
    )
