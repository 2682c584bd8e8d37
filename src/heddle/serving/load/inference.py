"""Requests of the Open Inference Protocol for a network, made of its metadata.

``inference_requests`` asks the service what its inputs are and fills them with seeded
random values; ``reference_checks`` are for those who can say what is right. The binary
tensor extension is used: JSON numbers would cost the generator more than the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heddle.errors import HostError
from heddle.serving.load.connection import Address, Answer, ConnectionPool
from heddle.serving.load.requests import Request, http_request

#: Says where the JSON part of a body ends.
HEADER_LENGTH = "Inference-Header-Content-Length"
_NUMPY = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
#: Whole inputs are mostly ids of words; every vocabulary has so many.
_NUM_IDS = 100
#: Where the network leaves an axis open that is not the batch.
_OPEN_AXIS = 16
_PATIENCE_S = 30.0

Tensors = Mapping[str, NDArray[Any]]
#: Returns the right outputs for the inputs of one request.
Reference = Callable[[Tensors], Tensors]


class Tolerance(NamedTuple):
    """How far an output may be from the reference: batching changes the last bits."""

    relative: float = 1e-3
    absolute: float = 1e-4


async def inference_requests(
    address: Address, network: str, num_inputs: int, seed: int, reference: Reference | None = None
) -> list[Request]:
    """Return different requests for the network that a service runs.

    Parameters
    ----------
    address
        Of the service.
    network
        Its name, or the service's, in the paths of the protocol.
    num_inputs
        How many different ones, at least 1.
    seed
        Of their values.
    reference
        Says what is right; None accepts every answer with a 200.

    Raises
    ------
    HostError
        Nobody listens, the network is not known there, or has inputs that cannot be
        made up.
    """
    inputs = await _metadata_inputs(address, network)
    generator = np.random.default_rng(seed)
    requests = []
    for _ in range(num_inputs):
        tensors = {entry["name"]: _random(entry, network, generator) for entry in inputs}
        expected = None if reference is None else reference(tensors)
        wire = infer_wire(address, network, tensors)
        requests.append(Request(wire, None if expected is None else _check(expected)))
    return requests


def infer_wire(address: Address, network: str, tensors: Tensors) -> bytes:
    """Return the whole HTTP request that asks for an inference of these inputs."""
    head = {
        "inputs": [
            {
                "name": name,
                "shape": list(tensor.shape),
                "datatype": _datatype(tensor),
                "parameters": {"binary_data_size": tensor.nbytes},
            }
            for name, tensor in tensors.items()
        ],
        "parameters": {"binary_data_output": True},
    }
    encoded = json.dumps(head).encode()
    body = encoded + b"".join(np.ascontiguousarray(one).tobytes() for one in tensors.values())
    headers = {HEADER_LENGTH: str(len(encoded)), "content-type": "application/octet-stream"}
    return http_request("POST", f"/v2/models/{network}/infer", address, headers, body)


def outputs_of(answer: Answer) -> dict[str, NDArray[Any]]:
    """Return the outputs in an answer; ValueError when it is none of this form."""
    lengths = [value for name, value in answer.headers if name == HEADER_LENGTH.lower()]
    length = int(lengths[0]) if lengths else len(answer.body)
    head = json.loads(answer.body[:length])
    outputs = {}
    begin = length
    for entry in head["outputs"]:
        kind, shape = _NUMPY[entry["datatype"]], entry["shape"]
        size = entry.get("parameters", {}).get("binary_data_size")
        if size is None:
            outputs[entry["name"]] = np.array(entry["data"], dtype=kind).reshape(shape)
            continue
        raw = answer.body[begin : begin + size]
        outputs[entry["name"]] = np.frombuffer(raw, dtype=kind).reshape(shape)
        begin += size
    return outputs


def _check(expected: Tensors, tolerance: Tolerance | None = None) -> Callable[[Answer], bool]:
    allowed = tolerance or Tolerance()

    def is_right(answer: Answer) -> bool:
        try:
            found = outputs_of(answer)
        except (ValueError, KeyError, TypeError):
            return False
        return expected.keys() <= found.keys() and all(
            found[name].shape == right.shape
            and np.allclose(found[name], right, allowed.relative, allowed.absolute)
            for name, right in expected.items()
        )

    return is_right


async def _metadata_inputs(address: Address, network: str) -> Sequence[Mapping[str, Any]]:
    pool = ConnectionPool(address)
    try:
        await pool.require()
        request = http_request("GET", f"/v2/models/{network}", address, {})
        answer = await pool.ask(request, _PATIENCE_S)
    finally:
        pool.close()
    try:
        if answer.status == 200:
            inputs: Sequence[Mapping[str, Any]] = json.loads(answer.body)["inputs"]
            return inputs
    except (ValueError, KeyError, TypeError):
        pass
    said = answer.body[:200].decode("utf-8", "replace")
    raise HostError(
        f"http://{address.host}:{address.port}/v2/models/{network}: expected the metadata of a "
        f"network, found status {answer.status}: {said}"
    )


def _random(entry: Mapping[str, Any], network: str, generator: np.random.Generator) -> NDArray[Any]:
    kind = _NUMPY.get(entry["datatype"])
    if kind is None:
        raise HostError(
            f"{network}: input {entry['name']!r} is of type {entry['datatype']}, for which no "
            "values can be made up"
        )
    shape = [_axis(size, is_first=index == 0) for index, size in enumerate(entry["shape"])]
    if np.issubdtype(kind, np.floating):
        return generator.standard_normal(shape).astype(kind)
    if kind is np.bool_:
        return generator.integers(0, 2, shape).astype(kind)
    return generator.integers(0, _NUM_IDS, shape).astype(kind)


def _axis(size: int, *, is_first: bool) -> int:
    if size > 0:
        return size
    return 1 if is_first else _OPEN_AXIS


def _datatype(tensor: NDArray[Any]) -> str:
    return next(name for name, kind in _NUMPY.items() if tensor.dtype == kind)
