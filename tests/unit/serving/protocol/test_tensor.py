"""Both forms of a tensor, and what is no tensor."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from heddle.errors import HostError, InputError
from heddle.serving.protocol.datatype import datatype_of, kind_of
from heddle.serving.protocol.tensor import from_bytes, from_json, to_bytes, to_json


def read(datatype: str, shape: list[int], text: str) -> Any:
    return from_json("input 'x'", kind_of(datatype), shape, json.loads(text))


def test_values_may_be_flat_or_nested() -> None:
    flat = read("FP32", [2, 2], "[1, 2.5, 3, 4]")
    nested = read("FP32", [2, 2], "[[1, 2.5], [3, 4]]")

    assert np.array_equal(flat, nested)
    assert flat.dtype == np.float32


@pytest.mark.parametrize(
    ("datatype", "text", "reason"),
    [
        ("FP32", '["NaN", "1"]', "expected numbers in 'data', found texts"),
        ("FP32", "[true, false]", "expected numbers in 'data', found true or false"),
        ("FP32", "[1, null]", "expected numbers in 'data'"),
        ("FP32", "[[1, 2], [3]]", "nested to the same depth"),
        ("FP32", "[1, 2, 3]", r"expected 2 values for the shape \[2\], found 3"),
        ("FP32", "[1e39, 0]", "beyond what its datatype holds"),
        ("FP64", "[1e999, 0]", "beyond what its datatype holds"),
        ("INT8", "[127, 128]", "beyond what its datatype holds"),
        ("UINT8", "[-1, 0]", "beyond what its datatype holds"),
        ("INT64", "[1.5, 2]", "expected whole numbers in 'data', found fractions"),
        ("INT64", "[18446744073709551616, 0]", "beyond what its datatype holds"),
        ("INT64", "[1, [2]]", "nested to the same depth"),
        ("UINT64", "[9223372036854775808, 0.5]", "found fractions"),
        ("UINT64", "[18446744073709551616, true]", "expected whole numbers"),
        ("UINT64", "[18446744073709551616, null]", "expected whole numbers"),
        ("BOOL", "[1, 0]", "expected true and false in 'data', found numbers"),
        ("FP32", '{"a": 1}', "expected a list of values"),
        ("BYTES", '["a", 1]', "expected texts in 'data', found 1"),
        ("BYTES", '["a", "\\ud800"]', "surrogate"),
        ("BYTES", '["a"]', "expected 2 values"),
    ],
)
def test_values_of_another_kind_number_or_size_are_named(
    datatype: str, text: str, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        read(datatype, [2], text)


def test_very_large_whole_numbers_are_not_rounded() -> None:
    assert read("UINT64", [3], "[0, 9223372036854775809, 1]").tolist() == [0, 2**63 + 1, 1]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x05\x00\x00\x00ab", "ends within text 1"),
        (b"\x01\x00\x00\x00a\x01", "ends within text 2"),
        (b"\x01\x00\x00\x00a", "expected 2 values"),
    ],
)
def test_binary_texts_that_break_off_are_named(raw: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        from_bytes("input 'x'", kind_of("BYTES"), [2], memoryview(raw))


def test_too_few_bytes_are_named() -> None:
    with pytest.raises(InputError, match=r"expected 8 bytes for the shape \[2\], found 7"):
        from_bytes("input 'x'", kind_of("FP32"), [2], memoryview(bytes(7)))


@pytest.mark.parametrize("shape", [[0], [0, 3], [2, 0]])
def test_an_empty_tensor_is_one(shape: list[int]) -> None:
    assert read("FP32", shape, "[]").shape == tuple(shape)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_json_cannot_hold_is_said_to_need_binary_data(value: float) -> None:
    with pytest.raises(HostError, match="ask for binary data"):
        to_json("output 'y'", np.array([value]))
    with pytest.raises(HostError, match="ask for binary data"):
        to_json("output 'y'", np.array([b"\xff"], dtype=np.object_))


def test_bytes_are_little_endian_whatever_the_array_is() -> None:
    assert to_bytes(np.array([1], dtype=">i4")) == b"\x01\x00\x00\x00"
    assert datatype_of(np.dtype(">i4")) == "INT32"


def test_an_unknown_datatype_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown datatype 'FP23' \(did you mean"):
        kind_of("FP23")
