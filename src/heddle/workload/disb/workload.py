"""A DISB workload: clients, each with a network, a kind and a load.

The terms are those of the DNN Inference Serving Benchmark of REEF (OSDI'22). ``files`` makes it,
``arrivals`` and the runner read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Continuous:
    """A closed loop: the next request comes when the one before is over."""


@dataclass(frozen=True, slots=True)
class Periodic:
    """Requests at equal distances; clients of priority 0 and one frequency take turns."""

    rate_rps: float
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Poisson:
    """Requests with independent, exponentially distributed distances."""

    rate_rps: float


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests at given times, milliseconds since the start, sorted."""

    at_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Dependent:
    """A request when the requests of one serial number of all these clients are over."""

    previous: tuple[str, ...]


Load = Continuous | Periodic | Poisson | Trace | Dependent


@dataclass(frozen=True, slots=True)
class DisbClient:
    """Who asks; ``network`` is empty where the file names none, ``path`` is where it could."""

    id: str
    network: str
    is_real_time: bool
    load: Load
    path: str = ""


@dataclass(frozen=True, slots=True)
class DisbWorkload:
    """Clients in the order of the file, and how long they ask, seconds."""

    name: str
    duration_s: float
    clients: tuple[DisbClient, ...]
    file: Path | None = None

    def real_time(self) -> tuple[DisbClient, ...]:
        """The real-time clients."""
        return tuple(client for client in self.clients if client.is_real_time)
