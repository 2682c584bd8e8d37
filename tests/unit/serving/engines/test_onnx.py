"""Networks in ONNX Runtime: what they take and give, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as foreign

import small_networks
from heddle.errors import HostError, InputError
from heddle.serving.engines.engine import OPEN
from heddle.serving.engines.onnx import FAILURES, REFUSALS, OnnxEngine, open_network


def opened(folder: Path, network: bytes) -> OnnxEngine:
    file = folder / "network.onnx"
    file.write_bytes(network)
    return open_network(str(file))


def test_a_network_answers_with_the_outputs_that_are_asked_for(tmp_path: Path) -> None:
    engine = opened(tmp_path, small_networks.doubling())
    x = np.arange(8, dtype=np.float32).reshape(2, 4)

    answer = engine.run({"x": x}, ("total", "y"))

    assert list(answer) == ["total", "y"]
    assert np.array_equal(answer["y"], x + x)
    assert np.array_equal(answer["total"], x.sum(axis=1, keepdims=True))


def test_an_open_first_axis_means_batches(tmp_path: Path) -> None:
    signature = opened(tmp_path, small_networks.doubling()).signature

    assert signature.is_batched
    assert signature.inputs[0].shape == (OPEN, 4)
    assert signature.output_names() == ("y", "total")


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (small_networks.doubling(batch=1), "axis 0 of 'x' is fixed"),
        (small_networks.adding_two(second=(4,)), "axis 0 of 'b' is fixed"),
        (small_networks.adding_two(second=("m", 4)), "do not share axis 0"),
    ],
)
def test_without_one_open_first_axis_requests_run_one_by_one_and_the_notes_say_so(
    tmp_path: Path, network: bytes, reason: str
) -> None:
    signature = opened(tmp_path, network).signature

    assert not signature.is_batched
    assert any(reason in note and "one by one" in note for note in signature.notes)


def test_texts_go_in_and_come_out_as_bytes(tmp_path: Path) -> None:
    engine = opened(tmp_path, small_networks.echoing_texts())
    x = np.array([["ä".encode(), b""]], dtype=np.object_)

    assert engine.run({"x": x}, ("y",))["y"].tolist() == [["ä".encode(), b""]]


def test_a_text_that_is_not_utf_8_is_the_clients_mistake(tmp_path: Path) -> None:
    engine = opened(tmp_path, small_networks.echoing_texts())

    with pytest.raises(InputError, match="input 'x': expected texts in UTF-8"):
        engine.run({"x": np.array([[b"\xff"]], dtype=np.object_)}, ("y",))


def test_a_run_that_fails_says_what_the_network_said(tmp_path: Path) -> None:
    engine = opened(tmp_path, small_networks.looking_up(8))

    with pytest.raises((HostError, InputError), match="idx=99"):
        engine.run({"x": np.array([99])}, ("y",))


@pytest.mark.parametrize("content", [b"not a network", b"\x00" * 64, b"PK\x03\x04"])
def test_a_file_that_is_no_network_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"network\.onnx: .*(ONNX file|cannot load)") as caught:
        opened(tmp_path, content)
    assert "ONNXRuntimeError" not in str(caught.value)


def test_an_empty_file_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found an empty one"):
        opened(tmp_path, b"")


@pytest.mark.parametrize(("name", "reason"), [("absent.onnx", "no such file"), ("", "directory")])
def test_a_path_without_a_file_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"cannot read the network: .*{reason}"):
        open_network(str(tmp_path / name))


def test_an_unknown_network_of_the_zoo_is_named() -> None:
    with pytest.raises(InputError, match="bert-tin"):
        open_network("zoo:bert-tinny")


def test_every_error_of_onnx_runtime_is_translated() -> None:
    found = {
        one
        for one in vars(foreign).values()
        if isinstance(one, type) and issubclass(one, BaseException)
    }
    assert found == {*REFUSALS, *FAILURES}
