"""How long commands take: drawn from a distribution around the table of action times.

A command's duration depends on the seed and on its id, not on what was drawn before:
whoever runs the same commands again, in whatever order, sees the same world.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

import numpy as np

from heddle.cluster.command import Command
from heddle.cluster.gpu import Gpu
from heddle.transition.action_times import ActionTimes

#: The coefficient of variation that is used where none is stated.
DEFAULT_VARIATION = 0.2


class Distribution(Protocol):
    """Durations around a mean."""

    def draw_s(self, mean_s: float, generator: Callable[[], np.random.Generator]) -> float:
        """Return a duration of at least 0 s; ``generator`` is made only where it is needed."""
        ...


class Exact:
    """Everything takes exactly its mean."""

    def draw_s(self, mean_s: float, generator: Callable[[], np.random.Generator]) -> float:
        """Return the mean."""
        del generator
        return mean_s


class LogNormal:
    """Log-normal durations: never negative, now and then much longer than the mean.

    Parameters
    ----------
    variation
        The coefficient of variation, standard deviation over mean; above 0.
    """

    def __init__(self, variation: float = DEFAULT_VARIATION) -> None:
        if not 0.0 < variation < math.inf:
            raise ValueError(f"a variation is above 0, got {variation}")
        self._variance_of_log = math.log1p(variation**2)

    def draw_s(self, mean_s: float, generator: Callable[[], np.random.Generator]) -> float:
        """Return a duration; its mean is ``mean_s``."""
        sigma = math.sqrt(self._variance_of_log)
        deviation = float(generator().standard_normal())
        return mean_s * math.exp(sigma * deviation - self._variance_of_log / 2)


def distribution_of(variation: float) -> Distribution:
    """Return the distribution with this coefficient of variation; exact for 0."""
    return LogNormal(variation) if variation else Exact()


class Durations:
    """Draws how long each command takes.

    Parameters
    ----------
    times
        The mean of every action on every GPU.
    distribution
        What is drawn around it.
    seed
        Of all draws.
    """

    def __init__(
        self, times: ActionTimes, distribution: Distribution | None = None, seed: int = 0
    ) -> None:
        self._times = times
        self._distribution = distribution or LogNormal()
        self._seed = seed

    def draw_s(self, command: Command, gpu: Gpu) -> float:
        """Return how long a command takes, seconds; the same whenever it is asked."""

        def generator() -> np.random.Generator:
            digest = blake2b(command.id.encode(), digest_size=16).digest()
            return np.random.default_rng([self._seed, int.from_bytes(digest)])

        mean_s = self._times.estimate_s(command.action, gpu)
        return self._distribution.draw_s(mean_s, generator)
