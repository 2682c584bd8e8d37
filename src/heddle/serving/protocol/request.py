"""Reads a request for an inference: JSON, and binary tensors after it.

``fitting`` goes on with what is read here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from numpy.typing import NDArray

from heddle.errors import InputError
from heddle.serving.protocol.datatype import kind_of
from heddle.serving.protocol.tensor import from_bytes, from_json

#: The header that says where the JSON part of a body ends.
HEADER_LENGTH = b"inference-header-content-length"
_MAX_AXES = 32
_MAX_VALUES = 1 << 40
_MAX_INPUTS = 1024


class AskedOutput(NamedTuple):
    """An output to answer with, and its form."""

    name: str
    is_binary: bool


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What one request asks.

    Attributes
    ----------
    id
        Comes back with the answer, or None.
    inputs
        Tensors by name.
    outputs
        Those asked for; None stands for all.
    is_binary
        The form of outputs that are not named.
    timeout_us
        How long it may wait, microseconds, or None.
    """

    id: str | None
    inputs: Mapping[str, NDArray[Any]]
    outputs: tuple[AskedOutput, ...] | None
    is_binary: bool
    timeout_us: int | None


def read_request(body: bytes, json_length: int | None = None) -> InferenceRequest:
    """Return the request that a body holds.

    Parameters
    ----------
    body
        Everything.
    json_length
        How many bytes of it are JSON, if it says so; the rest are binary tensors.

    Raises
    ------
    InputError
        The body is not of the protocol; the message says what was expected.
    """
    if json_length is None:
        json_length = len(body)
    if json_length > len(body):
        raise InputError(
            f"Inference-Header-Content-Length is {json_length}, but the body has {len(body)} bytes"
        )
    members = _object_of(body[:json_length])
    parameters = _parameters(members, "the request")
    binary = memoryview(body)[json_length:]
    is_binary = _flag(parameters, "binary_data_output", "the request")
    return InferenceRequest(
        id=_id(members),
        inputs=_inputs(members, binary),
        outputs=_outputs(members, is_binary=is_binary),
        is_binary=is_binary,
        timeout_us=_timeout_us(parameters),
    )


def _object_of(raw: bytes) -> dict[str, Any]:
    try:
        members = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the request is not valid JSON: {error}") from error
    if not isinstance(members, dict):
        raise InputError("expected a JSON object with 'inputs'")
    return members


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON's; send it as binary data")


def _id(members: dict[str, Any]) -> str | None:
    found = members.get("id")
    if found is None or isinstance(found, str):
        return found
    raise InputError(f"expected a text as 'id', found {found!r:.60}")


def _timeout_us(parameters: dict[str, Any]) -> int | None:
    found = parameters.get("timeout", 0)
    if type(found) is not int or found < 0:
        message = f"expected whole microseconds, at least 0, as 'timeout', found {found!r:.60}"
        raise InputError(message)
    return found or None


def _inputs(members: dict[str, Any], binary: memoryview) -> dict[str, NDArray[Any]]:
    inputs: dict[str, NDArray[Any]] = {}
    begin = 0
    for entry in _entries(members, "inputs"):
        name = _name(entry, "an input")
        if name in inputs:
            raise InputError(f"input {name!r} stands twice")
        size = _binary_size(entry, name)
        if size is not None and begin + size > len(binary):
            raise InputError(
                f"input {name!r}: expected {size} bytes of binary data, found "
                f"{len(binary) - begin} left in the body"
            )
        inputs[name] = _tensor(entry, name, None if size is None else binary[begin : begin + size])
        begin += size or 0
    if not inputs:
        raise InputError("expected at least one entry in 'inputs'")
    if begin != len(binary):
        raise InputError(f"{len(binary) - begin} bytes are left over after all binary inputs")
    return inputs


def _tensor(entry: dict[str, Any], name: str, binary: memoryview | None) -> NDArray[Any]:
    noun = f"input {name!r}"
    datatype = entry.get("datatype")
    if not isinstance(datatype, str):
        raise InputError(f"{noun}: expected a word such as FP32 as 'datatype'")
    kind, shape = kind_of(datatype), _shape(entry, noun)
    if binary is not None:
        if "data" in entry:
            raise InputError(f"{noun}: found both 'data' and 'binary_data_size'; one is right")
        return from_bytes(noun, kind, shape, binary)
    if "data" not in entry:
        raise InputError(f"{noun}: expected 'data', or 'binary_data_size' in its parameters")
    return from_json(noun, kind, shape, entry["data"])


def _shape(entry: dict[str, Any], noun: str) -> list[int]:
    shape = entry.get("shape")
    if not isinstance(shape, list) or not _is_shape(shape):
        raise InputError(
            f"{noun}: expected a list of whole numbers as 'shape', at most {_MAX_AXES}, "
            f"found {shape!r:.60}"
        )
    return shape


def _is_shape(shape: list[Any]) -> bool:
    if len(shape) > _MAX_AXES or any(type(size) is not int or size < 0 for size in shape):
        return False
    # Also of an empty tensor, or numpy would have to refuse it.
    num_values: int = math.prod(max(1, size) for size in shape)
    return num_values <= _MAX_VALUES


def _binary_size(entry: dict[str, Any], name: str) -> int | None:
    noun = f"input {name!r}"
    parameters = _parameters(entry, noun)
    if "shared_memory_region" in parameters:
        raise InputError(f"{noun}: shared memory is not supported; send its data")
    size = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        message = f"{noun}: expected a number of bytes as 'binary_data_size', found {size!r:.60}"
        raise InputError(message)
    return size


def _outputs(members: dict[str, Any], *, is_binary: bool) -> tuple[AskedOutput, ...] | None:
    if not members.get("outputs"):
        return None
    asked: dict[str, AskedOutput] = {}
    for entry in _entries(members, "outputs"):
        name = _name(entry, "an output")
        if name in asked:
            raise InputError(f"output {name!r} stands twice")
        parameters = _parameters(entry, f"output {name!r}")
        for word in ("classification", "shared_memory_region"):
            if word in parameters:
                raise InputError(f"output {name!r}: {word!r} is not supported; ask for its data")
        asked[name] = AskedOutput(
            name, _flag(parameters, "binary_data", f"output {name!r}", default=is_binary)
        )
    return tuple(asked.values())


def _entries(members: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = members.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"expected a list of objects as {key!r}")
    if len(found) > _MAX_INPUTS:
        raise InputError(f"expected at most {_MAX_INPUTS} entries in {key!r}, found {len(found)}")
    return found


def _name(entry: dict[str, Any], noun: str) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"expected {noun} to have a name, found {name!r:.60}")
    return name


def _parameters(entry: dict[str, Any], noun: str) -> dict[str, Any]:
    found = entry.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"expected an object as 'parameters' of {noun}")
    return found


def _flag(parameters: dict[str, Any], key: str, noun: str, *, default: bool = False) -> bool:
    found = parameters.get(key, default)
    if not isinstance(found, bool):
        raise InputError(f"expected true or false as {key!r} of {noun}, found {found!r:.60}")
    return found
