"""What a solver is: from a problem to an outcome, within a run's limits.

One file per implementation; ``solvers`` lists them all by name. ``search`` checks
that a solver has the features a problem asks for before it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from heddle.clock import Clock, WallClock
from heddle.optimizer.packing import Packing
from heddle.optimizer.problem import Feature, RmsProblem


@dataclass(frozen=True, slots=True)
class Prices:
    """Dual prices, in nano-units of the objective.

    Attributes
    ----------
    kinds
        By kind, at least 0: what one instance is worth.
    stock
        By pool, at least 0: what one more GPU in stock would save. Every layout of
        a pool is worth at most the pool's cost plus its stock price.
    """

    kinds: tuple[int, ...]
    stock: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a solver found.

    Attributes
    ----------
    packing
        The best plan, or None when none was found.
    prices
        Prices that prove a bound; None lets ``search`` take those of the relaxation.
    search_bound
        A lower bound in nano-units that a complete search proved, or None.
    is_infeasible
        Whether the solver proved that no plan exists.
    statistics
        Whatever tells how the search went, for ``compare`` and ``--json``.
    """

    packing: Packing | None
    prices: Prices | None = None
    search_bound: int | None = None
    is_infeasible: bool = False
    statistics: Mapping[str, float | int | str | list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a long run says of itself: best plan and bound so far, in GPUs or price."""

    phase: str
    best: float | None = None
    bound: float | None = None


class Run:
    """The limits and the surroundings of one solver run.

    Parameters
    ----------
    seed
        Of every random choice; equal seeds give equal plans.
    time_limit_s
        Seconds from construction, or None for no limit.
    clock
        Where time comes from.
    should_stop
        Polled by solvers; True asks for the best answer so far (Ctrl-C).
    on_progress
        Called with every :class:`Progress`.
    """

    def __init__(
        self,
        seed: int = 0,
        time_limit_s: float | None = None,
        clock: Clock | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.seed = seed
        self.clock = clock or WallClock()
        self._started_s = self.clock.now_s()
        self._time_limit_s = time_limit_s
        self._should_stop = should_stop
        self._on_progress = on_progress

    def generator(self) -> np.random.Generator:
        """Return a new generator for this run's seed."""
        return np.random.default_rng(self.seed)

    def elapsed_s(self) -> float:
        """Return the seconds since the run began."""
        return self.clock.now_s() - self._started_s

    def remaining_s(self) -> float | None:
        """Return the seconds left, at least 0, or None without a limit."""
        if self._time_limit_s is None:
            return None
        return max(0.0, self._time_limit_s - self.elapsed_s())

    def is_over(self) -> bool:
        """Whether the solver should return what it has now."""
        return self._should_stop() or self.remaining_s() == 0.0

    def was_stopped(self) -> bool:
        """Whether the user asked for the end."""
        return self._should_stop()

    def report(self, phase: str, best: float | None = None, bound: float | None = None) -> None:
        """Tell whoever watches how far the run is."""
        self._on_progress(Progress(phase, best, bound))


class Solver(Protocol):
    """A way to plan. ``features`` are what it can honour; others are refused by name."""

    @property
    def name(self) -> str:
        """As named in the CLI."""
        ...

    @property
    def features(self) -> frozenset[Feature]:
        """What a problem may ask of it."""
        ...

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the best outcome within the run's limits."""
        ...
