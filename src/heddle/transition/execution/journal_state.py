"""The fold of a journal: what was promised, intended and heard of.

``transition.journal`` writes entries and applies each to this; whoever reads a journal
applies all of them. Nothing else changes it, so what an executor that was killed finds
is what it knew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import deployment_of
from heddle.cluster.event import Event, Outcome
from heddle.cluster.json_object import JsonObject, parse_json
from heddle.cluster.ledger import Entry
from heddle.errors import InputError, Location
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.leg import Leg, Purpose
from heddle.transition.execution.leg_state import LegState
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_of

#: Kinds of entries begin with these words; what begins otherwise is somebody else's.
NAMESPACES = ("transition.", "step.")
_MAX_COUNT = 1_000_000_000


class ExecutionOutcome(Enum):
    """How an execution ended, or that it waits to be resumed."""

    DONE = "done"
    PAUSED = "paused"
    ABORTED = "aborted"
    STOPPED = "stopped"


class Ending(NamedTuple):
    """The outcome, and what is deployed then."""

    outcome: ExecutionOutcome
    deployment: Deployment


class JournalState:
    """What the entries say so far.

    Attributes
    ----------
    digest
        Of the transition that was asked for; empty before it is begun.
    leg_state
        Of the current leg; None before the transition is begun.
    cordoned, lost
        GPUs on which nothing more is made; nodes that the current leg does not wait for.
    must_turn
        Whether the current leg is given up: nothing more of it is sent.
    is_paused, is_aborting
        Whether it was asked to wait, or to go back.
    ending
        How it ended; None while it goes on.
    decisions
        The weighty ones: failures, changes of plan, pauses, the end.
    least_micro
        The least rate that every service had, micro-requests/s.
    num_done, num_retries
        Steps carried out, and attempts beyond the first, over all legs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.digest = ""
        self._asked: Transition | None = None
        self.leg_state: LegState | None = None
        self.num_legs: Counter[Purpose] = Counter()
        self.cordoned: set[str] = set()
        self.lost: set[str] = set()
        self.must_turn = False
        self.is_paused = False
        self.is_aborting = False
        self.ending: Ending | None = None
        self.decisions: list[Decision] = []
        self.least_micro: dict[str, int] = {}
        self.num_done = 0
        self.num_retries = 0
        self.run_number = 0
        self._seconds_of_run: dict[int, float] = {}

    @property
    def elapsed_s(self) -> float:
        """How long it was carried out, without the times when nobody did, seconds."""
        return sum(self._seconds_of_run.values())

    @property
    def last_run_s(self) -> float:
        """How long the last run took so far, seconds."""
        return self._seconds_of_run.get(self.run_number, 0.0)

    @property
    def num_replans(self) -> int:
        """How often a new way to the target, or one back, was planned."""
        return max(0, self.num_legs[Purpose.FORWARD] - 1) + self.num_legs[Purpose.BACK]

    @property
    def leg(self) -> LegState:
        """The current leg; ValueError before the transition is begun."""
        if self.leg_state is None:
            raise ValueError("no transition is begun")
        return self.leg_state

    @property
    def asked(self) -> Transition:
        """The transition that was asked for; ValueError before it is begun."""
        if self._asked is None:
            raise ValueError("no transition is begun")
        return self._asked

    @asked.setter
    def asked(self, transition: Transition) -> None:
        self._asked = transition

    def apply(self, entry: Entry) -> None:
        """Take in the next entry.

        Raises
        ------
        InputError
            It is no entry that this version writes, or cannot stand here.
        """
        members = JsonObject(dict(entry.members), f"entry {entry.number}", Path(self._name))
        taker = _TAKERS.get(entry.kind)
        if taker is None:
            if entry.kind.startswith(NAMESPACES):
                raise self._refused(entry, f"this heddle does not know {entry.kind!r}")
            return
        if self.leg_state is None and taker is not _begin:
            raise self._refused(entry, "no transition was begun before it")
        self.run_number = members.integer("run", 1, _MAX_COUNT)
        self._seconds_of_run[self.run_number] = members.number("run_s")
        taker(self, members)

    def note_rates(self, *services: str) -> None:
        """Let the present rates of these services count for the least that they had."""
        for service in services:
            rate = self.leg.rates_micro.get(service, 0)
            self.least_micro[service] = min(rate, self.least_micro.get(service, rate))

    def _refused(self, entry: Entry, why: str) -> InputError:
        place = Location(Path(self._name), None, f"entry {entry.number}")
        return InputError(f"{why}; the file was left as it is", place)


