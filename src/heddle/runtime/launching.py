"""What the node agent needs to start a service and to give it traffic.

The agent knows neither engines nor routers: ``server`` connects it with ``serving``,
and tests with scripted ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.route import Route
from heddle.workload.service_spec import ServiceSpec


class Guest(NamedTuple):
    """A best-effort service beside the one of an instance.

    ``planned`` is what it would deliver there if it had the instance for itself.
    """

    service: ServiceSpec
    planned: PlannedInstance


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What is to be started.

    Attributes
    ----------
    instance
        A name that is another one after every start: ``cpu-0.4-17`` is GPU, start slot and
        number of the start.
    service
        What to serve.
    planned
        The operating point.
    port
        Of 127.0.0.1, free when the order was made.
    num_threads
        How many threads can work at a time.
    folder
        Exists, is empty, belongs to this start; for sockets and specifications.
    guests
        Who shares the instance at first; :class:`GuestLauncher` changes that.
    """

    instance: str
    service: ServiceSpec
    planned: PlannedInstance
    port: int
    num_threads: int
    folder: str
    guests: tuple[Guest, ...] = ()


@dataclass(frozen=True, slots=True)
class LaunchedCommand:
    """The process to start: its words, more variables, and where it says that it is ready."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    ready_path: str


class Launcher(Protocol):
    """Turns orders into command lines."""

    def command(self, order: LaunchOrder) -> LaunchedCommand:
        """Return the process to start; InputError when the specification is wrong."""
        ...


@runtime_checkable
class GuestLauncher(Protocol):
    """A launcher whose instances take guests in while they run: an optional power."""

    def write_guests(self, folder: str, guests: Sequence[Guest]) -> None:
        """Write down the guests of a start; its process reads them at every SIGHUP.

        Raises
        ------
        HostError
            The file cannot be written.
        """
        ...


class Traffic(Protocol):
    """The router, as an agent sees it. Every method may raise a retryable HostError."""

    async def services(self, specs: Sequence[ServiceSpec]) -> None:
        """Tell it all services; each has its address from now on, with or without instances."""
        ...

    async def replace(self, routes: Sequence[Route]) -> None:
        """Tell it all routes there are; those it has and that are not among them are closed."""
        ...

    async def add(self, route: Route) -> None:
        """Give an instance traffic from now on."""
        ...

    async def drain(self, instance: str, within_s: float) -> bool:
        """Give it no more requests; True when those under way have all ended in time."""
        ...

    async def boot_id(self) -> str:
        """Return what changes whenever the router was started anew."""
        ...
