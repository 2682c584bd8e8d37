"""Cuts an ONNX graph into segments that can run one after the other.

``engines.segments`` runs them. A cut goes where few tensors cross it, and so that segments take
about as long as each other by a count of multiplications. Weights are divided among the segments;
nodes without inputs (constants) are repeated where they are needed. Here, because this package is
the only one that knows the ``onnx`` library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import onnx

#: More segments than this only cost: each has its own call.
MAX_SEGMENTS = 16
#: A cut that this many tensors cross is not worth it.
_MAX_CROSSING = 8
_MATRIX = ("MatMul", "Gemm")


class Segment(NamedTuple):
    """A part of a network: a whole ONNX file, and the tensors that go in and come out."""

    model: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def cut(model: bytes, num_segments: int = MAX_SEGMENTS) -> list[Segment]:
    """Return a network as segments, at most ``num_segments``; one when it cannot be cut.

    Run in order, with the outputs of earlier ones as inputs, they do what the network does.
    """
    whole = onnx.load_model_from_string(model)
    try:
        typed = onnx.shape_inference.infer_shapes(whole)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        return [_whole(whole, model)]
    return _Graph(typed).segments(num_segments) or [_whole(whole, model)]


def _whole(found: onnx.ModelProto, model: bytes) -> Segment:
    weights = {each.name for each in found.graph.initializer}
    inputs = tuple(each.name for each in found.graph.input if each.name not in weights)
    return Segment(model, inputs, tuple(each.name for each in found.graph.output))


class _Graph:
    """A graph with types, and who makes and uses what."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        graph = model.graph
        self._weights = {each.name: each for each in graph.initializer}
        self._sparse = {each.values.name: each for each in graph.sparse_initializer}
        fixed = self._weights.keys() | self._sparse.keys()
        self._inputs = [each.name for each in graph.input if each.name not in fixed]
        self._outputs = [each.name for each in graph.output]
        every = (*graph.input, *graph.value_info, *graph.output)
        self._types = {each.name: each for each in every if each.type.WhichOneof("value")}
        # Nodes without inputs are copied to wherever they are needed.
        self._nodes = [node for node in graph.node if any(_used(node))]
        self._constants = {
            name: node for node in graph.node if not any(_used(node)) for name in node.output
        }
        self._made_at = {
            name: index for index, node in enumerate(self._nodes) for name in node.output if name
        }

    def segments(self, num_segments: int) -> list[Segment]:
        """Return the segments; empty when there is nowhere to cut."""
        cuts = self._cuts(num_segments)
        if not cuts:
            return []
        bounds = [0, *cuts, len(self._nodes)]
        return [self._segment(first, end) for first, end in pairwise(bounds)]

    def _cuts(self, num_segments: int) -> list[int]:
        """Return before which nodes to cut, ascending."""
        costs = [self._cost(node) for node in self._nodes]
        total, reached, at = sum(costs), 0, []
        for cost in costs:
            reached += cost
            at.append(reached / max(total, 1) * num_segments)
        crossing = self._crossing()
        cuts: list[int] = []
        for number in range(1, num_segments):
            near = [
                place
                for place in range(1, len(self._nodes))
                if abs(at[place - 1] - number) <= 0.5 and 0 < crossing[place] <= _MAX_CROSSING
            ]
            if near:
                best = min(near, key=lambda place: (crossing[place], abs(at[place - 1] - number)))
                cuts.append(best)
        return sorted(set(cuts))

    def _crossing(self) -> list[int]:
        """Return how many tensors cross a cut before each node; too many where one has no type."""
        last_use: dict[str, int] = {}
        for index, node in enumerate(self._nodes):
            for name in _used(node):
                if name in self._made_at:
                    last_use[name] = index
        for name in self._outputs:
            last_use.setdefault(name, -1)
        crossing = [0] * (len(self._nodes) + 1)
        for name, last in last_use.items():
            weight = 1 if name in self._types else _MAX_CROSSING + 1
            for place in range(self._made_at.get(name, last) + 1, last + 1):
                crossing[place] += weight
        return crossing

    def _cost(self, node: onnx.NodeProto) -> int:
        """Return about how many multiplications a node takes for one row of a batch."""
        size = prod(self._shape(node.output[0])[1:])
        if node.op_type == "Conv" and len(node.input) > 1:
            return int(size * prod(self._shape(node.input[1])[1:]))
        if node.op_type in _MATRIX:
            return int(size * (self._shape(node.input[0]) or [1])[-1])
        return int(size)

    def _shape(self, name: str) -> list[int]:
        if name in self._weights:
            return list(self._weights[name].dims)
        if name not in self._types:
            return [1]
        dims = self._types[name].type.tensor_type.shape.dim
        return [dim.dim_value if dim.dim_value > 0 else 1 for dim in dims]

    def _segment(self, first: int, end: int) -> Segment:
        """Return the nodes from ``first`` to before ``end`` as a network of their own."""
        nodes = self._nodes[first:end]
        used = dict.fromkeys(name for node in nodes for name in _used(node))
        constants = [self._constants[name] for name in used if name in self._constants]
        inputs = [
            name
            for name in used
            if name in self._inputs or (name in self._made_at and self._made_at[name] < first)
        ]
        later = {name for node in self._nodes[end:] for name in _used(node)} | set(self._outputs)
        outputs = [name for node in nodes for name in node.output if name in later]
        model = onnx.ModelProto()
        model.CopyFrom(_without_graph(self._model))
        graph = model.graph
        graph.name = f"segment {first}"
        graph.node.extend([*_distinct(constants), *nodes])
        graph.initializer.extend(self._weights[name] for name in used if name in self._weights)
        sparse = (self._sparse[name] for name in used if name in self._sparse)
        graph.sparse_initializer.extend(sparse)
        graph.input.extend(self._types[name] for name in inputs)
        graph.output.extend(self._types[name] for name in outputs)
        return Segment(model.SerializeToString(), tuple(inputs), tuple(outputs))


def _without_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model's version, libraries and functions."""
    bare = onnx.ModelProto()
    bare.ir_version = model.ir_version
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    return bare


def _used(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the names that a node reads, those inside its subgraphs included."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        graphs: Sequence[Any] = (attribute.g, *attribute.graphs)
        for graph in graphs:
            for inner in graph.node:
                yield from _used(inner)


def _distinct(nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    found: list[onnx.NodeProto] = []
    for node in nodes:
        if not any(node is other for other in found):
            found.append(node)
    return found
