"""The two forms of a tensor: JSON numbers and raw bytes, both read as strictly as a file.

Every objection is an InputError that names the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.errors import HostError, InputError

#: Of every text in a binary tensor comes its length first.
_LENGTH_BYTES = 4
_SHOWN = 60


def from_json(name: str, kind: np.dtype[Any], shape: Sequence[int], raw: Any) -> NDArray[Any]:
    """Return the tensor that a JSON list holds, flat or nested, in row-major order."""
    if not isinstance(raw, list):
        raise InputError(f"{name}: expected a list of values in 'data', found {_described(raw)}")
    if kind == np.object_:
        return _texts(name, shape, raw)
    try:
        found = np.array(raw)
    except (ValueError, OverflowError) as error:
        message = f"{name}: expected values in 'data', all nested to the same depth"
        raise InputError(message) from error
    require_count(name, found.size, shape)
    if found.size == 0:
        return np.empty(shape, dtype=kind)
    if kind.kind in "iu":
        return _whole_numbers(name, kind, found, raw).reshape(shape)
    if found.dtype.kind not in ("b" if kind.kind == "b" else "iuf"):
        raise InputError(f"{name}: expected {_WORDS[kind.kind]} in 'data', found {_odd(found)}")
    with np.errstate(over="ignore"):
        cast = found.astype(kind)
    if kind.kind == "f" and not np.isfinite(cast).all():
        raise _beyond(name)
    return cast.reshape(shape)


def from_bytes(
    name: str, kind: np.dtype[Any], shape: Sequence[int], raw: memoryview
) -> NDArray[Any]:
    """Return the tensor that bytes hold: elements one after the other, little-endian."""
    if kind == np.object_:
        return _binary_texts(name, shape, raw)
    need = math.prod(shape) * kind.itemsize
    if len(raw) != need:
        raise InputError(
            f"{name}: expected {need} bytes for the shape {list(shape)}, found {len(raw)}"
        )
    return np.frombuffer(raw, dtype=kind).reshape(shape)


def to_json(name: str, tensor: NDArray[Any]) -> list[Any]:
    """Return a tensor as a flat list; HostError for what JSON cannot hold."""
    if tensor.dtype == np.object_:
        return [_text(name, item) for item in tensor.ravel()]
    if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
        raise HostError(
            f"{name}: the network answered with NaN or infinity, which JSON cannot hold; ask for "
            "binary data to see it"
        )
    values: list[Any] = tensor.ravel().tolist()
    return values


def to_bytes(tensor: NDArray[Any]) -> bytes:
    """Return the elements of a tensor, one after the other, little-endian."""
    if tensor.dtype == np.object_:
        return b"".join(
            len(item).to_bytes(_LENGTH_BYTES, "little") + item for item in tensor.ravel()
        )
    little = tensor.dtype.newbyteorder("<")
    return tensor.astype(little, copy=False).tobytes()


def require_count(name: str, found: int, shape: Sequence[int]) -> None:
    """Raise InputError when there are not as many elements as the shape says."""
    need = math.prod(shape)
    if found != need:
        raise InputError(
            f"{name}: expected {need} values for the shape {list(shape)}, found {found}"
        )


_WORDS = {"b": "true and false", "i": "whole numbers", "u": "whole numbers", "f": "numbers"}


def _whole_numbers(
    name: str, kind: np.dtype[Any], found: NDArray[Any], raw: list[Any]
) -> NDArray[Any]:
    exact = found if found.dtype.kind in "iu" else _exact(found, raw)
    if exact is None:
        raise InputError(f"{name}: expected {_WORDS[kind.kind]} in 'data', found {_odd(found)}")
    bounds = np.iinfo(kind)
    if int(exact.min()) < bounds.min or int(exact.max()) > bounds.max:
        raise _beyond(name)
    return exact.astype(kind)


def _exact(found: NDArray[Any], raw: list[Any]) -> NDArray[Any] | None:
    """Return whole numbers that numpy took for others; None when there is anything else.

    Of small and very large ones together it makes floats, which round.
    """
    if found.dtype.kind not in "fO":
        return None
    exact = np.array(raw, dtype=np.object_)
    return exact if all(type(value) is int for value in exact.ravel()) else None


def _beyond(name: str) -> InputError:
    return InputError(f"{name}: a value in 'data' is beyond what its datatype holds")


def _texts(name: str, shape: Sequence[int], raw: list[Any]) -> NDArray[Any]:
    flat: list[bytes] = []
    pending = [iter(raw)]
    while pending:
        for item in pending[-1]:
            if isinstance(item, list):
                pending.append(iter(item))
                break
            if not isinstance(item, str):
                raise InputError(f"{name}: expected texts in 'data', found {_described(item)}")
            flat.append(_encoded(name, item))
        else:
            pending.pop()
    require_count(name, len(flat), shape)
    return _objects(flat, shape)


def _encoded(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name}: a text in 'data' holds half of a surrogate pair") from error


def _binary_texts(name: str, shape: Sequence[int], raw: memoryview) -> NDArray[Any]:
    found: list[bytes] = []
    begin = 0
    while begin < len(raw):
        end = begin + _LENGTH_BYTES
        length = int.from_bytes(raw[begin:end], "little")
        if end + length > len(raw) or end > len(raw):
            raise InputError(f"{name}: the binary data ends within text {len(found) + 1}")
        found.append(bytes(raw[end : end + length]))
        begin = end + length
    require_count(name, len(found), shape)
    return _objects(found, shape)


def _objects(items: list[bytes], shape: Sequence[int]) -> NDArray[Any]:
    array = np.empty(len(items), dtype=np.object_)
    array[:] = items
    return array.reshape(shape)


def _text(name: str, item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError as error:
        message = f"{name}: an output is not UTF-8, which JSON needs; ask for binary data"
        raise HostError(message) from error


def _odd(found: NDArray[Any]) -> str:
    names = {"f": "fractions", "U": "texts", "b": "true or false", "i": "numbers", "u": "numbers"}
    return names.get(found.dtype.kind, "something else")


def _described(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
