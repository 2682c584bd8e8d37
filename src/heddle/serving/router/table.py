"""What is served where: the services with their addresses, and the routes to instances.

``control`` changes it as the node agent says; every change is on disk before it is
answered. A drain takes effect first, and does not fail for a full disk: a route too many
in the file costs a refused connection, a request too many on an instance that is about
to be stopped could cost the request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heddle.cluster.route import Route
from heddle.errors import HeddleError, HostError, InputError, listed
from heddle.serving.router.address import Address
from heddle.serving.router.gate import Gate
from heddle.serving.router.routed_service import RoutedService
from heddle.serving.router.table_file import TableContent, read_table, write_table
from heddle.workload.service_spec import ServiceSpec

_LOG = logging.getLogger("heddle.router")


class Table:
    """Services by name and addresses by port.

    Parameters
    ----------
    path
        Of its file.
    host
        Where addresses are opened.
    gate
        Of their connections.
    """

    def __init__(self, path: Path, host: str, gate: Gate) -> None:
        self._path = path
        self._host = host
        self._gate = gate
        self._services: dict[str, RoutedService] = {}
        self._addresses: dict[int, Address] = {}
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Take up what the file holds; a damaged file and a taken port are logged."""
        try:
            content = read_table(self._path)
        except InputError as error:
            _LOG.error("nothing is served until the node agent says what: %s", error)
            return
        self._set_services(content.services)
        for route in content.routes:
            self._services[route.service].add(route)
        for address in self._addresses.values():
            try:
                await address.open(self._host)
            except HostError as error:
                _LOG.error("%s", error)

    async def set_services(self, specs: Sequence[ServiceSpec]) -> None:
        """Serve these and no others.

        Raises
        ------
        InputError
            Two of them have a name or a port in common, or the file cannot be written;
            nothing was changed.
        HostError
            A port cannot be opened; nothing was changed.
        """
        _require_distinct(specs)
        async with self._turn:
            opened = await self._open_new(specs)
            names = {spec.name for spec in specs}
            kept = [route for route in self._routes() if route.service in names]
            try:
                await write_table(self._path, TableContent(specs, kept))
            except HeddleError:
                for address in opened:
                    address.close()
                raise
            self._addresses.update({address.port: address for address in opened})
            self._set_services(specs)
            self._gate.retire()

    async def replace(self, routes: Sequence[Route]) -> None:
        """Send requests to these instances and no others; InputError as for :meth:`add`."""
        for route in routes:
            self._service_of(route)
        async with self._turn:
            await write_table(self._path, TableContent(self._specs(), routes))
            names = {route.instance for route in routes}
            for service in self._services.values():
                for name in service.instances.keys() - names:
                    service.remove(name)
            for route in routes:
                self._service_of(route).add(route)

    async def add(self, route: Route) -> None:
        """Send requests to an instance.

        Raises
        ------
        InputError
            Its service is not known, or the file cannot be written; nothing was changed.
        """
        self._service_of(route)
        async with self._turn:
            others = [each for each in self._routes() if each.instance != route.instance]
            await write_table(self._path, TableContent(self._specs(), [*others, route]))
            self._service_of(route).add(route)

    async def drain(self, name: str, within_s: float) -> tuple[bool, int]:
        """Send an instance nothing more; return whether it is empty, and what is under way."""
        instance = None
        for service in self._services.values():
            instance = service.remove(name) or service.named(name) or instance
        async with self._turn:
            try:
                await write_table(self._path, TableContent(self._specs(), self._routes()))
            except HeddleError as error:
                _LOG.error("a route stays in the file: %s", error)
        if instance is None:
            return True, 0
        is_drained = await instance.emptied(within_s)
        return is_drained, instance.num_in_flight

    def stats(self) -> Mapping[str, Any]:
        """Return what was counted, as JSON values."""
        services = self._services.values()
        instances = [
            each for service in services for each in (*service.instances.values(), *service.leaving)
        ]
        return {
            "services": {service.spec.name: service.tally.members() for service in services},
            "instances": {each.name: each.tally.members() for each in instances},
        }

    def sweep(self, now_s: float) -> None:
        """Close idle connections to instances."""
        for service in self._services.values():
            service.sweep(now_s)

    async def open_missing(self) -> None:
        """Try again to open what was taken when the router was started."""
        for address in list(self._addresses.values()):
            if not address.is_open and not address.is_closed:
                try:
                    await address.open(self._host)
                except HostError:
                    continue
                _LOG.info("port %d is open now", address.port)

    @property
    def drain_within_s(self) -> float:
        """The longest that a service gives to requests under way."""
        return max((spec.serving.drain_within_s for spec in self._specs()), default=0.0)

    def shut(self) -> None:
        """Let no new client in; who waits for an instance is refused."""
        for address in self._addresses.values():
            address.close()
        for service in self._services.values():
            service.room.dismiss()

    def close(self) -> None:
        """Close all connections to instances."""
        for service in self._services.values():
            service.close()

    async def _open_new(self, specs: Sequence[ServiceSpec]) -> list[Address]:
        """Return addresses for ports that are not open yet; all of them or HostError."""
        opened: list[Address] = []
        for spec in specs:
            known = self._addresses.get(spec.port)
            if known is not None and known.is_open:
                continue
            address = Address(RoutedService(spec, self._gate.limits), spec.port, self._gate)
            try:
                await address.open(self._host)
            except HostError:
                for other in opened:
                    other.close()
                raise
            opened.append(address)
        return opened

    def _set_services(self, specs: Sequence[ServiceSpec]) -> None:
        """Make services and addresses what these say; addresses that are new are not open."""
        by_name = {spec.name: spec for spec in specs}
        for name in self._services.keys() - by_name.keys():
            self._services.pop(name).dismiss()
        for name, spec in by_name.items():
            if name in self._services:
                self._services[name].spec = spec
            else:
                self._services[name] = RoutedService(spec, self._gate.limits)
        for port in self._addresses.keys() - {spec.port for spec in specs}:
            self._addresses.pop(port).close()
        for spec in specs:
            service = self._services[spec.name]
            address = self._addresses.setdefault(spec.port, Address(service, spec.port, self._gate))
            address.service = service

    def _service_of(self, route: Route) -> RoutedService:
        service = self._services.get(route.service)
        if service is None:
            known = listed(sorted(self._services)) or "none"
            raise InputError(
                f"instance {route.instance!r} serves {route.service!r}, which is not among the"
                f" services here: {known}; tell the services first"
            )
        return service

    def _specs(self) -> list[ServiceSpec]:
        return [service.spec for service in self._services.values()]

    def _routes(self) -> list[Route]:
        return [
            instance.route
            for service in self._services.values()
            for instance in service.instances.values()
        ]


def _require_distinct(specs: Sequence[ServiceSpec]) -> None:
    names = [spec.name for spec in specs]
    ports = [spec.port for spec in specs]
    if len(set(names)) < len(names):
        raise InputError("two services have one name; give every service its own")
    if len(set(ports)) < len(ports):
        port = next(port for port in ports if ports.count(port) > 1)
        raise InputError(f"two services have port {port}; give every service its own")
