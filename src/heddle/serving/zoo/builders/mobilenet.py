"""MobileNet v1: depthwise and pointwise convolutions in turn.

Widths and strides as in Howard et al., "MobileNets", 2017, table 1;
``mobilenet-tiny`` has 32x32 images, which the stem does not shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.serving.zoo.builders.graph import Graph
from heddle.serving.zoo.weights import Weights

#: Output channels and stride of each pair of convolutions.
_PAIRS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
_STEM = 32


@dataclass(frozen=True, slots=True)
class _Shape:
    side: int
    stem_stride: int
    num_classes: int


_SHAPES = {
    "mobilenet": _Shape(side=224, stem_stride=2, num_classes=1000),
    "mobilenet-tiny": _Shape(side=32, stem_stride=1, num_classes=10),
}


def build(name: str, weights: Weights) -> bytes:
    """Return the ONNX file of ``mobilenet`` or ``mobilenet-tiny``."""
    shape = _SHAPES[name]
    graph = Graph(name, weights)
    inputs = _STEM
    image = graph.floats("image", (3, shape.side, shape.side))
    value = _rectified(graph, graph.convolution(image, (inputs, 3, 3), stride=shape.stem_stride))
    for width, stride in _PAIRS:
        depthwise = graph.convolution(value, (inputs, inputs, 3), stride=stride, groups=inputs)
        pointwise = graph.convolution(_rectified(graph, depthwise), (width, inputs, 1))
        value, inputs = _rectified(graph, pointwise), width
    pooled = graph.add("Flatten", graph.add("GlobalAveragePool", value), axis=1)
    scores = graph.add("Softmax", graph.dense(pooled, inputs, shape.num_classes), axis=-1)
    graph.output(scores, "scores", (shape.num_classes,))
    return graph.to_bytes()


def _rectified(graph: Graph, value: str) -> str:
    return graph.add("Relu", value)
