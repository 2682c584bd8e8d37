"""ResNet: residual blocks of two convolutions, for large images and for small ones.

ResNet-18 is that of He et al., "Deep Residual Learning for Image Recognition", 2016,
table 1. ``resnet8-32`` has one block a stage on 32x32 images.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.serving.zoo.builders.graph import Graph
from heddle.serving.zoo.weights import BRANCH, Weights


@dataclass(frozen=True, slots=True)
class _Shape:
    side: int
    widths: tuple[int, ...]
    blocks_a_stage: int
    num_classes: int
    has_large_stem: bool


_SHAPES = {
    "resnet18": _Shape(224, (64, 128, 256, 512), 2, 1000, has_large_stem=True),
    "resnet8-32": _Shape(32, (32, 64, 128), 1, 10, has_large_stem=False),
}


def build(name: str, weights: Weights) -> bytes:
    """Return the ONNX file of ``resnet18`` or ``resnet8-32``."""
    shape = _SHAPES[name]
    graph = Graph(name, weights)
    value = _stem(graph, graph.floats("image", (3, shape.side, shape.side)), shape)
    inputs = shape.widths[0]
    for stage, width in enumerate(shape.widths):
        for block in range(shape.blocks_a_stage):
            stride = 2 if stage > 0 and block == 0 else 1
            value = _block(graph, value, (width, inputs), stride)
            inputs = width
    pooled = graph.add("Flatten", graph.add("GlobalAveragePool", value), axis=1)
    scores = graph.add("Softmax", graph.dense(pooled, inputs, shape.num_classes), axis=-1)
    graph.output(scores, "scores", (shape.num_classes,))
    return graph.to_bytes()


def _stem(graph: Graph, image: str, shape: _Shape) -> str:
    width = shape.widths[0]
    if not shape.has_large_stem:
        return graph.add("Relu", graph.convolution(image, (width, 3, 3)))
    value = graph.add("Relu", graph.convolution(image, (width, 3, 7), stride=2))
    return graph.add("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


def _block(graph: Graph, value: str, widths: tuple[int, int], stride: int) -> str:
    outputs, inputs = widths
    first = graph.add("Relu", graph.convolution(value, (outputs, inputs, 3), stride=stride))
    second = graph.convolution(first, (outputs, outputs, 3), gain=BRANCH)
    is_same = stride == 1 and outputs == inputs
    # A shortcut that changes the shape is a convolution of side 1 (option B of the paper).
    shortcut = (
        value
        if is_same
        else graph.convolution(value, (outputs, inputs, 1), stride=stride, gain=1.0)
    )
    return graph.add("Relu", graph.add("Add", second, shortcut))
