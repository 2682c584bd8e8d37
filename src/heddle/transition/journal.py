"""The journal of a transition: what the executor is going to do, and what came of it.

It is written to the cluster's ledger, among the entries of other parts. Every method
writes one entry and takes it into ``state`` when it is on disk; reading a journal does
nothing else, so both always agree.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from heddle.clock import Clock
from heddle.cluster.command import Command
from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import deployment_text
from heddle.cluster.event import Event
from heddle.cluster.event_json import event_members
from heddle.cluster.ledger import Ledger
from heddle.errors import InputError, Location
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.journal_state import ExecutionOutcome, JournalState
from heddle.transition.execution.leg import Purpose
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text
from heddle.units import plural


class Journal:
    """What was written of a transition, and the pen to go on.

    Parameters
    ----------
    ledger
        Where entries go; those that are there are read.
    clock
        The host's.

    Raises
    ------
    InputError
        An entry cannot be understood; the ledger was left as it is.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._opened_s = clock.now_s()
        self._state = JournalState(ledger.name)
        for entry in ledger.entries():
            self._state.apply(entry)
        self._run_number = self._state.run_number + 1

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self._ledger.name

    @property
    def state(self) -> JournalState:
        """What the entries say together; it changes with each one."""
        return self._state

    @property
    def is_begun(self) -> bool:
        """Whether a transition was begun in it."""
        return self._state.leg_state is not None

    @property
    def elapsed_s(self) -> float:
        """How long the transition was carried out until now, in all runs, seconds."""
        before_s = self._state.elapsed_s
        if self._state.run_number == self._run_number:
            before_s -= self._state.last_run_s
        return before_s + self._clock.now_s() - self._opened_s

    def require(self, transition: Transition) -> None:
        """Raise InputError unless the journal is empty or that of this transition."""
        if self.is_begun and self._state.digest != digest_of(transition):
            raise InputError(
                f"this journal belongs to another transition ({described(self._state.asked)}); "
                f"this one goes {described(transition)}. Name another file, or carry out the "
                "other transition to its end",
                Location(Path(self.name)),
            )

    def begin(self, transition: Transition, proved: Transition) -> None:
        """Write down what is going to be carried out.

        ``proved`` is the transition with the floors that were proved of it: a resumed
        executor needs nothing else.
        """
        self._write(
            "transition.begun",
            digest=digest_of(transition),
            at_s=self._clock.now_s(),
            transition=transition_text(proved),
        )

    def replan(self, purpose: Purpose, transition: Transition, decision: Decision) -> None:
        """Write down that another leg is carried out from now on."""
        self._write(
            "transition.replanned",
            decision,
            purpose=purpose.value,
            at_s=self._clock.now_s(),
            transition=transition_text(transition),
        )

    def intend(self, step: Step) -> Command:
        """Write down that a step is tried, and return the command to send."""
        leg = self._state.leg
        command = leg.leg.command(step, leg.attempts[step.id] + 1)
        self._write("step.intended", step=step.id, command=command.id)
        return command

    def end(self, step: Step, event: Event, decision: Decision) -> None:
        """Write down how the last attempt at a step ended."""
        self._write("step.ended", decision, step=step.id, **event_members(event))

    def give_up(
        self,
        decision: Decision,
        cordoned: tuple[str, ...] = (),
        lost: tuple[str, ...] = (),
    ) -> None:
        """Write down that the current leg is not carried on.

        Nothing more is made on the cordoned GPUs, and lost nodes are not waited for.
        """
        self._write("transition.given_up", decision, cordoned=list(cordoned), lost=list(lost))

    def pause(self) -> None:
        """Write down that nothing more is done until it is resumed."""
        self._write("transition.paused", Decision(Reason.PAUSED, "paused as asked"))

    def resume(self) -> None:
        """Write down that it goes on."""
        self._write("transition.resumed", Decision(Reason.RESUMED, "goes on after a pause"))

    def abort(self) -> None:
        """Write down that it was asked to go back."""
        decision = Decision(Reason.ABORT_ASKED, "asked to go back to the deployment before")
        self._write("transition.aborting", decision)

    def finish(self, outcome: ExecutionOutcome, decision: Decision, deployment: Deployment) -> None:
        """Write down the end."""
        without_claim = replace(deployment, certificate=None)
        self._write(
            "transition.ended",
            decision,
            outcome=outcome.value,
            deployment=deployment_text(without_claim),
        )

    def _write(self, kind: str, decision: Decision | None = None, /, **members: Any) -> None:
        if decision is not None:
            members |= {"reason": decision.reason.value, "sentence": decision.sentence}
        members["run"] = self._run_number
        members["run_s"] = self._clock.now_s() - self._opened_s
        self._state.apply(self._ledger.append(kind, members))


def digest_of(transition: Transition) -> str:
    """Return what tells a transition from all others, whatever its file is called."""
    return sha256(transition_text(transition).encode()).hexdigest()


def described(transition: Transition) -> str:
    """Return a transition in a few words."""
    before, after = (_size(side) for side in (transition.origin, transition.target))
    return f"from {before} to {after}, {plural(len(transition.steps), 'step')}"


def _size(deployment: Deployment) -> str:
    num_instances = sum(1 for _ in deployment.instances())
    return f"{plural(deployment.num_gpus, 'GPU')} with {plural(num_instances, 'instance')}"
