"""The addresses of services: each keeps its port for good."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from heddle.cluster.deployment import ServedService
from heddle.cluster.guest import Lodging
from heddle.errors import InputError
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import ServingSpec

FIRST_PORT = 8100
_LAST_PORT = 8999


def with_ports(
    services: Mapping[str, tuple[ServedService, ServingSpec]],
    known: Mapping[str, int],
    lodgings: Mapping[str, Lodging] = MappingProxyType({}),
) -> Sequence[ServiceSpec]:
    """Return the services with their ports: stated, kept, or the first that is free.

    ``lodgings`` say where the guests among them may run.

    Raises
    ------
    InputError
        Two services state one port, a stated one is in use, or none is free.
    """
    taken = set(known.values())
    ports: dict[str, int] = {}
    for name, (_, serving) in services.items():
        if serving.port is not None:
            other = next((own for own, port in ports.items() if port == serving.port), None)
            if other is not None:
                raise InputError(f"services {other!r} and {name!r} both state port {serving.port}")
            if known.get(name) != serving.port and not _is_free(serving.port):
                raise InputError(
                    f"service {name!r} states port {serving.port}, which is in use; "
                    "end what listens there, or state another: serve.port"
                )
            ports[name] = serving.port
    for name in services:
        if name not in ports:
            port = known.get(name)
            if port is None or port in ports.values():
                port = _free_port(taken | set(ports.values()))
            ports[name] = port
    return [
        ServiceSpec(name, service, serving, ports[name], lodgings.get(name))
        for name, (service, serving) in services.items()
    ]


def _free_port(taken: set[int]) -> int:
    for port in range(FIRST_PORT, _LAST_PORT + 1):
        if port not in taken and _is_free(port):
            return port
    raise InputError(f"no port from {FIRST_PORT} to {_LAST_PORT} is free; state one: serve.port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
