"""The router's table on disk: services and routes, replaced whole before each answer.

``table`` writes it; a router that is started again reads it, so that it serves before
anybody has told it anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cluster.json_object import load_json
from heddle.cluster.json_text import encode
from heddle.cluster.route import Route, route_of
from heddle.workload.service_spec import ServiceSpec, service_spec_of

_MAX_MIB = 64
_VERSION = 1
_KEYS = frozenset({"version", "services", "routes"})


@dataclass(frozen=True, slots=True)
class TableContent:
    """All that the router was told."""

    services: Sequence[ServiceSpec] = ()
    routes: Sequence[Route] = ()


def read_table(path: Path) -> TableContent:
    """Return what the file holds, nothing when there is none; InputError when it is damaged."""
    if not path.exists():
        return TableContent()
    table = load_json(path, _MAX_MIB)
    table.allow(_KEYS)
    table.integer("version", _VERSION, _VERSION)
    return TableContent(
        services=tuple(service_spec_of(entry) for entry in table.members("services")),
        routes=tuple(route_of(entry) for entry in table.members("routes")),
    )


async def write_table(path: Path, content: TableContent) -> None:
    """Replace the file; requests go on meanwhile. InputError when it cannot be written."""
    members = {
        "version": _VERSION,
        "services": [spec.members() for spec in content.services],
        "routes": [route.members() for route in content.routes],
    }
    await asyncio.to_thread(write_text, path, encode(members) + "\n")
