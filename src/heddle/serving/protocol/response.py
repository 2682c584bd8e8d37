"""Writes the answer to an inference: JSON, and binary tensors after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from heddle.cluster.json_text import encode
from heddle.serving.engines.engine import Tensors
from heddle.serving.protocol.datatype import datatype_of
from heddle.serving.protocol.request import AskedOutput
from heddle.serving.protocol.tensor import to_bytes, to_json

VERSION = "1"


class Written(NamedTuple):
    """A body; ``json_length`` says where its JSON ends when binary tensors follow."""

    body: bytes
    json_length: int | None


def write_response(
    network: str, request_id: str | None, asked: Sequence[AskedOutput], outputs: Tensors
) -> Written:
    """Return the body of an answer.

    Parameters
    ----------
    network
        As the client called it.
    request_id
        Of the request, if it had one.
    asked
        Outputs in their order, and the form of each.
    outputs
        At least those.

    Raises
    ------
    HostError
        A value is asked for in JSON that JSON cannot hold.
    """
    binary: list[bytes] = []
    members: dict[str, Any] = {"model_name": network, "model_version": VERSION}
    if request_id is not None:
        members["id"] = request_id
    members["outputs"] = [_entry(output, outputs[output.name], binary) for output in asked]
    text = encode(members).encode()
    if not any(output.is_binary for output in asked):
        return Written(text, None)
    return Written(b"".join((text, *binary)), len(text))


def error_body(message: str) -> bytes:
    """Return the protocol's form of an error."""
    return encode({"error": message}).encode("utf-8", "replace")


def _entry(output: AskedOutput, tensor: NDArray[Any], binary: list[bytes]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": output.name,
        "datatype": datatype_of(tensor.dtype),
        "shape": list(tensor.shape),
    }
    if output.is_binary:
        raw = to_bytes(tensor)
        binary.append(raw)
        entry["parameters"] = {"binary_data_size": len(raw)}
    else:
        entry["data"] = to_json(f"output {output.name!r}", tensor)
    return entry
