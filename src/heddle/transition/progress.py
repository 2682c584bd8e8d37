"""How far an execution is, and how it ended: what whoever watches is told."""

from __future__ import annotations

from typing import NamedTuple

from heddle.cluster.deployment import Deployment
from heddle.transition.execution.decision import Decision
from heddle.transition.execution.journal_state import ExecutionOutcome, JournalState
from heddle.transition.execution.leg import Purpose
from heddle.transition.execution.leg_state import Stage
from heddle.units import MICRO


class ServiceRate(NamedTuple):
    """A service's rate beside what it is promised, requests/s."""

    service: str
    rate_rps: float
    floor_rps: float

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept."""
        return self.rate_rps >= self.floor_rps


class ExecutionProgress(NamedTuple):
    """A moment of an execution.

    Attributes
    ----------
    purpose, leg
        Where it leads now, and the how-manieth plan this is.
    num_done, num_running, num_steps
        Steps of that plan.
    elapsed_s
        Since the beginning, without the times when nobody carried it out.
    services
        What serves by the journal: counted from the end of its start to the intention
        of its stop.
    last
        What happened last, and why.
    """

    purpose: Purpose
    leg: int
    num_done: int
    num_running: int
    num_steps: int
    elapsed_s: float
    services: tuple[ServiceRate, ...]
    last: Decision | None


class ExecutionResult(NamedTuple):
    """How an execution ended, or where it paused.

    Attributes
    ----------
    outcome
        ``PAUSED`` goes on with the next run; the others are final.
    deployment
        What is served now, as far as the nodes answered.
    num_done
        Steps carried out, of all plans.
    num_retries, num_replans
        Attempts beyond the first, and plans beyond the first.
    least
        The least rate of every service at any moment, beside its floor.
    elapsed_s
        Without the times when nobody carried it out.
    decisions
        What went otherwise than planned, and the end.
    """

    outcome: ExecutionOutcome
    deployment: Deployment
    num_done: int
    num_retries: int
    num_replans: int
    least: tuple[ServiceRate, ...]
    elapsed_s: float
    decisions: tuple[Decision, ...]


def progress_of(state: JournalState, elapsed_s: float, last: Decision | None) -> ExecutionProgress:
    """Return where an execution is."""
    leg = state.leg
    return ExecutionProgress(
        purpose=leg.leg.purpose,
        leg=leg.leg.number,
        num_done=leg.count(Stage.DONE),
        num_running=leg.count(Stage.OPEN),
        num_steps=len(leg.leg.steps),
        elapsed_s=elapsed_s,
        services=_beside_floors(state, leg.rates_micro),
        last=last,
    )


def result_of(
    state: JournalState, outcome: ExecutionOutcome, deployment: Deployment, elapsed_s: float
) -> ExecutionResult:
    """Return how an execution ended."""
    return ExecutionResult(
        outcome=outcome,
        deployment=deployment,
        num_done=state.num_done,
        num_retries=state.num_retries,
        num_replans=state.num_replans,
        least=_beside_floors(state, state.least_micro),
        elapsed_s=elapsed_s,
        decisions=tuple(state.decisions),
    )


def _beside_floors(state: JournalState, rates_micro: dict[str, int]) -> tuple[ServiceRate, ...]:
    floors = state.asked.floors
    return tuple(
        ServiceRate(service, rates_micro.get(service, 0) / MICRO, floor.floor_rps)
        for service, floor in floors.items()
    )
