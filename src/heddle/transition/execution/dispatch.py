"""Sends the steps of the current leg, and learns how they end.

``transition.executor`` calls it round by round. A command is sent after its intention
is written down; one that is not heard of is looked for, and sent again under the same
id when there is no trace of it, since a node carries an id out once.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.clock import Clock
from heddle.cluster.command import Action
from heddle.cluster.event import Event, Outcome
from heddle.errors import listed
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.issue import choose
from heddle.transition.execution.leg import Purpose
from heddle.transition.execution.leg_state import LegState, Stage
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.execution.observation import FloorGuard, Observation, drift
from heddle.transition.execution.watch import Watch
from heddle.transition.journal import Journal
from heddle.transition.node_driver import NodeDriver
from heddle.transition.step import Step


class Dispatch:
    """The steps that are under way.

    Parameters
    ----------
    driver, clock
        The host.
    journal
        Where intentions and ends are written.
    limits
        How patient to be.
    tell
        Called with every decision.
    """

    def __init__(
        self,
        driver: NodeDriver,
        clock: Clock,
        journal: Journal,
        limits: ExecutionLimits,
        tell: Callable[[Decision], None],
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._journal = journal
        self._limits = limits
        self._tell = tell
        self._watch = Watch()
        self._waits: dict[Reason, Decision] = {}

    def begin_leg(self) -> None:
        """Forget what was about the steps of the leg before."""
        self._watch.begin_leg()

    def take_up(self) -> None:
        """Find out how everything is that was under way when somebody else left it."""
        state = self._journal.state
        seen = self.observe()
        for step in self.awaited():
            self._resolve(step, seen)
        if state.must_turn or state.leg.leg.purpose is Purpose.SETTLE:
            return
        if strange := drift(state.leg, seen):
            sentence = f"what runs is not what was left: {listed(strange, 3)}"
            self.give_up(Decision(Reason.DRIFT, sentence))

    def observe(self) -> Observation:
        """Look at the cluster; open steps of nodes that are back are looked for at once."""
        seen = Observation(self._driver.observe(), self._clock.now_s())
        back = self._watch.note_nodes(seen.snapshot, seen.at_s)
        for step in self._leg.steps(Stage.OPEN) if back and self._journal.is_begun else ():
            if self._leg.leg.node_of(step) in back:
                self._watch.look_at_s[step.id] = seen.at_s
        return seen

    def awaited(self) -> list[Step]:
        """Return the open steps, without those on nodes that were given up."""
        state = self._journal.state
        steps = state.leg.steps(Stage.OPEN)
        if not state.lost:
            return steps
        return [step for step in steps if state.leg.leg.node_of(step) not in state.lost]

    def issue(self) -> None:
        """Send the steps that may be sent, or give the leg up when one failed for good."""

        def guard() -> FloorGuard:
            return FloorGuard(self._leg, self.observe())

        now_s = self._clock.now_s()
        choice = choose(self._leg, self._watch, self._limits, now_s, guard)
        if choice.failed is not None:
            self._give_up_step(choice.failed)
            return
        for step in choice.steps:
            self._send(step)
        for decision in choice.waits.values():
            if self._waits.get(decision.reason) != decision:
                self._tell(decision)
        self._waits = choice.waits
        self._hold(choice.held, now_s)

    def hear(self) -> None:
        """Wait until there are events or something is to be looked at; write events down.

        An event that was heard before, or that is of an earlier leg, is nothing.
        """
        for event in self._driver.wait(self._wake_s()):
            step = self._leg.open_step(event.command)
            if step is None:
                continue
            if event.outcome is not Outcome.DONE and self.observe().shows(step):
                # What was asked for is there: whatever the node says, it is done.
                self._close(step, Event(event.command, Outcome.DONE, event.at_s))
            else:
                self._close(step, event)

    def look(self) -> None:
        """Look for what should have been heard of, and for who has been silent too long."""
        now_s = self._clock.now_s()
        late = [s for s in self.awaited() if self._watch.look_at_s.get(s.id, now_s) <= now_s]
        if late or self._watch.silent_since_s:
            seen = self.observe()
            for step in late:
                self._resolve(step, seen)
        if self._watch.silent_since_s:
            self._give_up_silent_nodes()

    def is_quiet(self, seen: Observation) -> bool:
        """Whether no node is at work any more; after a long wait it does not matter."""
        watch = self._watch
        if not seen.snapshot.in_progress:
            watch.settling_since_s = None
            return True
        if watch.settling_since_s is None:
            watch.settling_since_s = seen.at_s
        return seen.at_s - watch.settling_since_s >= self._limits.silent_s

    def give_up(
        self, decision: Decision, cordoned: tuple[str, ...] = (), lost: tuple[str, ...] = ()
    ) -> None:
        """Write down that nothing more of the leg is sent, and why."""
        self._journal.give_up(decision, cordoned, lost)
        self._tell(decision)

    @property
    def _leg(self) -> LegState:
        return self._journal.state.leg

    def _wake_s(self) -> float:
        now_s = self._clock.now_s()
        next_s = self._watch.next_s(now_s, self.awaited(), self._limits.grace_s)
        if next_s is None:
            return now_s
        return max(now_s, min(next_s, now_s + self._limits.poll_s))

    def _send(self, step: Step) -> None:
        self._watch.retry_at_s.pop(step.id, None)
        self._driver.submit(self._journal.intend(step))
        self._look_later(step)
        attempt = self._leg.attempts[step.id]
        again = "" if attempt == 1 else f" once more, attempt {attempt}"
        sentence = f"{step} is sent{again}: all that it waits for is done"
        self._tell(Decision(Reason.PREDECESSORS_DONE, sentence))

    def _hold(self, objection: str | None, now_s: float) -> None:
        """Watch how long a stop is held back by its floor; give the leg up in the end."""
        watch = self._watch
        if objection is None or watch.silent_since_s:
            watch.held_since_s = None
            return
        if watch.held_since_s is None:
            watch.held_since_s = now_s
        if now_s - watch.held_since_s >= self._limits.hold_s:
            self.give_up(Decision(Reason.CAPACITY_LOST, objection))

    def _resolve(self, step: Step, seen: Observation) -> None:
        """Find out how an open step is: done, under way, or to be sent again."""
        command = self._leg.leg.command(step, self._leg.attempts[step.id])
        self._look_later(step)
        if command.node in seen.snapshot.unreachable:
            self._tell(Decision(Reason.NODE_SILENT, f"{step}: {command.node} does not answer"))
        elif command.id in seen.snapshot.in_progress:
            self._tell(Decision(Reason.STILL_IN_PROGRESS, f"{step} is still in progress"))
        elif seen.shows(step):
            self._close(step, Event(command.id, Outcome.DONE, seen.at_s), was_seen=True)
        elif objection := self._objection(step, seen):
            refusal = Event(command.id, Outcome.REFUSED, seen.at_s, objection, is_retryable=True)
            self._close(step, refusal)
        elif self._watch.num_resends.get(step.id, 0) >= self._limits.max_attempts:
            message = f"{command.node} answers, but not to this"
            self._close(step, Event(command.id, Outcome.FAILED, seen.at_s, message))
        else:
            self._watch.num_resends[step.id] = self._watch.num_resends.get(step.id, 0) + 1
            self._driver.submit(command)
            self._tell(Decision(Reason.SENT_AGAIN, f"{step} left no trace and is sent again"))

    def _objection(self, step: Step, seen: Observation) -> str | None:
        """Return why a stop that left no trace may not be sent again now, or None."""
        if step.action is not Action.STOP:
            return None
        return FloorGuard(self._leg, seen, still_serving=step).objection(step)

    def _close(self, step: Step, event: Event, *, was_seen: bool = False) -> None:
        """Write down how a step ended."""
        if event.outcome is Outcome.DONE:
            reason = Reason.SEEN_DONE if was_seen else Reason.STEP_DONE
            decision = Decision(reason, f"{step} {'is seen to be' if was_seen else 'is'} done")
        else:
            sentence = f"{step} {event.outcome.value}: {event.message}"
            decision = Decision(Reason.STEP_FAILED, sentence)
            num_attempts = self._leg.attempts[step.id]
            wait_s = self._limits.retry_s(num_attempts, event.retry_after_s)
            self._watch.retry_at_s[step.id] = self._clock.now_s() + wait_s
        self._watch.forget(step)
        self._journal.end(step, event, decision)
        self._tell(decision)

    def _look_later(self, step: Step) -> None:
        due_s = self._clock.now_s() + self._limits.overdue_s(step.estimate_s)
        self._watch.look_at_s[step.id] = due_s

    def _give_up_silent_nodes(self) -> None:
        """Give the leg up when a node that it needs has been silent for too long."""
        leg, lost = self._leg.leg, self._journal.state.lost
        pending = self._leg.steps(Stage.WAITING, Stage.ELIGIBLE, Stage.OPEN, Stage.FAILED)
        needed = {leg.node_of(step) for step in pending} | leg.target_nodes
        for node in sorted((self._watch.silent_since_s.keys() & needed) - lost):
            silent_s = self._clock.now_s() - self._watch.silent_since_s[node]
            if silent_s >= self._limits.silent_s:
                gpus = tuple(sorted(g.id for g in leg.transition.gpus.values() if g.node == node))
                sentence = f"{node} has not answered for {silent_s:,.0f} s"
                self.give_up(Decision(Reason.NODE_GONE, sentence), gpus, (node,))

    def _give_up_step(self, step: Step) -> None:
        failure, tried = self._leg.failures[step.id], self._leg.attempts[step.id]
        times = "once" if tried == 1 else f"{tried} times"
        sentence = f"{step} was tried {times} and is given up: {failure.message}"
        self.give_up(Decision(Reason.STEP_FAILED, sentence), (step.gpu,))