def _begin(state: JournalState, members: JsonObject) -> None:
    if state.leg_state is not None:
        members.fail("digest", "a second transition begins in this journal")
    state.digest = members.text("digest")
    state.asked = _transition(members)
    _enter(state, Purpose.FORWARD, state.asked, members)


def _replan(state: JournalState, members: JsonObject) -> None:
    purpose = Purpose(members.choice("purpose", [purpose.value for purpose in Purpose]))
    state.decisions.append(_decision(members))
    _enter(state, purpose, _transition(members), members)


def _enter(
    state: JournalState, purpose: Purpose, transition: Transition, members: JsonObject
) -> None:
    state.num_legs[purpose] += 1
    leg = Leg(state.num_legs.total(), purpose, transition, members.number("at_s"))
    state.leg_state = LegState(leg)
    state.must_turn = False
    state.lost.clear()
    state.note_rates(*state.asked.floors)


def _intend(state: JournalState, members: JsonObject) -> None:
    step = _step(state, members)
    state.leg.intend(step.id)
    state.num_retries += state.leg.attempts[step.id] > 1
    if step.serving is not None:
        state.note_rates(step.serving.service)


def _end(state: JournalState, members: JsonObject) -> None:
    step = _step(state, members)
    event = Event(
        command=members.text("command"),
        outcome=Outcome(members.choice("outcome", [outcome.value for outcome in Outcome])),
        at_s=members.number("at_s"),
        message=members.sentence("message"),
        is_retryable=members.boolean("is_retryable", default=False),
        retry_after_s=members.number("retry_after_s") if "retry_after_s" in members else None,
    )
    state.leg.end(step.id, event)
    if event.outcome is Outcome.DONE:
        state.num_done += 1
    else:
        state.decisions.append(_decision(members))


def _give_up(state: JournalState, members: JsonObject) -> None:
    state.decisions.append(_decision(members))
    state.cordoned.update(members.words("cordoned"))
    state.lost.update(members.words("lost"))
    state.must_turn = True


def _pause(state: JournalState, members: JsonObject) -> None:
    state.decisions.append(_decision(members))
    state.is_paused = True


def _resume(state: JournalState, members: JsonObject) -> None:
    state.decisions.append(_decision(members))
    state.is_paused = False


def _abort(state: JournalState, members: JsonObject) -> None:
    state.decisions.append(_decision(members))
    state.is_aborting = True
    state.must_turn = True


def _finish(state: JournalState, members: JsonObject) -> None:
    state.decisions.append(_decision(members))
    words = [outcome.value for outcome in ExecutionOutcome]
    outcome = ExecutionOutcome(members.choice("outcome", words))
    source = Path(state.digest)
    deployment = deployment_of(parse_json(members.sentence("deployment"), source))
    state.ending = Ending(outcome, deployment)


def _decision(members: JsonObject) -> Decision:
    reason = Reason(members.choice("reason", [reason.value for reason in Reason]))
    return Decision(reason, members.sentence("sentence"))


def _step(state: JournalState, members: JsonObject) -> Step:
    steps = state.leg.leg.steps
    return steps[members.integer("step", 0, len(steps) - 1)]


def _transition(members: JsonObject) -> Transition:
    return transition_of(parse_json(members.sentence("transition"), Path("transition")))


_TAKERS: dict[str, Callable[[JournalState, JsonObject], None]] = {
    "transition.begun": _begin,
    "transition.replanned": _replan,
    "transition.given_up": _give_up,
    "transition.paused": _pause,
    "transition.resumed": _resume,
    "transition.aborting": _abort,
    "transition.ended": _finish,
    "step.intended": _intend,
    "step.ended": _end,
}
