"""Seeded random weights, scaled so that a network's outputs are finite and depend on its inputs.

``topologies`` and ``builders`` draw every weight from here, in the order of the graph:
same seed, same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[np.float32]

#: Keeps the variance through a rectifier: He et al., "Delving Deep into Rectifiers", 2015.
RECTIFIED = float(np.sqrt(2.0))
#: Of a residual branch, so that sixteen sums in a row do not blow activations up.
BRANCH = 0.5
_SPREAD = 0.1


class Weights:
    """A source of weights by what they are for.

    Parameters
    ----------
    rng
        Every draw comes from it.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def matrix(self, shape: Sequence[int], fan_in: int, gain: float = 1.0) -> Tensor:
        """Return normal weights whose sum over ``fan_in`` inputs has variance ``gain`` squared."""
        return self._normal(shape) * np.float32(gain / np.sqrt(fan_in))

    def bias(self, shape: Sequence[int]) -> Tensor:
        """Return small numbers around 0."""
        return self._normal(shape) * np.float32(_SPREAD)

    def scale(self, shape: Sequence[int], gain: float = 1.0) -> Tensor:
        """Return numbers around ``gain``, all above 0 but for the rarest draws."""
        return np.float32(gain) * (np.float32(1.0) + self._normal(shape) * np.float32(_SPREAD))

    def variance(self, shape: Sequence[int]) -> Tensor:
        """Return variances around 1, all above 0."""
        drawn = self._rng.random(tuple(shape), dtype=np.float32)
        return drawn * np.float32(0.5) + np.float32(0.75)

    def _normal(self, shape: Sequence[int]) -> Tensor:
        return self._rng.standard_normal(tuple(shape), dtype=np.float32)
