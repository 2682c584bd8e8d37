"""ONNX networks of a few operators, each with one property that tests need."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_FLOAT, _INT64, _STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
Shape = tuple[str | int, ...]


def _network(
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, int, Shape]],
    outputs: list[tuple[str, int, Shape]],
    weights: list[onnx.TensorProto] | None = None,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        weights or [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    encoded: bytes = model.SerializeToString()
    return encoded


def doubling(batch: str | int = "n", width: str | int = 4) -> bytes:
    """``y = x + x``, and ``total``, the sum of each row; batch and width as told."""
    return _network(
        [
            helper.make_node("Add", ["x", "x"], ["y"]),
            helper.make_node("ReduceSum", ["x", "axes"], ["total"], keepdims=1),
        ],
        [("x", _FLOAT, (batch, width))],
        [("y", _FLOAT, (batch, width)), ("total", _FLOAT, (batch, 1))],
        [numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")],
    )


def looking_up(num_rows: int = 8) -> bytes:
    """``y = table[x]`` for whole numbers; the network fails on one beyond the table."""
    table = np.arange(num_rows, dtype=np.float32)[:, None] * 10
    return _network(
        [helper.make_node("Gather", ["table", "x"], ["y"])],
        [("x", _INT64, ("n",))],
        [("y", _FLOAT, ("n", 1))],
        [numpy_helper.from_array(table, "table")],
    )


def centring() -> bytes:
    """``y = x - mean over the batch``: rows depend on each other."""
    return _network(
        [
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["x", "mean"], ["y"]),
        ],
        [("x", _FLOAT, ("n", 4))],
        [("y", _FLOAT, ("n", 4))],
    )


def echoing_texts() -> bytes:
    """``y = x`` for texts."""
    return _network(
        [helper.make_node("Identity", ["x"], ["y"])],
        [("x", _STRING, ("n", "m"))],
        [("y", _STRING, ("n", "m"))],
    )


def adding_two(second: Shape = ("n", 4)) -> bytes:
    """``y = a + b``; the second input is of the shape told."""
    return _network(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        [("a", _FLOAT, ("n", 4)), ("b", _FLOAT, second)],
        [("y", _FLOAT, ("n", 4))],
    )


def dividing() -> bytes:
    """``y = 1 / x``: infinite for 0."""
    return _network(
        [helper.make_node("Reciprocal", ["x"], ["y"])],
        [("x", _FLOAT, ("n", 1))],
        [("y", _FLOAT, ("n", 1))],
    )
