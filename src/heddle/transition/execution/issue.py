"""Which steps are sent now, which wait, and why: a function of what is known.

The executor asks in every round. Among the steps that may run, those with the longest
way to the end go first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from heddle.cluster.command import Action
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.leg_state import LegState, Stage
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.execution.observation import FloorGuard
from heddle.transition.execution.watch import Watch
from heddle.transition.step import Step


@dataclass(slots=True)
class Choice:
    """What to send, in this order, and what waits.

    Attributes
    ----------
    steps
        To be intended and sent.
    waits
        Why others are not; one decision per reason.
    held
        The objection to the first stop that its floor holds back, or None.
    failed
        The first step that failed for good, or None; then nothing is to be sent.
    """

    steps: list[Step] = field(default_factory=list)
    waits: dict[Reason, Decision] = field(default_factory=dict)
    held: str | None = None
    failed: Step | None = None

    def wait(self, reason: Reason, sentence: str) -> None:
        """Take note that a step waits."""
        self.waits.setdefault(reason, Decision(reason, sentence))


def choose(
    state: LegState,
    watch: Watch,
    limits: ExecutionLimits,
    now_s: float,
    guard: Callable[[], FloorGuard],
) -> Choice:
    """Return what to do with the steps that could be sent.

    ``guard`` looks at the cluster; it is called once, if there is a stop to send.
    """
    choice = Choice(failed=_failed_for_good(state, limits))
    if choice.failed is not None:
        return choice
    busy = Counter(state.leg.node_of(step) for step in state.steps(Stage.OPEN))
    urgency_s = state.leg.urgency_s
    guarded = cache(guard)
    candidates = state.steps(Stage.ELIGIBLE, Stage.FAILED)
    for step in sorted(candidates, key=lambda s: (-urgency_s[s.id], s.id)):
        node = state.leg.node_of(step)
        if watch.retry_at_s.get(step.id, now_s) > now_s:
            message = state.failures[step.id].message
            choice.wait(Reason.BACK_OFF, f"{step} is tried again later: {message}")
        elif node in watch.silent_since_s:
            choice.wait(Reason.NODE_SILENT, f"{step} waits: {node} does not answer")
        elif busy[node] >= limits.commands_per_node:
            choice.wait(Reason.NODE_BUSY, f"{step} waits: {node} has enough to do")
        elif step.action is not Action.STOP or _may_stop(step, guarded(), choice):
            busy[node] += 1
            choice.steps.append(step)
    return choice


def _may_stop(step: Step, guard: FloorGuard, choice: Choice) -> bool:
    objection = guard.objection(step)
    if objection is None:
        guard.take(step)
        return True
    choice.held = choice.held or objection
    choice.wait(Reason.FLOOR, objection)
    return False


def _failed_for_good(state: LegState, limits: ExecutionLimits) -> Step | None:
    for step in state.steps(Stage.FAILED):
        is_retryable = state.failures[step.id].is_retryable
        if not is_retryable or state.attempts[step.id] >= limits.max_attempts:
            return step
    return None
