"""A service as a running host knows it: its SLO, how it is run, and its address.

The daemon makes it of a workload; it travels as JSON to the node agent and to the
router.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heddle.cluster.deployment import ServedService
from heddle.cluster.deployment_file import service_members, service_of
from heddle.cluster.guest import Lodging, lodging_members, lodging_of
from heddle.cluster.json_object import JsonObject
from heddle.workload.serving_spec import ServingSpec, serving_spec_of

_KEYS = frozenset({"name", "service", "serving", "port", "lodging"})


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
    lodging
        Where it is a guest; None for a real-time service, which has instances.
    """

    name: str
    service: ServedService
    serving: ServingSpec
    port: int
    lodging: Lodging | None = None

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`service_spec_of` reads them."""
        return {
            "name": self.name,
            "service": service_members(self.service),
            "serving": self.serving.members(),
            "port": self.port,
            **({} if self.lodging is None else {"lodging": lodging_members(self.lodging)}),
        }


def service_spec_of(entry: JsonObject) -> ServiceSpec:
    """Return the service that an object holds; InputError as ``JsonObject`` has it."""
    entry.allow(_KEYS)
    return ServiceSpec(
        name=entry.text("name"),
        service=service_of(entry.member("service")),
        serving=serving_spec_of(entry.member("serving")),
        port=entry.integer("port", 1, 65_535),
        lodging=lodging_of(entry.member("lodging")) if "lodging" in entry else None,
    )
