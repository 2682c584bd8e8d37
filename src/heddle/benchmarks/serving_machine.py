"""A daemon of the benchmark's own, driven by the command line as a user would.

The parts of ``heddle bench serving`` share it: what they measure includes everything
that stands between a user and an answer. Only looking is done over the API, since a
process for every look would take the processor time that is measured.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heddle.benchmarks.serving_steps import Took, took
from heddle.clock import Clock
from heddle.errors import HostError
from heddle.runtime.process import run_to_end
from heddle.server.client import client_of
from heddle.server.state_folder import StateFolder
from heddle.settings import child_environment

#: No verb of the benchmark takes longer.
_LIMIT_S = 300.0
_PAGE_KIB = 4


@dataclass(frozen=True, slots=True)
class OfferedService:
    """A service of a benchmark's workload; ``serve`` as the workload file spells it.

    ``options`` are further keys of the service there.
    """

    name: str
    network: str
    rate_rps: float
    latency_ms: float
    serve: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


class ServingMachine:
    """A state folder and the verbs on it.

    Parameters
    ----------
    folder
        For everything; its path is short enough for sockets.
    num_devices
        Into how many GPUs the machine is cut.
    """

    def __init__(self, folder: Path, num_devices: int = 1) -> None:
        self.folder = folder
        self.num_devices = num_devices
        self._state = folder / "state"

    def heddle(self, verb: str, *words: object) -> str:
        """Run a verb and return what it printed; HostError when it fails."""
        spelled = [verb, *map(str, words)]
        ended = run_to_end(
            [sys.executable, "-m", "heddle", *spelled], child_environment({}), limit_s=_LIMIT_S
        )
        if ended.exit_code:
            said = ended.stderr.decode(errors="replace").strip()
            raise HostError(f"heddle {' '.join(spelled)}: exit code {ended.exit_code}: {said}")
        return ended.stdout.decode()

    def up(self, clock: Clock) -> float:
        """Start the daemon; return the seconds until it was ready."""
        begin_s = clock.now_s()
        words = ("--detach", "--port", 0, "--cpu-devices", self.num_devices)
        self.heddle("up", "--state", self._state, *words)
        return clock.now_s() - begin_s

    def down(self) -> None:
        """Take it down."""
        self.heddle("down", "--state", self._state)

    def status(self) -> dict[str, Any]:
        """Return the daemon's status."""
        return client_of(self._state).status()

    def apply(self, workload: Path) -> None:
        """Apply a workload and wait until its transition is done."""
        self.heddle("apply", workload, "--state", self._state)

    def events(self) -> list[dict[str, Any]]:
        """Return all events."""
        return client_of(self._state).events(0)

    @property
    def routes(self) -> Path:
        """The router's table, which it replaces before it says that it has changed."""
        return self._state / "router" / "routes.json"

    def ended(self) -> Took:
        """Take it down, and return how long its transitions took."""
        self.down()
        return took(StateFolder(self._state).ledger)

    def workload(
        self,
        name: str,
        table: Path,
        services: Sequence[OfferedService],
        *,
        replan_every: str = "",
        headroom: float = 0.0,
    ) -> Path:
        """Write a workload file and return its path."""
        document: dict[str, Any] = {
            "version": 1,
            "gpus": [{"type": "CPU-8", "count": self.num_devices}],
            "performance": [str(table)],
            "services": [
                {
                    "name": service.name,
                    "model": service.network,
                    "rate_rps": service.rate_rps,
                    "latency_ms": service.latency_ms,
                    "serve": dict(service.serve),
                    **service.options,
                }
                for service in services
            ],
        }
        document["defaults"] = {"headroom": headroom}
        if replan_every:
            document["replan"] = {"every": replan_every}
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return path


@contextlib.contextmanager
def serving_machine(num_devices: int = 1) -> Iterator[ServingMachine]:
    """Yield a machine in a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hdb-") as folder:
        machine = ServingMachine(Path(folder), num_devices)
        try:
            yield machine
        finally:
            with contextlib.suppress(HostError):
                machine.down()


def processor_s(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KIB / 1024
