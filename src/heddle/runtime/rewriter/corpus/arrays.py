"""Arrays that corpus kernels are run on, made from a seeded generator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.runtime.rewriter.corpus.kernel import Array

Random = np.random.Generator


def normal(random: Random, *shape: int) -> NDArray[np.float32]:
    """Return normally distributed 32-bit floats."""
    return random.standard_normal(shape).astype(np.float32)


def halves(random: Random, *shape: int) -> NDArray[np.float16]:
    """Return normally distributed halves."""
    return random.standard_normal(shape).astype(np.float16)


def bfloats(random: Random, *shape: int) -> NDArray[np.uint16]:
    """Return normally distributed bfloat16 as bits."""
    bits = random.standard_normal(shape).astype(np.float32).view(np.uint32) >> np.uint32(16)
    return bits.astype(np.uint16)


def whole_halves(random: Random, *shape: int) -> NDArray[np.float16]:
    """Return small whole numbers as halves: their sums are exact in every order."""
    return random.integers(-4, 5, shape).astype(np.float16)


def whole_floats(random: Random, *shape: int) -> NDArray[np.float32]:
    """Return small whole numbers as floats: their sums are exact in every order."""
    return random.integers(-9, 10, shape).astype(np.float32)


def below(random: Random, limit: int, *shape: int) -> NDArray[np.int32]:
    """Return 32-bit whole numbers from 0 to ``limit - 1``."""
    return random.integers(0, limit, shape).astype(np.int32)


def zeros(kind: Any, *shape: int) -> Array:
    """Return zeros of a type."""
    return np.zeros(shape, dtype=kind)
