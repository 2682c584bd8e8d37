"""Carries a transition out on nodes: as much at once as may be, and safely when they fail.

Called by ``heddle apply`` and by the tests. Every intention is in the journal before
its command is sent, and every event after it came; so an executor that was killed, at
any moment, goes on where it was: with the journal, and with what the nodes run.
``execution.issue`` decides what to send and ``execution.turning`` where to go from
here; ``execution.dispatch`` sends and hears. A pause, an abort and a change of plan all
wait for what is under way first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from heddle.clock import Clock
from heddle.cluster.deployment import Deployment
from heddle.cluster.snapshot import differences
from heddle.errors import InputError, listed
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.dispatch import Dispatch
from heddle.transition.execution.journal_state import ExecutionOutcome, JournalState
from heddle.transition.execution.leg import Purpose
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.execution.observation import Observation, start_objections
from heddle.transition.execution.turning import (
    NextLeg,
    Replanner,
    TheEnd,
    arrival,
    next_turn,
    what_serves,
)
from heddle.transition.invariant.proof import prove
from heddle.transition.journal import Journal
from heddle.transition.node_driver import NodeDriver
from heddle.transition.progress import (
    ExecutionProgress,
    ExecutionResult,
    progress_of,
    result_of,
)
from heddle.transition.transition import Transition


class Host(NamedTuple):
    """Where steps are carried out, and the clock that goes with it."""

    driver: NodeDriver
    clock: Clock


class Executor:
    """Carries out one transition.

    Parameters
    ----------
    transition
        What was asked for; the journal, if it has begun, must be its own.
    host
        The nodes and their clock.
    journal
        Where everything is written first.
    replanner
        Plans anew when a step fails for good, and back for an abort.
    limits
        How patient to be.
    on_progress
        Called when something happened or was decided.
    """

    def __init__(
        self,
        transition: Transition,
        host: Host,
        journal: Journal,
        replanner: Replanner,
        limits: ExecutionLimits | None = None,
        on_progress: Callable[[ExecutionProgress], None] = lambda _: None,
    ) -> None:
        self._transition = transition
        self._journal = journal
        self._replanner = replanner
        self._limits = limits or ExecutionLimits()
        self._on_progress = on_progress
        self._dispatch = Dispatch(host.driver, host.clock, journal, self._limits, self._tell)
        self._should_pause = False
        self._should_abort = False

    def pause(self) -> None:
        """Let :meth:`run` return once nothing is under way; another run goes on."""
        self._should_pause = True

    def abort(self) -> None:
        """Let :meth:`run` lead back to the deployment before, from wherever it is."""
        self._should_abort = True

    def run(self) -> ExecutionResult:
        """Carry the transition out, or go on with it, until it ends or is paused.

        Raises
        ------
        InputError
            The transition is not safe, does not begin with what runs, needs GPUs that
            are not there, or the journal is another's; nothing was changed. Or the
            journal cannot be written: nothing more was sent.
        HostError
            The host is gone; another run goes on.
        """
        # 1. What was promised, intended and heard of before: the journal.
        self._journal.require(self._transition)
        if self._state.ending is not None:
            return self._result(*self._state.ending)
        # 2. What runs: a new transition must begin with it, an old one is found in it.
        if self._journal.is_begun:
            self._take_up()
        else:
            self._begin()
        while True:
            # 3. Send what may be sent; every intention is written down before.
            self._take_abort()
            if not self._is_draining:
                self._dispatch.issue()
            # 4. With nothing under way: the end of the leg, a pause, or another plan.
            if not self._dispatch.awaited() and (result := self._turn()) is not None:
                return result
            # 5. Wait for events, and write them down.
            self._dispatch.hear()
            # 6. Look for what should have been heard of, and for who has been silent.
            self._dispatch.look()

    @property
    def _state(self) -> JournalState:
        return self._journal.state

    @property
    def _is_draining(self) -> bool:
        """Whether nothing more of this leg is sent."""
        return self._state.must_turn or self._should_pause

    def _begin(self) -> None:
        """Refuse what is not safe or does not begin here; then write down the beginning."""
        proof = prove(self._transition, self._replanner.type_of)
        if proof.violations:
            more = len(proof.violations) - 1
            also = f" (and {more} more)" if more else ""
            raise InputError(
                f"this transition is not safe: {proof.violations[0]}{also}; "
                "plan it again with heddle transition. Nothing was changed"
            )
        found = start_objections(self._transition, self._dispatch.observe().snapshot)
        if found:
            raise InputError(
                f"this transition does not begin with what runs: {listed(found, 8)}; "
                "plan one from what runs. Nothing was changed"
            )
        self._journal.begin(self._transition, replace(self._transition, floors=proof.floors))

    def _take_up(self) -> None:
        if self._state.is_paused:
            self._journal.resume()
        self._dispatch.take_up()

    def _take_abort(self) -> None:
        if self._should_abort and not self._state.is_aborting:
            self._journal.abort()
            self._tell(self._state.decisions[-1])

    def _turn(self) -> ExecutionResult | None:
        """Do what comes when nothing is under way; return the result if that is the end."""
        is_through = self._state.leg.is_complete and not self._state.must_turn
        if not is_through and not self._is_draining:
            return None
        if self._should_pause and not is_through:
            return self._pause()
        seen = self._dispatch.observe()
        if not self._dispatch.is_quiet(seen) or (is_through and not self._has_arrived(seen)):
            return None
        turn: NextLeg | TheEnd | None = arrival(self._state, seen.snapshot) if is_through else None
        if turn is None:
            limit = self._limits.max_replans
            turn = next_turn(self._state, seen.snapshot, self._replanner, limit)
        if isinstance(turn, TheEnd):
            return self._finish(turn)
        self._enter(turn)
        return None

    def _has_arrived(self, seen: Observation) -> bool:
        """Whether what runs is what the leg leads to; gives the leg up when it is not."""
        leg = self._state.leg.leg
        if leg.purpose is Purpose.SETTLE:
            return True
        if leg.target_nodes & seen.snapshot.unreachable:
            return False
        wrong = differences(leg.transition.target, seen.snapshot)
        if wrong:
            sentence = f"all steps are done, and yet: {listed(wrong, 3)}"
            self._dispatch.give_up(Decision(Reason.DRIFT, sentence))
        return not wrong

    def _pause(self) -> ExecutionResult:
        self._journal.pause()
        self._tell(self._state.decisions[-1])
        self._should_pause = False
        snapshot = self._dispatch.observe().snapshot
        return self._result(ExecutionOutcome.PAUSED, what_serves(self._state, snapshot))

    def _enter(self, leg: NextLeg) -> None:
        self._journal.replan(leg.purpose, leg.transition, leg.decision)
        self._dispatch.begin_leg()
        self._tell(leg.decision)

    def _finish(self, end: TheEnd) -> ExecutionResult:
        self._journal.finish(end.outcome, end.decision, end.deployment)
        self._tell(end.decision)
        return self._result(end.outcome, end.deployment)

    def _tell(self, decision: Decision) -> None:
        self._on_progress(progress_of(self._state, self._journal.elapsed_s, decision))

    def _result(self, outcome: ExecutionOutcome, deployment: Deployment) -> ExecutionResult:
        return result_of(self._state, outcome, deployment, self._journal.elapsed_s)
