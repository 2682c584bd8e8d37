"""An encoder in the shape of BERT (Devlin et al. 2018), with sums and layer norms in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.layers import (
    attended,
    dense,
    embedded,
    joined,
    normalised,
    probabilities,
)
from heddle.runtime.library.networks.topology import Topology, Value
from heddle.runtime.library.vector_math import GELU

VOCABULARY = 1000


@dataclass(frozen=True)
class EncoderShape:
    """Layers, width, heads (a divisor of the width) and tokens (6, 768, 12 in DistilBERT)."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    tokens: int = 64


def bert_like(seed: int, shape: EncoderShape | None = None) -> BoundNetwork:
    """An encoder with a probability for each of four classes at every token.

    The input is an int64 array of token numbers below ``VOCABULARY``.

    Raises
    ------
    HostError
        numba is not installed.
    """
    chosen = shape or EncoderShape()
    rng = np.random.default_rng(seed)
    drawing = Topology((chosen.tokens,), rng)
    value = embedded(drawing, drawing.input, VOCABULARY, chosen.width)
    value = normalised(drawing, value)
    for _ in range(chosen.layers):
        value = _encode(drawing, value, chosen.heads)
    probabilities(drawing, dense(drawing, value, 4))
    example = rng.integers(0, VOCABULARY, chosen.tokens)
    return drawing.bind("bert", example, tolerance=1e-4)


def _encode(drawing: Topology, value: Value, heads: int) -> Value:
    width = value.shape[1]
    inner = attended(drawing, dense(drawing, value, 3 * width), heads)
    value = normalised(drawing, joined(drawing, dense(drawing, inner, width), value))
    inner = dense(drawing, dense(drawing, value, 4 * width, GELU), width)
    return normalised(drawing, joined(drawing, inner, value))
