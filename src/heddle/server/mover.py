"""Carries a transition out in a thread of its own: the executor blocks, the daemon does not.

The journal is the part of the daemon's ledger after the entry that accepted the move, so
a daemon that was killed goes on with it at its next start. So does a move whose journal
could not be written: as after a kill, once the disk takes entries again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heddle.clock import WallClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.errors import HeddleError
from heddle.runtime.agent.driver import AgentDriver
from heddle.server.ledger_section import UnwritableError
from heddle.server.store import AcceptedMove, Store
from heddle.transition.action_times import find_times
from heddle.transition.execution.decision import Decision
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.execution.leg_state import Stage
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.execution.turning import Replanner
from heddle.transition.executor import Executor, Host
from heddle.transition.journal import Journal
from heddle.transition.plan import plan_transition
from heddle.transition.progress import ExecutionProgress

_log = logging.getLogger(__name__)
#: Until the disk is tried again.
_RETRY_S = 2.0
#: Servers on one machine start in seconds; a silent agent is started again at once.
LIMITS = ExecutionLimits(
    max_attempts=3, backoff_s=0.5, backoff_cap_s=5.0, silent_s=60.0, hold_s=60.0, max_replans=2,
    poll_s=0.5,
)  # fmt: skip
TIMES = "one-machine"
_STATES = {
    ExecutionOutcome.DONE: "done",
    ExecutionOutcome.ABORTED: "aborted",
    ExecutionOutcome.STOPPED: "stopped",
}
_STAGES = {
    Stage.WAITING: "waiting",
    Stage.ELIGIBLE: "waiting",
    Stage.OPEN: "running",
    Stage.FAILED: "failed",
    Stage.DONE: "done",
}


class Mover:
    """One move in its thread.

    Parameters
    ----------
    store
        Of which the journal is a part.
    move
        Accepted, not ended.
    agent_socket
        Where the node is.
    decided
        Told, in the thread, of every decision of the executor.
    ended
        Told, in the thread, how it ended: state and sentence. A pause is not told.

    Attributes
    ----------
    obstacle
        Why it does not go on for now; nothing while it does.
    """

    def __init__(
        self,
        store: Store,
        move: AcceptedMove,
        agent_socket: Path,
        decided: Callable[[Decision], None],
        ended: Callable[[str, str], None],
    ) -> None:
        self.move = move
        self.obstacle = ""
        self._store = store
        self._agent_socket = agent_socket
        self._decided = decided
        self._ended = ended
        self._executor: Executor | None = None
        self._journal: Journal | None = None
        self._last: Decision | None = None
        self._should_pause = threading.Event()
        self._should_abort = False
        self._thread = threading.Thread(target=self._run, name=f"move {move.id}", daemon=True)

    def start(self) -> None:
        """Begin, or go on."""
        self._thread.start()

    def pause(self, within_s: float) -> None:
        """Let it end once nothing is under way; another one goes on."""
        self._should_pause.set()
        if self._executor is not None:
            self._executor.pause()
        self._thread.join(within_s)

    def abort(self) -> None:
        """Let it lead back."""
        self._should_abort = True
        if self._executor is not None:
            self._executor.abort()

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps of the present plan, as JSON values."""
        journal = self._journal
        if journal is None or journal.state.leg_state is None:
            return waiting_steps(self.move)
        leg = journal.state.leg_state
        stage_of = {step.id: stage for stage in Stage for step in leg.steps(stage)}
        return [
            _step_members(step, _STAGES[stage_of.get(step.id, Stage.WAITING)])
            for step in leg.leg.steps
        ]

    def _run(self) -> None:
        driver = AgentDriver(self._agent_socket)
        try:
            while not self._should_pause.is_set():
                try:
                    self._carry_out(driver)
                except UnwritableError as error:
                    self._wait_for_room(error)
                else:
                    return
        finally:
            driver.close()

    def _carry_out(self, driver: AgentDriver) -> None:
        """Carry it out from where its journal ends; UnwritableError when that is not possible."""
        try:
            outcome, sentence = self._executed(driver)
        except UnwritableError:
            raise
        except HeddleError as error:
            state, sentence = "stopped", str(error)
        except Exception as error:  # noqa: BLE001 (a move whose thread is gone runs for ever)
            _log.exception("transition %s broke", self.move.id)
            state, sentence = "stopped", f"heddle failed: {error!r}; its log says more"
        else:
            if outcome is ExecutionOutcome.PAUSED:
                return
            state = _STATES[outcome]
        self._ended(state, sentence)

    def _executed(self, driver: AgentDriver) -> tuple[ExecutionOutcome, str]:
        clock = WallClock()
        journal = self._journal = Journal(self._store.journal_of(self.move), clock)
        self._executor = executor = Executor(
            self.move.transition,
            Host(driver, clock),
            journal,
            Replanner(plan_transition, type_of, find_times(TIMES)),
            LIMITS,
            self._progress,
        )
        # What was asked for before there was an executor.
        if self._should_pause.is_set():
            return ExecutionOutcome.PAUSED, ""
        if self._should_abort:
            executor.abort()
        result = executor.run()
        return result.outcome, result.decisions[-1].sentence if result.decisions else ""

    def _wait_for_room(self, error: UnwritableError) -> None:
        if not self.obstacle:
            _log.warning("transition %s waits: %s", self.move.id, error)
        self.obstacle = f"it waits and goes on by itself: {error}"
        self._should_pause.wait(_RETRY_S)

    def _progress(self, progress: ExecutionProgress) -> None:
        self.obstacle = ""
        if progress.last is not None and progress.last != self._last:
            self._last = progress.last
            self._decided(progress.last)


def waiting_steps(move: AcceptedMove) -> list[dict[str, Any]]:
    """Return the steps of a move that has not begun, or that has ended."""
    state = "done" if move.state == "done" else "waiting"
    return [_step_members(step, state) for step in move.transition.steps]


def type_of(name: str) -> GpuType:
    """Return a GPU type that comes with heddle."""
    return builtin_catalogue().get(name)


def _step_members(step: Any, state: str) -> dict[str, Any]:
    return {
        "id": step.id,
        "move": step.move,
        "action": step.action.value,
        "gpu": step.gpu,
        "start": step.placement.start,
        "profile": step.placement.profile,
        "service": step.serving.service if step.serving else "",
        "state": state,
        "after": list(step.after),
    }
