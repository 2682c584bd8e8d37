"""Laws of the protocol: what is written is read again, and nothing else gets through."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from heddle.errors import InputError
from heddle.serving.engines.engine import OPEN, Signature, TensorSpec
from heddle.serving.protocol.datatype import datatype_of, kind_of
from heddle.serving.protocol.fitting import fit
from heddle.serving.protocol.request import read_request
from heddle.serving.protocol.tensor import from_bytes, from_json, to_bytes, to_json

_DATATYPES = st.sampled_from(
    ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
     "FP16", "FP32", "FP64", "BYTES"]
)  # fmt: skip
_SIGNATURE = Signature(
    "test",
    (TensorSpec("x", "FP32", (OPEN, OPEN)),),
    (TensorSpec("y", "FP32", (OPEN,)),),
    is_batched=True,
)


@st.composite
def tensors(draw: st.DrawFn) -> NDArray[Any]:
    kind = kind_of(draw(_DATATYPES))
    shape = draw(st_numpy.array_shapes(max_dims=3, max_side=4))
    if kind == np.object_:
        texts = st.text(max_size=5).map(lambda text: text.encode("utf-8", "replace"))
        return draw(st_numpy.arrays(kind, shape, elements=texts))
    if kind.kind == "f":
        elements = st_numpy.from_dtype(kind, allow_nan=False, allow_infinity=False)
        return draw(st_numpy.arrays(kind, shape, elements=elements))
    return draw(st_numpy.arrays(kind, shape))


@given(tensors())
@settings(max_examples=150, deadline=None)
def test_every_tensor_comes_back_the_same_in_both_forms(tensor: NDArray[Any]) -> None:
    kind, shape = kind_of(datatype_of(tensor.dtype)), tensor.shape
    text = json.loads(json.dumps(to_json("x", tensor)))
    raw = memoryview(to_bytes(tensor))

    for found in (from_json("x", kind, shape, text), from_bytes("x", kind, shape, raw)):
        assert found.dtype == tensor.dtype
        assert np.array_equal(found, tensor)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
_ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("x") | _JSON,
        "datatype": _DATATYPES | _JSON,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | _JSON,
        "data": st.lists(st.integers() | st.floats(), max_size=4) | _JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 9)}) | _JSON,
    },
)
_REQUEST = st.fixed_dictionaries(
    {"inputs": st.lists(_ENTRY, max_size=2) | _JSON},
    optional={"id": _JSON, "outputs": st.lists(_ENTRY, max_size=2) | _JSON, "parameters": _JSON},
)


@given(_REQUEST, st.binary(max_size=8))
@settings(max_examples=400, deadline=None)
def test_whatever_comes_is_a_request_or_an_input_error(members: Any, tail: bytes) -> None:
    head = json.dumps(members).encode("utf-8", "surrogatepass")
    with contextlib.suppress(InputError):
        fit(read_request(head + tail, len(head)), _SIGNATURE)


@given(st.binary(max_size=40), st.none() | st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_whatever_bytes_come_are_refused_as_input(body: bytes, length: int | None) -> None:
    with contextlib.suppress(InputError):
        read_request(body, length)
