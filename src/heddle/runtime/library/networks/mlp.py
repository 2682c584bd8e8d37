"""A multilayer perceptron: dense layers with ReLU, the simplest network there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.layers import dense
from heddle.runtime.library.networks.topology import Topology
from heddle.runtime.library.vector_math import RELU


def mlp(seed: int, widths: Sequence[int], batch: int = 1) -> BoundNetwork:
    """Dense layers from ``widths[0]`` inputs to ``widths[-1]`` outputs, for ``batch`` rows.

    Raises
    ------
    HostError
        numba is not installed.
    """
    rng = np.random.default_rng(seed)
    drawing = Topology((batch, widths[0]), rng)
    value = drawing.input
    for width in widths[1:-1]:
        value = dense(drawing, value, width, RELU)
    dense(drawing, value, widths[-1])
    example = rng.standard_normal((batch, widths[0])).astype(np.float32)
    return drawing.bind("mlp", example, tolerance=1e-5)
