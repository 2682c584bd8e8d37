"""One real instance process: what clients see, what is wrong with a request, how it ends."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import small_networks
from heddle.serving.instance.application import MAX_BODY_BYTES
from heddle.workload.serving_spec import Engine, ServingSpec
from instance_process import (
    SLEEP,
    InstanceProcess,
    begin,
    fp32_request,
    onnx_of,
    order_of_one,
    running,
)
from one_machine import wait_until

_INFER = "/v2/models/vision/infer"


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstanceProcess]:
    """The sleep engine at 0 ms."""
    with running(SLEEP, tmp_path_factory.mktemp("i")) as instance:
        yield instance


def test_an_inference_is_answered_under_the_name_of_the_service_and_of_the_network(
    echo: InstanceProcess,
) -> None:
    for path in ("vision", "net", "vision/versions/1"):
        reply = echo.ask(f"/v2/models/{path}/infer", fp32_request([[1.5, 2]], id="7"))

        assert reply.status == 200
        assert reply.members() == {
            "model_name": path.partition("/")[0],
            "model_version": "1",
            "id": "7",
            "outputs": [
                {"name": "OUTPUT", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]}
            ],
        }
        assert reply.headers["heddle-instance"] == "cpu-0.4-17"
        assert reply.headers["heddle-batch-size"] == "1"
        assert float(reply.headers["heddle-batch-ms"]) >= 0.0


@pytest.mark.parametrize(
    "path",
    [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/vision/ready",
        "/v2/models/net/versions/1/ready",
    ],
)
def test_health_and_readiness_are_a_200(echo: InstanceProcess, path: str) -> None:
    assert echo.ask(path).status == 200
    assert echo.ask(path, method="HEAD").body == b""


def test_the_metadata_tells_the_inputs_and_the_batch(echo: InstanceProcess) -> None:
    server, network = echo.ask("/v2").members(), echo.ask("/v2/models/vision").members()

    assert server["name"] == "heddle"
    assert server["extensions"] == ["binary_tensor_data"]
    assert network["inputs"] == [{"name": "INPUT", "datatype": "FP32", "shape": [-1, -1]}]
    assert network["versions"] == ["1"]
    assert network["parameters"]["batch"] == "4"
    assert "for tests" in network["parameters"]["notes"]


def test_prometheus_reads_counts_by_status(echo: InstanceProcess) -> None:
    labels = 'instance="cpu-0.4-17",service="vision"'
    echo.infer([[1]])
    echo.infer([[1]], name="UNKNOWN")
    reply = echo.ask("/metrics")
    values = dict(
        line.rsplit(" ", 1) for line in reply.body.decode().splitlines() if line[0] != "#"
    )

    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert int(values[f'heddle_instance_requests_total{{{labels},code="200"}}']) >= 1
    assert int(values[f'heddle_instance_requests_total{{{labels},code="400"}}']) >= 1
    assert float(values[f"heddle_instance_ready{{{labels}}}"]) == 1.0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not valid JSON"),
        (b'{"inputs": [NaN]}', "NaN is not a number"),
        (fp32_request([[1]], "OTHER"), "the network has no input 'OTHER'"),
        (fp32_request([[1]]).replace(b"FP32", b"INT8"), "expected datatype FP32, found INT8"),
        (fp32_request([[1]]).replace(b"[1, 1]", b"[1]"), "expected the shape [-1, -1], found [1]"),
        (fp32_request([[1]]).replace(b"[1, 1]", b"[1, 2]"), "expected 2 values"),
        (fp32_request([[1]]).replace(b"[[1]]", b'["NaN"]'), "found texts"),
        (fp32_request([[1]], outputs=[{"name": "Z"}]), "the network has no output 'Z'"),
    ],
)
def test_a_wrong_request_is_a_400_with_a_sentence(
    echo: InstanceProcess, body: bytes, reason: str
) -> None:
    reply = echo.ask(_INFER, body)

    assert reply.status == 400
    assert list(reply.members()) == ["error"]
    assert reason in reply.error()
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("length", ["99999", "-1", "x", "1e3", ""])
def test_a_wrong_length_of_the_json_part_is_a_400(echo: InstanceProcess, length: str) -> None:
    reply = echo.infer([[1]], Inference_Header_Content_Length=length)

    assert reply.status == 400
    assert "Inference-Header-Content-Length" in reply.error()


def test_other_pages_and_methods_are_told_apart(echo: InstanceProcess) -> None:
    unknown = echo.ask("/v2/models/visoin/infer", fp32_request([[1]]))

    assert unknown.status == 404
    assert "no network 'visoin' here; it is called net or vision" in unknown.error()
    assert echo.ask("/../../etc/passwd").status == 404
    assert echo.ask(_INFER).status == 405
    assert echo.ask(_INFER).headers["allow"] == "POST"
    assert echo.ask("/v2/health/ready", b"").status == 405


def test_a_body_may_be_packed_but_only_with_gzip_or_deflate(echo: InstanceProcess) -> None:
    packed = gzip.compress(fp32_request([[3]]))

    assert echo.ask(_INFER, packed, Content_Encoding="gzip").status == 200
    assert echo.ask(_INFER, packed[:-9], Content_Encoding="gzip").status == 400
    assert echo.ask(_INFER, b"no gzip", Content_Encoding="gzip").status == 400
    assert echo.ask(_INFER, packed, Content_Encoding="br").status == 415


def test_a_body_beyond_the_limit_is_a_413_packed_or_not(echo: InstanceProcess) -> None:
    bomb = gzip.compress(bytes(MAX_BODY_BYTES + 1))

    assert echo.ask(_INFER, bomb, Content_Encoding="gzip").status == 413
    assert echo.ask(_INFER, b"", Content_Length=str(MAX_BODY_BYTES + 1)).status == 413


def test_what_is_not_http_is_hung_up_on_and_hurts_nobody(echo: InstanceProcess) -> None:
    for raw in (
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"GET /\xff\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", echo.order.port), 10.0) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            found = b"".join(iter(lambda c=connection: c.recv(65536), b""))  # type: ignore[misc]
        assert b"Traceback" not in found
    assert echo.infer([[1]]).status == 200


@pytest.mark.parametrize("deadline", ["0", "-1", "nan", "soon"])
def test_a_deadline_that_is_none_is_a_400(echo: InstanceProcess, deadline: str) -> None:
    assert "heddle-deadline-ms" in echo.infer([[1]], heddle_deadline_ms=deadline).error()


def test_a_full_queue_is_a_429_that_says_it_was_not_executed(tmp_path: Path) -> None:
    with (
        running(SLEEP, tmp_path, batch=1, sleep_ms=300.0, max_queue=2) as instance,
        ThreadPoolExecutor(20) as pool,
    ):
        replies = list(pool.map(lambda number: instance.infer([[float(number)]]), range(20)))
        refused = [reply for reply in replies if reply.status != 200]

    assert 0 < len(refused) < 20
    for reply in refused:
        assert reply.status == 429
        assert reply.headers["heddle-not-executed"] == "1"
        assert reply.headers["retry-after"] == "1"
        assert "the queue is full: 2 requests wait" in reply.error()


def test_a_deadline_that_passes_in_the_queue_is_a_504(tmp_path: Path) -> None:
    with (
        running(SLEEP, tmp_path, batch=1, sleep_ms=300.0) as instance,
        ThreadPoolExecutor(5) as pool,
    ):
        ahead = [pool.submit(instance.infer, [[float(number)]]) for number in range(5)]
        wait_until(lambda: waiting(instance) > 0, "requests wait")
        by_header = instance.infer([[1.0]], heddle_deadline_ms="20")
        by_parameter = instance.ask(_INFER, fp32_request([[1.0]], parameters={"timeout": 20_000}))

        assert [reply.result().status for reply in ahead] == [200] * 5
    for late in (by_header, by_parameter):
        assert late.status == 504
        assert late.headers["heddle-not-executed"] == "1"


def test_a_client_that_goes_away_gives_its_place_in_the_queue_away(tmp_path: Path) -> None:
    with (
        running(SLEEP, tmp_path, batch=1, sleep_ms=200.0) as instance,
        ThreadPoolExecutor(5) as pool,
    ):
        ahead = [pool.submit(instance.infer, [[float(number)]]) for number in range(5)]
        wait_until(lambda: waiting(instance) > 0, "requests wait")
        body = fp32_request([[9.0]])
        head = f"POST {_INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", instance.order.port), 10.0) as impatient:
            impatient.sendall(head.encode() + body)
        assert instance.infer([[3.0]]).status == 200

        assert [reply.result().status for reply in ahead] == [200] * 5
        executed = gauge(instance, "heddle_instance_batched_requests_total")
        assert executed == 6


def waiting(instance: InstanceProcess) -> float:
    """How many requests wait for a worker."""
    return gauge(instance, "heddle_instance_waiting")


def gauge(instance: InstanceProcess, name: str) -> float:
    """Return a figure of the metrics."""
    lines = instance.ask("/metrics").body.decode().splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}{{"))


def test_requests_that_come_together_share_a_batch_and_get_their_own_answers(
    tmp_path: Path,
) -> None:
    network = onnx_of(tmp_path, small_networks.doubling())
    with running(network, tmp_path, batch=8) as instance, ThreadPoolExecutor(16) as pool:
        barrier = threading.Barrier(16)

        def ask(number: int) -> list[tuple[list[float], int]]:
            barrier.wait(10.0)
            found = []
            for turn in range(20):
                x = [float(number), float(turn), 1.0, 2.0]
                reply = instance.infer([x], name="x")
                data = {one["name"]: one["data"] for one in reply.members()["outputs"]}
                assert data == {"y": [value * 2 for value in x], "total": [sum(x)]}
                found.append((x, int(reply.headers["heddle-batch-size"])))
            return found

        sizes = [size for found in pool.map(ask, range(16)) for _, size in found]

    assert len(sizes) == 320
    assert 1 < max(sizes) <= 8


def test_two_workers_answer_at_the_same_time(tmp_path: Path) -> None:
    with (
        running(SLEEP, tmp_path, batch=1, processes=2, sleep_ms=300.0, max_queue=1) as instance,
        ThreadPoolExecutor(3) as pool,
    ):
        replies = list(pool.map(instance.infer, [[[1.0]], [[2.0]], [[3.0]]]))

    assert [reply.status for reply in replies] == [200, 200, 200]


def test_one_request_that_the_network_fails_on_does_not_hurt_its_neighbours(
    tmp_path: Path,
) -> None:
    def body(index: int) -> bytes:
        entry = {"name": "x", "datatype": "INT64", "shape": [1], "data": [index]}
        return json.dumps({"inputs": [entry]}).encode()

    network = onnx_of(tmp_path, small_networks.looking_up(8))
    with running(network, tmp_path, batch=8) as instance, ThreadPoolExecutor(8) as pool:
        indices = [number % 8 if number % 5 else 99 for number in range(80)]
        replies = list(pool.map(lambda index: instance.ask(_INFER, body(index)), indices))

    for index, reply in zip(indices, replies, strict=True):
        if index == 99:
            assert reply.status in (400, 500)
            assert "idx=99" in reply.error()
        else:
            assert reply.members()["outputs"][0]["data"] == [index * 10.0]


@pytest.mark.parametrize(
    ("network", "note"),
    [
        (small_networks.doubling(batch=1), "axis 0 of 'x' is fixed, so requests run one by one"),
        (small_networks.centring(), "rows of a batch are not independent"),
    ],
)
def test_a_network_that_cannot_be_batched_runs_one_by_one_and_says_so(
    tmp_path: Path, network: bytes, note: str
) -> None:
    with (
        running(onnx_of(tmp_path, network), tmp_path, batch=8) as instance,
        ThreadPoolExecutor(8) as pool,
    ):
        values = [[[float(number)] * 4] for number in range(24)]
        replies = list(pool.map(lambda x: instance.infer(x, name="x"), values))
        metadata = instance.ask("/v2/models/net").members()

        assert note in instance.log
    assert note in metadata["parameters"]["notes"]
    assert metadata["parameters"]["batch"] == "1"
    assert {reply.headers["heddle-batch-size"] for reply in replies} == {"1"}


def test_infinity_is_for_binary_data_only(tmp_path: Path) -> None:
    with running(onnx_of(tmp_path, small_networks.dividing()), tmp_path) as instance:
        plain = instance.infer([[0.0]], name="x")
        body = fp32_request([[0.0]], "x", parameters={"binary_data_output": True})
        binary = instance.ask(_INFER, body)

    assert plain.status == 500
    assert "ask for binary data" in plain.error()
    assert binary.status == 200
    assert binary.body.endswith(b"\x00\x00\x80\x7f")


def test_a_drain_answers_what_is_under_way_refuses_the_rest_and_ends_with_0(
    tmp_path: Path,
) -> None:
    with (
        running(SLEEP, tmp_path, batch=1, sleep_ms=250.0) as instance,
        ThreadPoolExecutor(8) as pool,
    ):
        under_way = [pool.submit(instance.infer, [[float(number)]]) for number in range(8)]
        wait_until(lambda: waiting(instance) == 7, "all others wait")
        instance.terminate()
        wait_until(lambda: "draining" in instance.log, "it drains")
        refused, page = instance.infer([[9.0]]), instance.ask("/v2/health/ready")

        assert refused.status == page.status == 503
        assert refused.headers["heddle-not-executed"] == "1"
        found = [reply.result() for reply in under_way]
        assert [reply.status for reply in found] == [200] * 8
        data = [reply.members()["outputs"][0]["data"] for reply in found]
        assert data == [[float(number)] for number in range(8)]
        assert instance.exit_code() == 0
        assert "Traceback" not in instance.log


def test_an_idle_instance_ends_with_0_though_connections_are_open(tmp_path: Path) -> None:
    with (
        running(SLEEP, tmp_path) as instance,
        socket.create_connection(("127.0.0.1", instance.order.port), 10.0),
    ):
        instance.terminate()
        assert instance.exit_code() == 0


@pytest.mark.parametrize(
    ("serving", "reason"),
    [
        (ServingSpec(Engine.ONNX, path="/absent/network.onnx"), "cannot read the network"),
        (ServingSpec(Engine.ONNX, path=__file__), "expected an ONNX file, found something else"),
        (ServingSpec(Engine.ONNX, path="zoo:nothing"), "the zoo has no network 'nothing'"),
        (ServingSpec(Engine.COMMAND, command=("x",)), "is a program of its own"),
    ],
)
def test_a_network_that_cannot_be_served_ends_it_with_2_and_a_sentence(
    tmp_path: Path, serving: ServingSpec, reason: str
) -> None:
    instance = begin(order_of_one(serving), tmp_path)

    assert instance.exit_code() == 2
    assert reason in instance.log
    assert "Traceback" not in instance.log


def test_a_port_that_is_taken_ends_it_with_1_and_a_sentence(tmp_path: Path) -> None:
    order = order_of_one(SLEEP)
    with socket.create_server(("127.0.0.1", order.port)):
        instance = begin(order, tmp_path)

        assert instance.exit_code() == 1
    assert f"cannot listen at 127.0.0.1:{order.port}: address already in use" in instance.log
