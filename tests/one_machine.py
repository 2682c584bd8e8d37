"""A daemon of a test's own, its command line, and what it may leave behind: nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command_line import Answer, heddle_process
from heddle.clock import WallClock, sleep_s
from heddle.runtime.cpu.discovery import installation_name

#: The sleep engine needs no network; the figures are what its tables say, not measured.
TABLE = """\
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,1c,nap,1,1,40,20,99
CPU-8,2c,nap,1,1,90,10,99
CPU-8,4c,nap,1,1,200,5,99
CPU-8,1c,doze,1,1,30,20,99
CPU-8,2c,doze,1,1,70,10,99
CPU-8,4c,doze,1,1,160,5,99
"""
_DEADLINE_S = 60.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_true: Callable[[], bool], what: str, deadline_s: float = _DEADLINE_S) -> None:
    """Return once a condition holds; fail with its description when it does not in time."""
    clock = WallClock()
    until_s = clock.now_s() + deadline_s
    while not is_true():
        if clock.now_s() > until_s:
            raise AssertionError(f"not within {deadline_s:g} s: {what}")
        sleep_s(0.05)


@dataclass
class Machine:
    """A state folder, and the daemon on it once it is up."""

    folder: Path
    num_devices: int = 1
    port: int = field(default_factory=free_port)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The daemon's state folder."""
        return self.folder / "state"

    def heddle(self, verb: str, *words: object) -> Answer:
        """Run a verb against this machine."""
        return heddle_process(verb, *words, "--state", self.state)

    def must(self, verb: str, *words: object) -> str:
        """Run a verb that has to succeed; return what it printed."""
        answer = self.heddle(verb, *words)
        assert answer.exit_code == 0, f"heddle {verb}: {answer}"
        return answer.out

    def up(self) -> None:
        """Start the daemon in the background, or again after it died."""
        words = ("--detach", "--port", self.port, "--cpu-devices", self.num_devices)
        self.must("up", *words)

    def status(self) -> dict[str, Any]:
        """Return what ``heddle status --json`` says."""
        found: dict[str, Any] = json.loads(self.must("status", "--json"))
        return found

    def service(self, name: str) -> dict[str, Any]:
        """Return one service of the status."""
        return next(one for one in self.status()["services"] if one["name"] == name)

    def instances(self) -> list[dict[str, Any]]:
        """Return all instances of the status that serve something."""
        devices = self.status()["devices"]
        return [one for device in devices for one in device["instances"] if one["service"]]

    def workload(self, name: str, rates_rps: dict[str, float], **serve: object) -> Path:
        """Write a workload of services on the sleep engine; their names are their networks'."""
        (self.folder / "table.csv").write_text(TABLE)
        lines = ["version: 1", f"gpus: [{{type: CPU-8, count: {self.num_devices}}}]"]
        lines += ["performance: [table.csv]", "services:"]
        for service, rate_rps in rates_rps.items():
            network = service.partition("-")[0]
            port = self.ports.setdefault(service, free_port())
            serving = {"engine": "sleep", "sleep_ms": 1, "port": port, **serve}
            lines.append(
                f"  - {{name: {service}, model: {network}, rate_rps: {rate_rps}, latency_ms: 500, "
                f"serve: {json.dumps(serving)}}}"
            )
        path = self.folder / f"{name}.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def load(self, service: str, rate_rps: float, duration_s: float) -> subprocess.Popen[bytes]:
        """Start a checked load on a service; its figures go to ``<service>.json``."""
        words = ["--rate", str(rate_rps), "--duration", str(duration_s), "--check"]
        words += ["--json", str(self.figures(service)), "--state", str(self.state)]
        return subprocess.Popen(
            [sys.executable, "-m", "heddle", "load", service, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def figures(self, service: str) -> Path:
        """Where the figures of a load on a service go."""
        return self.folder / f"{service}.json"

    def close(self) -> None:
        """Take everything down, whatever state it is in."""
        self.heddle("down")


def ended(load: subprocess.Popen[bytes], machine: Machine, service: str) -> dict[str, Any]:
    """Wait for a load and return its figures."""
    _, said = load.communicate(timeout=_DEADLINE_S)
    figures = machine.figures(service)
    assert figures.exists(), said.decode()
    found: dict[str, Any] = json.loads(figures.read_text())
    return found


def processes_of(state: Path) -> dict[int, str]:
    """Return the living processes whose command line or variables name a state folder."""
    mark = os.fsencode(state)
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if words and (mark in words or mark in (entry / "environ").read_bytes()):
                found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")
    return found


def cgroups_of(state: Path) -> set[str]:
    """Return the control groups of the daemon on a state folder."""
    name = installation_name(state)
    return {str(path) for path in Path("/sys/fs/cgroup").glob(f"*/**/{name}")}


def listening_ports() -> set[int]:
    """Return the TCP ports that somebody listens at."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {int(field[1].rpartition(":")[2], 16) for field in fields if field[3] == "0A"}


def kill(pid: int) -> None:
    """Kill a process at once, as a fault would."""
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def machine_in(folder: Path, num_devices: int = 1) -> Iterator[Machine]:
    """Yield a machine in a folder with a short path, taken down whatever happens."""
    short = Path("/tmp") / f"hd-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]}"  # noqa: S108 (a socket's path is short)
    short.symlink_to(folder, target_is_directory=True)
    machine = Machine(short, num_devices)
    try:
        yield machine
    finally:
        machine.close()
        short.unlink()
