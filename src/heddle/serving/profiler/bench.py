"""What the profiler needs of a machine: an instance that runs at a point, and neighbours.

``server.profiling`` provides it with real slices and processes; tests with scripted ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from heddle.errors import HeddleError
from heddle.serving.load.connection import Address


class CannotServeError(HeddleError):
    """A point that cannot be served here; it is left out and the others go on."""


class Network(NamedTuple):
    """A network under the name that the table shall have; ``path`` as ``ServingSpec`` has it."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Case:
    """One point to measure.

    Attributes
    ----------
    network
        What is run.
    profile
        Of the device.
    batch, processes
        Requests in a batch, and copies of the network; at least 1.
    """

    network: Network
    profile: str
    batch: int
    processes: int

    def __str__(self) -> str:
        copies = f", {self.processes} processes" if self.processes > 1 else ""
        return f"{self.network.name} on {self.profile}, batch {self.batch}{copies}"


class RunningInstance(Protocol):
    """An instance that answers the Open Inference Protocol."""

    @property
    def address(self) -> Address:
        """Where it listens."""
        ...

    @property
    def service(self) -> str:
        """The name of the network in its paths."""
        ...

    def memory_mib(self) -> float | None:
        """Return what all of it holds in memory, in MiB; None where that cannot be seen."""
        ...


class Bench(Protocol):
    """A device on which one instance at a time is measured."""

    async def start(self, case: Case) -> RunningInstance:
        """Return a ready instance at a point; the one before has ended.

        Raises
        ------
        CannotServeError
            The device refuses the profile, or the instance did not become ready.
        InputError
            The network cannot be loaded on any device.
        HostError
            The device failed.
        """
        ...

    def occupy_rest(self) -> bool:
        """Load all units beside the running instance fully; False when that is not possible."""
        ...

    def release_rest(self) -> None:
        """End what :meth:`occupy_rest` began."""
        ...
