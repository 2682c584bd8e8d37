"""A network of separable convolutions, in the shape of MobileNet (Howard et al. 2017)."""

from __future__ import annotations

import numpy as np

from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.layers import Filters, convolution, dense, global_average
from heddle.runtime.library.networks.topology import Topology

#: Step and channels, as a multiple of the stem's, of each separable convolution of MobileNet.
STEPS = (
    *((1, 2), (2, 4), (1, 4), (2, 8), (1, 8), (2, 16)),
    *((1, 16), (1, 16), (1, 16), (1, 16), (1, 16), (2, 32), (1, 32)),
)
CLASSES = 100


def separable_like(seed: int, size: int = 64, width: int = 16) -> BoundNetwork:
    """A stem and thirteen pairs of a depthwise and a pointwise convolution.

    ``size`` is the edge of the image in pixels, ``width`` the stem's channels (32 in the original).

    Raises
    ------
    HostError
        numba is not installed.
    """
    rng = np.random.default_rng(seed)
    drawing = Topology((1, size, size, 3), rng)
    value = convolution(drawing, drawing.input, Filters(width, stride=2))
    for stride, multiple in STEPS:
        channels = value.shape[3]
        value = convolution(drawing, value, Filters(channels, stride=stride, groups=channels))
        value = convolution(drawing, value, Filters(width * multiple, size=1))
    dense(drawing, global_average(drawing, value), CLASSES)
    example = rng.standard_normal((1, size, size, 3)).astype(np.float32)
    return drawing.bind("separable", example, tolerance=1e-4)
