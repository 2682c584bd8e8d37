"""A real instance process of a test's own, and the ways of asking it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heddle.clock import WallClock, sleep_s
from heddle.cluster.deployment import PlannedInstance, ServedService
from heddle.serving.instance.order import FILE_NAME, InstanceOrder
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec
from one_machine import free_port

_DEADLINE_S = 30.0

SLEEP = ServingSpec(Engine.SLEEP)


def onnx_of(folder: Path, network: bytes) -> ServingSpec:
    """Return how to serve a network, written to a file."""
    file = folder / "network.onnx"
    file.write_bytes(network)
    return ServingSpec(Engine.ONNX, path=str(file))


def order_of_one(serving: ServingSpec, batch: int = 4, processes: int = 1) -> InstanceOrder:
    """Return an order for the service ``vision``, whose network is called ``net``."""
    served = ServedService("net", rate_rps=100.0, latency_ms=200.0)
    return InstanceOrder(
        instance="cpu-0.4-17",
        service=ServiceSpec("vision", served, serving, port=9),
        planned=PlannedInstance("1c", 4, "vision", batch, processes, 100.0, 20.0),
        port=free_port(),
        num_threads=1,
    )


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def members(self) -> Any:
        """Return the JSON of the body."""
        return json.loads(self.body)

    def error(self) -> str:
        """Return the sentence of an error."""
        found: str = self.members()["error"]
        return found


@dataclass
class InstanceProcess:
    """A process that was started."""

    order: InstanceOrder
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def log(self) -> str:
        """What it has said."""
        return self.log_file.read_text(encoding="utf-8")

    def ask(self, path: str, body: bytes | None = None, method: str = "", **headers: str) -> Reply:
        """Return the reply to one request on a connection of its own; ``_`` in names is ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.order.port, timeout=_DEADLINE_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, named)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, found, reply.read())
        finally:
            connection.close()

    def infer(self, values: list[list[float]], name: str = "INPUT", **headers: str) -> Reply:
        """Return the reply to an inference of one FP32 input, in JSON."""
        return self.ask("/v2/models/vision/infer", fp32_request(values, name), **headers)

    def is_ready(self) -> bool:
        """Whether it says so."""
        try:
            return self.ask("/v2/health/ready").status == 200
        except OSError:
            return False

    def wait_until_ready(self) -> None:
        """Return once it is ready; fail with its log when it ends or takes too long."""
        clock = WallClock()
        until_s = clock.now_s() + _DEADLINE_S
        while not self.is_ready():
            assert self.process.poll() is None, f"it ended: {self.log}"
            assert clock.now_s() < until_s, f"not ready: {self.log}"
            sleep_s(0.02)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(_DEADLINE_S)


def fp32_request(values: list[list[float]], name: str = "INPUT", **more: Any) -> bytes:
    """Return the body of an inference of one FP32 input, in JSON."""
    shape = [len(values), len(values[0])]
    entry = {"name": name, "datatype": "FP32", "shape": shape, "data": values}
    return json.dumps({"inputs": [entry], **more}).encode()


def begin(
    order: InstanceOrder, folder: Path, module: str = "heddle.serving.instance"
) -> InstanceProcess:
    """Start a process; it may not be ready yet."""
    file, log = folder / FILE_NAME, folder / "instance.log"
    file.write_text(json.dumps(order.members()), encoding="utf-8")
    with log.open("wb") as opened:
        words = [sys.executable, "-m", module, str(file)]
        process = subprocess.Popen(words, stderr=opened, stdout=opened, stdin=subprocess.DEVNULL)
    return InstanceProcess(order, process, log)


@contextmanager
def running(
    serving: ServingSpec, folder: Path, batch: int = 4, processes: int = 1, **more: Any
) -> Iterator[InstanceProcess]:
    """A ready instance, killed at the end if it still runs; ``more`` are of the serving."""
    started = begin(order_of_one(replace(serving, **more), batch, processes), folder)
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.process.kill()
        started.process.wait(_DEADLINE_S)
