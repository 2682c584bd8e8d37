"""A network in the shape of VGG-19 (Simonyan and Zisserman 2014): a chain of layers."""

from __future__ import annotations

import numpy as np

from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.layers import Filters, convolution, dense, flatten, pool
from heddle.runtime.library.networks.topology import Topology
from heddle.runtime.library.vector_math import RELU

#: Convolutions between two poolings in VGG-19, and their channels as parts of the greatest.
STAGES = ((2, 8), (2, 4), (4, 2), (4, 1), (4, 1))
CLASSES = 100


def vgg_like(seed: int, size: int = 32, width: int = 128) -> BoundNetwork:
    """VGG-19's nineteen layers with weights for an image of ``size`` pixels, a multiple of 32.

    ``width`` is the greatest number of channels (512 in the original), a multiple of 8.

    Raises
    ------
    HostError
        numba is not installed.
    """
    rng = np.random.default_rng(seed)
    drawing = Topology((1, size, size, 3), rng)
    value = drawing.input
    for convolutions, part in STAGES:
        for _ in range(convolutions):
            value = convolution(drawing, value, Filters(width // part))
        value = pool(drawing, value, size=2, stride=2)
    value = dense(drawing, flatten(value), 4 * width, RELU)
    value = dense(drawing, value, 4 * width, RELU)
    dense(drawing, value, CLASSES)
    example = rng.standard_normal((1, size, size, 3)).astype(np.float32)
    return drawing.bind("vgg", example, tolerance=1e-4)
