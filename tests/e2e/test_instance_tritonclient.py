"""NVIDIA's own client for the protocol against one instance, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_networks
from instance_process import InstanceProcess, onnx_of, running

_FLOATS = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstanceProcess]:
    """An instance of a network with two outputs."""
    folder = tmp_path_factory.mktemp("i")
    with running(onnx_of(folder, small_networks.doubling()), folder, batch=8) as instance:
        yield instance


def client_of(instance: InstanceProcess, **more: Any) -> Any:
    from tritonclient import http  # noqa: PLC0415 (its import warns)

    return http.InferenceServerClient(f"127.0.0.1:{instance.order.port}", **more)


def inputs_of(name: str, datatype: str, tensor: Any, *, is_binary: bool = True) -> list[Any]:
    from tritonclient import http  # noqa: PLC0415

    made = http.InferInput(name, list(tensor.shape), datatype)
    made.set_data_from_numpy(tensor, binary_data=is_binary)
    return [made]


def output_of(name: str, *, is_binary: bool) -> Any:
    from tritonclient import http  # noqa: PLC0415

    return http.InferRequestedOutput(name, binary_data=is_binary)


def test_it_finds_the_server_and_the_network_alive_and_ready(doubling: InstanceProcess) -> None:
    client = client_of(doubling)

    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("vision")
    assert client.is_model_ready("net", "1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata("vision")
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    client.close()


@pytest.mark.parametrize("is_binary_in", [True, False])
@pytest.mark.parametrize("is_binary_out", [True, False])
def test_tensors_go_and_come_in_both_forms(
    doubling: InstanceProcess, *, is_binary_in: bool, is_binary_out: bool
) -> None:
    client = client_of(doubling)
    result = client.infer(
        "vision",
        inputs_of("x", "FP32", _FLOATS, is_binary=is_binary_in),
        outputs=[
            output_of("total", is_binary=is_binary_out),
            output_of("y", is_binary=not is_binary_out),
        ],
        request_id="17",
    )

    assert np.array_equal(result.as_numpy("y"), _FLOATS * 2)
    assert np.array_equal(result.as_numpy("total"), _FLOATS.sum(axis=1, keepdims=True))
    assert result.get_response()["id"] == "17"
    client.close()


def test_without_outputs_it_gets_all_of_them_binary(doubling: InstanceProcess) -> None:
    client = client_of(doubling)
    result = client.infer("vision", inputs_of("x", "FP32", _FLOATS))

    assert np.array_equal(result.as_numpy("y"), _FLOATS * 2)
    assert result.get_output("total")["parameters"]["binary_data_size"] == 8
    client.close()


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_it_may_pack_what_it_sends(doubling: InstanceProcess, packing: str) -> None:
    client = client_of(doubling)
    result = client.infer(
        "vision",
        inputs_of("x", "FP32", _FLOATS),
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )

    assert np.array_equal(result.as_numpy("y"), _FLOATS * 2)
    client.close()


def test_its_requests_at_the_same_time_get_their_own_answers(doubling: InstanceProcess) -> None:
    client = client_of(doubling, concurrency=8)
    tensors = [_FLOATS + number for number in range(64)]
    under_way = [client.async_infer("vision", inputs_of("x", "FP32", one)) for one in tensors]

    for tensor, request in zip(tensors, under_way, strict=True):
        assert np.array_equal(request.get_result().as_numpy("y"), tensor * 2)
    client.close()


def test_threads_with_a_client_each_get_their_own_answers(doubling: InstanceProcess) -> None:
    def ask(number: int) -> None:
        client = client_of(doubling)
        for turn in range(10):
            x = np.full((1 + turn % 3, 4), number * 100 + turn, dtype=np.float32)
            result = client.infer("vision", inputs_of("x", "FP32", x))
            assert np.array_equal(result.as_numpy("y"), x * 2)
        client.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(6)))


def test_its_errors_carry_our_sentences(doubling: InstanceProcess) -> None:
    from tritonclient.utils import InferenceServerException  # noqa: PLC0415

    client = client_of(doubling)
    for inputs, network, reason in (
        (inputs_of("z", "FP32", _FLOATS), "vision", "the network has no input 'z'"),
        (inputs_of("x", "INT64", _FLOATS.astype(np.int64)), "vision", "expected datatype FP32"),
        (inputs_of("x", "FP32", _FLOATS[:, :3]), "vision", r"expected the shape \[-1, 4\]"),
        (inputs_of("x", "FP32", _FLOATS), "vison", "no network 'vison' here"),
    ):
        with pytest.raises(InferenceServerException, match=reason):
            client.infer(network, inputs)
    client.close()


def test_texts_go_and_come_in_both_forms(tmp_path: Path) -> None:
    texts = np.array([["ä".encode(), b"", b"tail"]], dtype=np.object_)
    with running(onnx_of(tmp_path, small_networks.echoing_texts()), tmp_path) as instance:
        client = client_of(instance)
        for is_binary in (True, False):
            result = client.infer(
                "vision",
                inputs_of("x", "BYTES", texts, is_binary=is_binary),
                outputs=[output_of("y", is_binary=is_binary)],
            )
            found = result.as_numpy("y").tolist()
            assert found == (texts.tolist() if is_binary else [["ä", "", "tail"]])
        client.close()
