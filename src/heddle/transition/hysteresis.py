"""Whether to move to another deployment, or to stay with the one that runs.

The rule of saving against cost. All GPU-time is in GPU-seconds, or in price times
seconds where the price is minimised.

    saving = GPUs given up x the time for which they stay unneeded
    cost   = GPUs that the transition holds beyond the smaller deployment x its makespan,
             and the same again for the way back when they are needed again
    move   when saving > factor x cost, or when demand leaves no choice

GPUs stay unneeded until demand asks for more than the smaller deployment serves, at
most for the horizon. The transition holds the GPUs of both sides and those that it
borrows; the ones to be given up count until it ends, so a move never pays itself with
GPUs that it has not freed yet. How long the way back takes is not known when the
decision is made: it is taken to be as long as the way there.

A function of its arguments, nothing else: ``replan`` calls it for every interval, and
whoever watches a live cluster may call it with a forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from heddle.transition.day import HOUR_S


class Reason(Enum):
    """Why a deployment is left or kept."""

    FIRST = "first plan"
    DEMAND = "demand grows"
    SAVING = "saving pays"
    NOTHING_SAVED = "nothing saved"
    TOO_DEAR = "move too dear"
    NO_ORDER = "no order"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to move; ``reason`` for machines and ``sentence`` for people."""

    is_move: bool
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """How slow to move.

    Attributes
    ----------
    horizon_s
        The longest time for which GPUs are taken to stay unneeded, seconds. Four hours:
        more than ten times the longest transitions with Kubernetes' action times, so
        that what pays at all pays within it, and short enough that nothing rests on a
        forecast of the far end of the day.
    factor
        How many times its cost a move must save. Two: action times may be wrong by
        that much, and a restart is never free for those who watch it.
    """

    horizon_s: float = 4.0 * HOUR_S
    factor: float = 2.0


@dataclass(frozen=True, slots=True)
class Way:
    """The transition that a move would take.

    Attributes
    ----------
    held
        What its GPUs cost while it lasts: those of both sides and those borrowed.
    makespan_s
        How long it takes, seconds.
    """

    held: float
    makespan_s: float


@dataclass(frozen=True, slots=True)
class Prospect:
    """What there is to decide about.

    Attributes
    ----------
    short
        Services that need more than the running deployment serves.
    running, wanted
        The cost of the two deployments: GPUs, or price per hour.
    way
        Between them; None when there is no order of steps, or when nobody planned one
        because nothing is saved.
    unneeded_s
        For how long nothing needs more than the wanted deployment serves, seconds.
    is_needed_again
        Whether demand ends that time, and not the end of what is known.
    unit
        Of a cost over an hour.
    """

    short: Sequence[str]
    running: float
    wanted: float
    way: Way | None
    unneeded_s: float
    is_needed_again: bool
    unit: str = "GPU-hours"


def decide(prospect: Prospect, policy: Hysteresis) -> Decision:
    """Return whether to move, and why."""
    if prospect.short:
        return Decision(is_move=True, reason=Reason.DEMAND, sentence=_demand(prospect.short))
    if prospect.wanted >= prospect.running:
        return _stay(Reason.NOTHING_SAVED, "what runs serves the demand, and no plan needs less")
    if prospect.way is None:
        return _stay(Reason.NO_ORDER, "no order of steps leads to the smaller plan")
    saving, cost = saving_of(prospect, policy), cost_of(prospect, policy)
    figures = _figures(prospect, saving, cost)
    if saving > policy.factor * cost:
        return Decision(is_move=True, reason=Reason.SAVING, sentence=figures)
    return _stay(Reason.TOO_DEAR, f"{figures}, and saving must be {policy.factor:g} times the cost")


def saving_of(prospect: Prospect, policy: Hysteresis) -> float:
    """Return the GPU-seconds that a move frees while they stay unneeded."""
    return (prospect.running - prospect.wanted) * min(prospect.unneeded_s, policy.horizon_s)


def cost_of(prospect: Prospect, policy: Hysteresis) -> float:
    """Return the GPU-seconds that moving holds beyond the wanted deployment."""
    if prospect.way is None:
        return 0.0
    is_round_trip = prospect.is_needed_again and prospect.unneeded_s <= policy.horizon_s
    num_ways = 2 if is_round_trip else 1
    return num_ways * (prospect.way.held - prospect.wanted) * prospect.way.makespan_s


def _stay(reason: Reason, sentence: str) -> Decision:
    return Decision(is_move=False, reason=reason, sentence=sentence)


def _demand(short: Sequence[str]) -> str:
    if len(short) == 1:
        return f"{short[0]} needs more than what runs serves"
    return f"{short[0]} and {len(short) - 1} more need more than what runs serves"


def _figures(prospect: Prospect, saving: float, cost: float) -> str:
    return f"saves {saving / HOUR_S:.3g} {prospect.unit}, moving costs {cost / HOUR_S:.3g}"
