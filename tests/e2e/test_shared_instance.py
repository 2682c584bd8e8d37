"""Instances with guests: real processes, asked over HTTP."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import small_networks
from devices import wait_until
from heddle.cluster.deployment import PlannedInstance, ServedService
from heddle.serving.instance.order import GUESTS_FILE_NAME, guests_members
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec
from instance_process import InstanceProcess, begin, fp32_request, order_of_one

_DEADLINE_S = 60.0


class Shared:
    """An instance of ``vision``, and the guests that it is told of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        order = order_of_one(ServingSpec(Engine.SLEEP, sleep_ms=2.0))
        self.process: InstanceProcess = begin(order, folder, "heddle.server.shared_instance")

    def tell(self, **guests: ServingSpec) -> None:
        """Write down its guests; a process that runs is told to look."""
        planned = PlannedInstance("1c", 4, "guest", 2, 1, 50.0, 20.0)
        found = [
            (
                ServiceSpec(name, ServedService(f"{name}-net", 10.0, 5000.0), serving, 9),
                planned._replace(service=name),
            )
            for name, serving in guests.items()
        ]
        text = json.dumps(guests_members(found))
        (self.folder / GUESTS_FILE_NAME).write_text(text, encoding="utf-8")
        if self.process.is_ready():
            self.process.process.send_signal(signal.SIGHUP)

    def standing(self) -> dict[str, Any]:
        found: dict[str, Any] = self.process.ask("/heddle/sharing").members()
        return found

    def state_of(self, name: str) -> str:
        return str(self.standing()["guests"].get(name, {"state": "unknown"})["state"])

    def await_state(self, name: str, state: str) -> None:
        wait_until(lambda: self.state_of(name) == state, f"{name} is {state}", _DEADLINE_S)

    def infer(self, name: str, value: float = 1.0, tensor: str = "INPUT") -> Any:
        body = fp32_request([[value]], tensor)
        return self.process.ask(f"/v2/models/{name}/infer", body)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    """A ready instance without guests."""
    made = Shared(tmp_path)
    try:
        made.process.wait_until_ready()
        yield made
    finally:
        made.process.process.kill()
        made.process.process.wait(_DEADLINE_S)


def onnx(folder: Path, network: bytes) -> ServingSpec:
    file = folder / "guest.onnx"
    file.write_bytes(network)
    return ServingSpec(Engine.ONNX, path=str(file))


def test_guests_come_are_served_and_go_while_the_instance_runs(
    shared: Shared, tmp_path: Path
) -> None:
    assert shared.infer("tags").status == 404
    shared.tell(
        tags=ServingSpec(Engine.SLEEP, sleep_ms=1.0),
        doubles=onnx(tmp_path, small_networks.doubling(width=1)),
    )
    shared.await_state("tags", "ready")
    shared.await_state("doubles", "ready")
    assert shared.infer("vision").status == 200
    assert shared.infer("tags").members()["outputs"][0]["data"] == [1.0]
    outputs = shared.infer("doubles-net", 3.0, "x").members()["outputs"]
    assert {one["name"]: one["data"] for one in outputs} == {"y": [6.0], "total": [3.0]}
    lanes = {lane["name"]: lane["kind"] for lane in shared.standing()["device"]["lanes"]}
    assert lanes == {"vision": "rt", "tags": "be", "doubles": "be"}
    metrics = shared.process.ask("/metrics").body.decode()
    assert metrics.count("# TYPE heddle_instance_requests_total") == 1
    assert 'service="tags",code="200"} 1' in metrics
    shared.tell()
    shared.await_state("tags", "unknown")
    assert shared.infer("tags").status == 404
    assert shared.infer("vision").status == 200
    shared.process.terminate()
    assert shared.process.exit_code() == 0


def test_a_guest_that_cannot_be_loaded_is_told_and_the_others_go_on(shared: Shared) -> None:
    shared.tell(
        broken=ServingSpec(Engine.ONNX, path="/nowhere/net.onnx"),
        tags=ServingSpec(Engine.SLEEP, sleep_ms=1.0),
    )
    shared.await_state("tags", "ready")
    assert shared.state_of("broken") == "failed"
    reply = shared.infer("broken")
    assert reply.status == 500
    assert "'broken' cannot be served here: /nowhere/net.onnx: cannot read" in reply.error()
    assert shared.infer("vision").status == 200
    assert shared.infer("tags").status == 200


def test_a_request_that_fails_in_a_guest_hurts_nobody_else(shared: Shared, tmp_path: Path) -> None:
    shared.tell(table=onnx(tmp_path, small_networks.looking_up()))
    shared.await_state("table", "ready")

    def look_up(row: int) -> Any:
        entry = {"name": "x", "datatype": "INT64", "shape": [1], "data": [row]}
        body = json.dumps({"inputs": [entry]}).encode()
        return shared.process.ask("/v2/models/table/infer", body)

    assert look_up(100).status in (400, 500)
    assert look_up(2).members()["outputs"][0]["data"] == [20.0]
    assert shared.infer("vision").status == 200


def test_a_file_of_guests_that_is_none_leaves_them_as_they_are(shared: Shared) -> None:
    shared.tell(tags=ServingSpec(Engine.SLEEP, sleep_ms=1.0))
    shared.await_state("tags", "ready")
    (shared.folder / GUESTS_FILE_NAME).write_text("{", encoding="utf-8")
    shared.process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "guests stay as they are" in shared.process.log, "the log tells it")
    assert shared.infer("tags").status == 200


def test_real_time_requests_overtake_a_guest_in_the_middle_of_its_batch(shared: Shared) -> None:
    shared.tell(slow=ServingSpec(Engine.SLEEP, sleep_ms=500.0))
    shared.await_state("slow", "ready")
    before = shared.standing()["device"]["num_preemptions"]
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(shared.infer, "slow")
        lane = shared.standing()["device"]["lanes"]
        wait_until(lambda: "slow" in shared.standing()["device"]["holders"], f"it runs: {lane}")
        overtakes = 0
        while not slow.done():
            assert shared.infer("vision").status == 200
            overtakes += not slow.done()
        assert slow.result().status == 200
    assert overtakes >= 1
    found = shared.standing()["device"]
    assert found["num_preemptions"] > before
    (guest,) = [lane for lane in found["lanes"] if lane["name"] == "slow"]
    assert guest["num_evictions"] >= overtakes


def test_an_instance_without_a_device_refuses_guests(tmp_path: Path) -> None:
    order = order_of_one(ServingSpec(Engine.SLEEP))
    tags = ServiceSpec("tags", ServedService("net", 1.0, 9.0), ServingSpec(Engine.SLEEP), 9)
    members = guests_members([(tags, order.planned)])
    (tmp_path / GUESTS_FILE_NAME).write_text(json.dumps(members), encoding="utf-8")
    started = begin(order, tmp_path)
    try:
        started.wait_until_ready()
        wait_until(lambda: "cannot be served" in started.log, "the log tells it")
        assert started.infer([[1.0]]).status == 200
        assert started.ask("/v2/models/tags/infer", b"{}").status == 500
    finally:
        started.process.kill()
        started.process.wait(_DEADLINE_S)
