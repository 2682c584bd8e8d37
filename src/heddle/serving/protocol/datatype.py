"""The protocol's types of tensor elements and what numpy calls them."""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.errors import InputError, listed, nearest

#: Texts and other bytes of any length; numpy holds them as objects.
BYTES = "BYTES"

_KINDS: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    BYTES: np.dtype(np.object_),
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(datatype: str) -> np.dtype[Any]:
    """Return numpy's type, little-endian; InputError for a word that is none of them."""
    found = _KINDS.get(datatype)
    if found is None:
        message = f"unknown datatype {datatype!r}{nearest(datatype, _KINDS)}"
        raise InputError(f"{message}; allowed: {listed(_KINDS, 20)}")
    return found


def datatype_of(kind: np.dtype[Any]) -> str:
    """Return the protocol's word for a type of numpy's; KeyError when there is none."""
    return _NAMES[kind.newbyteorder("<")]
