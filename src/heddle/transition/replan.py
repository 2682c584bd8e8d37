"""Through a day of demand: plan, decide, move.

For every interval the plan nearest to what runs is made, the way there is planned, and
``hysteresis`` decides whether to take it. ``heddle replan`` and the benchmark call it;
they pass in a planner of services, since the optimizer is a sibling of this package.
``day_comparison`` goes through the same day without hysteresis.

A move that demand asks for begins as long before its interval as it takes; one that
only saves begins with the interval. The deployment of the first interval runs when the
day begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from heddle.cluster.deployment import Deployment
from heddle.errors import HeddleError, InputError, NoPlanError
from heddle.transition.course import Course, Gpus, Move, cost_of, course_of, gpus_held, gpus_in
from heddle.transition.day import Day, Interval, clock_text
from heddle.transition.hysteresis import Decision, Hysteresis, Prospect, Reason, Way, decide
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition

Rates = Mapping[str, float]

#: What demand asks for is worth a longer way where ``joint`` finds none.
_FOR_DEMAND = ("joint", "exchange_compact")
_FOR_SAVING = ("joint",)


class ServicePlanner(Protocol):
    """What replanning needs of a planner of services.

    Rates are before headroom, requests/s; services with a rate of 0 are left out. All
    methods raise NoPlanError or InputError where no plan exists.
    """

    def plain(self, rates_rps: Rates) -> Deployment:
        """Return a plan of the least cost."""
        ...

    def near(self, rates_rps: Rates, running: Deployment) -> Deployment:
        """Return, among the plans of (nearly) the least cost, the nearest to what runs."""
        ...

    def whole(self, rates_rps: Rates) -> Gpus:
        """Return the GPUs, by type, that the services need uncut, each its own."""
        ...

    def short(self, rates_rps: Rates, running: Deployment) -> tuple[str, ...]:
        """Return the services that need more, headroom included, than a deployment serves."""
        ...


@dataclass(frozen=True, slots=True)
class Replanning:
    """With what a day is planned.

    Attributes
    ----------
    planner
        Of services.
    request_of
        Returns the request for the way between two deployments.
    weights
        What is saved, by GPU type: 1 for every type to save GPUs, or prices per hour.
    unit
        Of the weights over an hour.
    policy
        When to move.
    report
        Told what is done next.
    """

    planner: ServicePlanner
    request_of: Callable[[Deployment, Deployment], TransitionRequest]
    weights: Mapping[str, float]
    unit: str = "GPU-hours"
    policy: Hysteresis = field(default_factory=Hysteresis)
    report: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One interval of the replanned day.

    Attributes
    ----------
    interval
        From when to when, and the demand.
    decision
        What was decided, and why.
    running
        What serves the interval once the move is done; its services are stated with
        the demand of this interval.
    move
        The transition into it; None when it stays.
    """

    interval: Interval
    decision: Decision
    running: Deployment
    move: Move | None = None

    @property
    def late_s(self) -> float:
        """For how long the interval has begun before demand is met, seconds."""
        if self.move is None or self.decision.reason is not Reason.DEMAND:
            return 0.0
        return max(0.0, self.move.end_s - self.interval.begin_s)


@dataclass(frozen=True, slots=True)
class ReplannedDay:
    """Every interval, and the course of GPUs over the day."""

    outcomes: tuple[Outcome, ...]
    course: Course


def replan(day: Day, replanning: Replanning) -> ReplannedDay:
    """Return the day planned interval by interval, with hysteresis.

    Raises
    ------
    NoPlanError, InputError
        An interval cannot be served, or no order of steps leads to a deployment that
        does; the message begins with the time.
    """
    outcomes: list[Outcome] = []
    free_s = float(day.begin_s)
    for number, interval in enumerate(day.intervals):
        replanning.report(f"{clock_text(interval.begin_s)}, {number + 1} of {len(day.intervals)}")
        try:
            if not outcomes:
                outcomes.append(_first(interval, replanning))
            else:
                turn = _Turn(day, number, outcomes[-1].running, free_s)
                outcomes.append(_next(turn, replanning))
        except (NoPlanError, InputError) as error:
            raise at_time(error, interval.begin_s) from error
        move = outcomes[-1].move
        free_s = free_s if move is None else move.end_s
    moves = [outcome.move for outcome in outcomes if outcome.move is not None]
    return ReplannedDay(tuple(outcomes), course_of(day, outcomes[0].running, moves))


