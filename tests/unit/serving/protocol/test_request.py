"""Reading requests, and holding them against a network."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from heddle.errors import InputError
from heddle.serving.engines.engine import OPEN, Signature, TensorSpec
from heddle.serving.protocol.fitting import FittingRequest, fit
from heddle.serving.protocol.request import AskedOutput, InferenceRequest, read_request
from heddle.serving.protocol.response import error_body, write_response

_SIGNATURE = Signature(
    "test",
    (TensorSpec("a", "FP32", (OPEN, 2)), TensorSpec("b", "INT64", (OPEN,))),
    (TensorSpec("y", "FP32", (OPEN, 2)), TensorSpec("z", "FP32", (OPEN,))),
    is_batched=True,
)


def entry(name: str, datatype: str, shape: list[int], data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def members(**more: Any) -> dict[str, Any]:
    inputs = [entry("b", "INT64", [1], [7]), entry("a", "FP32", [1, 2], [1, 2])]
    return {"inputs": inputs, **more}


def read(raw: Any) -> InferenceRequest:
    return read_request(json.dumps(raw).encode())


def fitted(*inputs: dict[str, Any], **more: Any) -> FittingRequest:
    return fit(read({"inputs": list(inputs), **more}), _SIGNATURE)


def test_binary_tensors_follow_the_json_in_the_order_of_their_inputs() -> None:
    one, two = np.array([[1, 2]], dtype=np.float32), np.array([5])
    inputs: list[dict[str, Any]] = [
        {"name": name, "datatype": datatype, "shape": list(tensor.shape),
         "parameters": {"binary_data_size": tensor.nbytes}}
        for name, datatype, tensor in (("a", "FP32", one), ("b", "INT64", two))
    ]  # fmt: skip
    head = json.dumps({"inputs": inputs}).encode()
    found = read_request(head + one.tobytes() + two.tobytes(), len(head))

    assert np.array_equal(found.inputs["a"], one)
    assert np.array_equal(found.inputs["b"], two)


def test_the_id_the_outputs_and_the_timeout_are_read() -> None:
    asked = [{"name": "y", "parameters": {"binary_data": True}}, {"name": "z"}]
    found = read(members(id="17", outputs=asked, parameters={"timeout": 2500}))

    assert found.id == "17"
    assert found.outputs == (AskedOutput("y", is_binary=True), AskedOutput("z", is_binary=False))
    assert found.timeout_us == 2500


def test_without_outputs_all_are_asked_for_in_the_form_of_the_request() -> None:
    found = fit(read(members(parameters={"binary_data_output": True})), _SIGNATURE)

    assert found.outputs == (AskedOutput("y", is_binary=True), AskedOutput("z", is_binary=True))
    assert list(found.inputs) == ["a", "b"]
    assert found.num_rows == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "expected a JSON object"),
        (b"{}", "expected a list of objects as 'inputs'"),
        (b'{"inputs": []}', "at least one entry in 'inputs'"),
        (b'{"inputs": [1]}', "expected a list of objects"),
        (b'{"inputs": [{}]}', "expected an input to have a name"),
        (b'{"inputs": [{"name": "a"}]}', "input 'a': expected a word such as FP32"),
        (b'{"inputs": [{"name": "a", "datatype": "FP32", "shape": [NaN]}]}', "NaN is not a number"),
        (b'{"inputs": [], "id": 7}', "expected a text as 'id'"),
    ],
)
def test_a_body_that_is_no_request_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_request(body)


@pytest.mark.parametrize("shape", [None, "2", [-1], [1.0], [True], [2] * 33, [0, 2**40, 2**40]])
def test_a_shape_that_is_none_is_named(shape: Any) -> None:
    with pytest.raises(InputError, match="expected a list of whole numbers as 'shape'"):
        read({"inputs": [entry("a", "FP32", shape, [])]})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"parameters": []}, "expected an object as 'parameters'"),
        ({"parameters": {"timeout": -1}}, "microseconds"),
        ({"parameters": {"timeout": 1.5}}, "microseconds"),
        ({"parameters": {"binary_data_output": 1}}, "expected true or false"),
        ({"outputs": [{"name": "y"}, {"name": "y"}]}, "output 'y' stands twice"),
        ({"outputs": [{"name": "y", "parameters": {"classification": 3}}]}, "'classification'"),
    ],
)
def test_parameters_and_outputs_that_are_wrong_are_named(more: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(members(**more))


@pytest.mark.parametrize(
    ("size", "tail", "reason"),
    [
        (8, b"1234", "expected 8 bytes of binary data, found 4 left"),
        (8, b"123456789abc", "4 bytes are left over"),
        (-1, b"", "expected a number of bytes"),
        (7, b"1234567", "expected 8 bytes for the shape"),
    ],
)
def test_binary_data_that_does_not_add_up_is_named(size: int, tail: bytes, reason: str) -> None:
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "a",
                    "datatype": "FP32",
                    "shape": [1, 2],
                    "parameters": {"binary_data_size": size},
                }
            ]
        }
    ).encode()
    with pytest.raises(InputError, match=reason):
        read_request(head + tail, len(head))


def test_more_json_than_there_is_body_is_named() -> None:
    with pytest.raises(InputError, match="is 99, but the body has 2 bytes"):
        read_request(b"{}", 99)


_A, _B = entry("a", "FP32", [1, 2], [1, 2]), entry("b", "INT64", [1], [7])


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([_A], "input 'b' is missing"),
        ([_A, _B, entry("c", "FP32", [1], [1])], "no input 'c'"),
        ([_A, _A, _B], "input 'a' stands twice"),
        ([_A, entry("b", "INT32", [1], [7])], "input 'b': expected datatype INT64, found INT32"),
        ([entry("a", "FP32", [1, 3], [1, 2, 3]), _B], r"expected the shape \[-1, 2\], found \[1"),
        ([entry("a", "FP32", [2], [1, 2]), _B], r"expected the shape \[-1, 2\], found \[2\]"),
        ([_A, entry("b", "INT64", [2], [7, 8])], "same axis 0, found a: 1, b: 2"),
        ([entry("a", "FP32", [0, 2], []), entry("b", "INT64", [0], [])], "at least one row"),
    ],
)
def test_inputs_that_are_not_the_networks_are_named(
    inputs: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        fitted(*inputs)


def test_an_output_that_the_network_does_not_have_is_named() -> None:
    with pytest.raises(InputError, match="no output 'yy'"):
        fitted(_A, _B, outputs=[{"name": "yy"}])


def test_an_answer_holds_what_was_asked_in_the_form_that_was_asked() -> None:
    outputs: dict[str, NDArray[Any]] = {
        "y": np.array([[1.5, 2]], dtype=np.float32),
        "z": np.array([7], dtype=np.float32),
        "unasked": np.zeros(3),
    }
    asked = (AskedOutput("z", is_binary=True), AskedOutput("y", is_binary=False))
    written = write_response("net", "17", asked, outputs)
    head = json.loads(written.body[: written.json_length])

    assert (head["model_name"], head["model_version"], head["id"]) == ("net", "1", "17")
    assert head["outputs"] == [
        {"name": "z", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}},
        {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]},
    ]
    assert written.body[written.json_length :] == outputs["z"].tobytes()


def test_an_error_is_an_object_with_one_sentence() -> None:
    assert json.loads(error_body('no "network" ä')) == {"error": 'no "network" ä'}
