"""A network in the shape of ResNet (He et al. 2015): bottlenecks whose sums are taken in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.layers import (
    Filters,
    convolution,
    dense,
    global_average,
    joined,
    pool,
)
from heddle.runtime.library.networks.topology import Topology, Value
from heddle.runtime.library.vector_math import NO_ACTIVATION, RELU

CLASSES = 100
#: Holds down what a bottleneck adds, so that fifty of them do not overflow.
BRANCH_GAIN = 0.25


def resnet_like(
    seed: int,
    size: int = 64,
    bottlenecks: Sequence[int] = (2, 2, 2, 2),
    width: int = 16,
    groups: int = 1,
) -> BoundNetwork:
    """ResNet's stem and four stages of bottlenecks, for an image of ``size`` pixels.

    ``bottlenecks`` counts them a stage (3, 8, 36, 3 in ResNet-152); ``width`` is the number of
    channels inside the first stage's bottlenecks (64 in the original); more than one of ``groups``
    makes it a ResNeXt (Xie et al. 2016).

    Raises
    ------
    HostError
        numba is not installed.
    """
    rng = np.random.default_rng(seed)
    drawing = Topology((1, size, size, 3), rng)
    value = convolution(drawing, drawing.input, Filters(width, size=7, stride=2))
    value = pool(drawing, value, size=3, stride=2)
    for stage, count in enumerate(bottlenecks):
        for place in range(count):
            stride = 2 if stage > 0 and place == 0 else 1
            value = _bottleneck(drawing, value, Filters(width << stage, 3, stride, groups))
    dense(drawing, global_average(drawing, value), CLASSES)
    example = rng.standard_normal((1, size, size, 3)).astype(np.float32)
    return drawing.bind("resnet", example, tolerance=1e-4)


def _bottleneck(drawing: Topology, value: Value, middle: Filters) -> Value:
    out_channels = 4 * middle.channels
    inner = convolution(drawing, value, Filters(middle.channels, size=1))
    inner = convolution(drawing, inner, middle)
    wide = Filters(out_channels, size=1, activation=NO_ACTIVATION, gain=BRANCH_GAIN)
    inner = convolution(drawing, inner, wide)
    if value.shape == inner.shape:
        return joined(drawing, inner, value, RELU)
    across = Filters(out_channels, size=1, stride=middle.stride, activation=NO_ACTIVATION)
    return joined(drawing, inner, convolution(drawing, value, across), RELU)