@dataclass(frozen=True, slots=True)
class _Turn:
    """An interval that comes next: its number, what runs, and until when that moves."""

    day: Day
    number: int
    running: Deployment
    free_s: float

    @property
    def interval(self) -> Interval:
        """The interval that comes."""
        return self.day.intervals[self.number]


def _first(interval: Interval, replanning: Replanning) -> Outcome:
    running = replanning.planner.plain(interval.rates_rps)
    decision = Decision(is_move=False, reason=Reason.FIRST, sentence="it runs when the day begins")
    return Outcome(interval, decision, running)


def _next(turn: _Turn, replanning: Replanning) -> Outcome:
    planner, rates_rps = replanning.planner, turn.interval.rates_rps
    # 1. Whether what runs serves the demand, and whether any plan needs less.
    short = planner.short(rates_rps, turn.running)
    plain = planner.plain(rates_rps)
    transition = None
    # 2. Where something may be gained: the nearest plan, and the way there.
    if short or _cost(plain, replanning) < _cost(turn.running, replanning):
        wanted = planner.near(rates_rps, turn.running)
        transition = _way(turn.running, wanted, replanning, is_needed=bool(short))
        plain = wanted
    # 3. Decide.
    prospect = _prospect(turn, plain, transition, replanning, short)
    decision = decide(prospect, replanning.policy)
    # 4. Move, or stay with the demand of this interval.
    if not decision.is_move or transition is None:
        running = restated(turn.running, planner.plain(rates_rps))
        return Outcome(turn.interval, decision, running)
    begin_s = begin_of(turn.interval, transition, turn.free_s, is_needed=bool(short))
    return Outcome(turn.interval, decision, transition.target, Move(begin_s, transition))


def _way(
    running: Deployment, wanted: Deployment, replanning: Replanning, *, is_needed: bool
) -> Transition | None:
    """Return the transition; None when nothing is saved, or for a saving without an order."""
    if not is_needed and _cost(wanted, replanning) >= _cost(running, replanning):
        return None
    refusals = []
    for strategy in _FOR_DEMAND if is_needed else _FOR_SAVING:
        try:
            return plan_transition(replanning.request_of(running, wanted), strategy)
        except NoPlanError as error:
            refusals.append(error)
    if is_needed:
        raise refusals[0]
    return None


def _prospect(
    turn: _Turn,
    wanted: Deployment,
    transition: Transition | None,
    replanning: Replanning,
    short: tuple[str, ...],
) -> Prospect:
    needed_s = _needed_again_s(turn, wanted, replanning.planner)
    way = None
    if transition is not None:
        held = cost_of(gpus_held(transition), replanning.weights)
        way = Way(held, transition.makespan_s)
    return Prospect(
        short=short,
        running=_cost(turn.running, replanning),
        wanted=_cost(wanted, replanning),
        way=way,
        unneeded_s=(needed_s or turn.day.end_s) - max(turn.interval.begin_s, turn.free_s),
        is_needed_again=needed_s is not None,
        unit=replanning.unit,
    )


def _needed_again_s(turn: _Turn, wanted: Deployment, planner: ServicePlanner) -> int | None:
    """Return when demand first needs more than the wanted deployment serves, if it does."""
    later = turn.day.intervals[turn.number + 1 :]
    return next((i.begin_s for i in later if planner.short(i.rates_rps, wanted)), None)


def begin_of(
    interval: Interval, transition: Transition, free_s: float, *, is_needed: bool
) -> float:
    """Return when a transition begins, not before ``free_s``, when the last one has ended.

    One that the interval needs ends as it begins, where there is time for that.
    """
    ahead_s = transition.makespan_s if is_needed else 0.0
    return max(free_s, interval.begin_s - ahead_s)


def restated(running: Deployment, plan: Deployment) -> Deployment:
    """Return what runs, with its services as the plan for another demand states them.

    A service that the plan leaves out, since it is suspended, and that still runs keeps
    its statement. The certificate was for another demand and is dropped.
    """
    still = {instance.service for _, instance in running.instances()} - plan.services.keys()
    kept = {name: service for name, service in running.services.items() if name in still}
    return replace(running, services={**plan.services, **kept}, certificate=None)


def at_time(error: HeddleError, at_s: float) -> HeddleError:
    """Return the error with the time of day in front of its message."""
    if isinstance(error, InputError):
        return InputError(f"at {clock_text(at_s)}: {error.message}", error.location)
    return type(error)(f"at {clock_text(at_s)}: {error}")


def _cost(deployment: Deployment, replanning: Replanning) -> float:
    return cost_of(gpus_in(deployment), replanning.weights)
