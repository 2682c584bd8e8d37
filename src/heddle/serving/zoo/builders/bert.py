"""A BERT-like encoder: embeddings, self-attention, feed-forward layers, a pooled vector.

Devlin et al., "BERT", 2019; widths of ``bert-tiny`` and ``bert-small`` as in Turc et
al., "Well-Read Students Learn Better", 2019. Sequences are full, so there is no mask and
only one kind of segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.serving.zoo.builders.graph import Graph
from heddle.serving.zoo.weights import RECTIFIED, Weights

_VOCABULARY = 30_522
_POSITIONS = 512
_HEAD_WIDTH = 64
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class _Shape:
    num_layers: int
    width: int
    num_tokens: int

    @property
    def num_heads(self) -> int:
        return self.width // _HEAD_WIDTH


_SHAPES = {
    "bert-small": _Shape(num_layers=4, width=512, num_tokens=128),
    "bert-tiny": _Shape(num_layers=2, width=128, num_tokens=128),
}


def build(name: str, weights: Weights) -> bytes:
    """Return the ONNX file of ``bert-small`` or ``bert-tiny``."""
    shape = _SHAPES[name]
    graph = Graph(name, weights)
    value = _embedded(graph, graph.integers("tokens", (shape.num_tokens,)), shape)
    for _ in range(shape.num_layers):
        value = _normalised(graph, graph.add("Add", value, _attention(graph, value, shape)), shape)
        value = _normalised(graph, graph.add("Add", value, _forward(graph, value, shape)), shape)
    first = graph.add("Gather", value, graph.constant(np.array(0, np.int64)), axis=1)
    pooled = graph.add("Tanh", graph.dense(first, shape.width, shape.width))
    graph.output(pooled, "pooled", (shape.width,))
    return graph.to_bytes()


def _embedded(graph: Graph, tokens: str, shape: _Shape) -> str:
    words = graph.constant(graph.weights.matrix((_VOCABULARY, shape.width), 1))
    # Tokens outside the vocabulary would be refused by Gather, with an error of the runtime.
    limits = [graph.constant(np.array(limit, np.int64)) for limit in (0, _VOCABULARY - 1)]
    embedded = graph.add("Gather", words, graph.add("Clip", tokens, *limits), axis=0)
    positions = graph.weights.matrix((shape.num_tokens, shape.width), 1)
    return _normalised(graph, graph.add("Add", embedded, graph.constant(positions)), shape)


def _attention(graph: Graph, value: str, shape: _Shape) -> str:
    queries, keys, values = (
        _heads(graph, value, shape, is_key=is_key) for is_key in (False, True, False)
    )
    products = graph.add("MatMul", queries, keys)
    scaled = graph.add(
        "Mul", products, graph.constant(np.array(1.0 / np.sqrt(_HEAD_WIDTH), np.float32))
    )
    mixed = graph.add("MatMul", graph.add("Softmax", scaled, axis=-1), values)
    joined = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
    flat = np.array([0, shape.num_tokens, shape.width], np.int64)
    return graph.dense(graph.add("Reshape", joined, graph.constant(flat)), shape.width, shape.width)


def _heads(graph: Graph, value: str, shape: _Shape, *, is_key: bool) -> str:
    projected = graph.dense(value, shape.width, shape.width)
    split = np.array([0, shape.num_tokens, shape.num_heads, _HEAD_WIDTH], np.int64)
    heads = graph.add("Reshape", projected, graph.constant(split))
    return graph.add("Transpose", heads, perm=[0, 2, 3, 1] if is_key else [0, 2, 1, 3])


def _forward(graph: Graph, value: str, shape: _Shape) -> str:
    inner = graph.dense(value, shape.width, 4 * shape.width, RECTIFIED)
    return graph.dense(_gelu(graph, inner), 4 * shape.width, shape.width)


def _gelu(graph: Graph, value: str) -> str:
    half, one, root = (
        graph.constant(np.array(number, np.float32)) for number in (0.5, 1.0, np.sqrt(2.0))
    )
    error = graph.add("Erf", graph.add("Div", value, root))
    return graph.add("Mul", graph.add("Mul", value, half), graph.add("Add", error, one))


def _normalised(graph: Graph, value: str, shape: _Shape) -> str:
    scale = graph.constant(graph.weights.scale((shape.width,)))
    bias = graph.constant(graph.weights.bias((shape.width,)))
    return graph.add("LayerNormalization", value, scale, bias, axis=-1, epsilon=_EPSILON)
