"""What a CMS algorithm is, and what it returns.

One file per implementation; ``algorithms`` lists them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from heddle.errors import InterruptedRunError, NoPlanError
from heddle.linear_program import Limits
from heddle.optimizer.cms.problem import CmsProblem
from heddle.optimizer.cms.schedule import CmsSchedule
from heddle.optimizer.solver import Run

Statistic = float | int | str


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What is proved of a result: machines ≤ ``factor`` · optimum + ``extra``.

    ``formula`` is the same as text, with the symbols of the proof.
    """

    formula: str
    factor: float
    extra: float = 0.0

    def most_machines(self, optimum: int) -> int:
        """Return the largest number of machines that it allows at this optimum."""
        return int(self.factor * optimum + self.extra + 1e-9)


@dataclass(frozen=True, slots=True)
class CmsResult:
    """What an algorithm found.

    Attributes
    ----------
    algorithm
        Its name.
    schedule
        A legal schedule.
    lower_bound
        No schedule has fewer machines; from exact arithmetic on the dual prices of a
        relaxation, or from a complete search where ``guarantee`` says optimal.
    guarantee
        How far from the optimum the schedule can be at most, before any look at the
        bound.
    statistics
        How it went; ``lp_value`` is the value of the relaxation.
    """

    algorithm: str
    schedule: CmsSchedule
    lower_bound: int
    guarantee: Guarantee
    statistics: Mapping[str, Statistic] = field(default_factory=dict)

    @property
    def is_proved_optimal(self) -> bool:
        """Whether the bound shows that no schedule is better."""
        return self.schedule.num_machines == self.lower_bound


class CmsAlgorithm(Protocol):
    """A way to solve CMS problems with a guarantee."""

    @property
    def name(self) -> str:
        """As named in the CLI."""
        ...

    def solve(self, problem: CmsProblem, run: Run) -> CmsResult:
        """Return a legal schedule with its guarantee.

        Raises
        ------
        NoPlanError
            The time limit came before the first schedule.
        InterruptedRunError
            The run was stopped before the first schedule.
        UnsupportedError
            The problem has too many configurations to spell out.
        """
        ...


def limits_of(run: Run) -> Limits:
    """Return the run's limits for one solve."""
    return Limits(time_s=run.remaining_s(), should_stop=run.is_over)


def give_up(run: Run) -> NoReturn:
    """Raise the error for a run that ended before its first schedule."""
    if run.was_stopped():
        raise InterruptedRunError("stopped before the first schedule was found")
    raise NoPlanError("the time limit came before the first schedule; allow more time")


def stopped_early(machines: int, lower_bound: int) -> Guarantee:
    """Return what still holds when a run ended too early for the proved guarantee."""
    return Guarantee(
        f"stopped early: {machines} machines where at least {lower_bound} are needed",
        machines / lower_bound,
    )
