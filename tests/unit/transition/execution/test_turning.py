"""Where to go from a leg that was given up, as a function of the journal and of what runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executions import (
    HELPLESS,
    LEFT,
    ORIGIN,
    REPLANNER,
    RIGHT,
    TARGET,
    Cluster,
    Ended,
    small_transition,
    type_of,
)
from heddle.clock import ManualClock
from heddle.cluster.command import Action
from heddle.cluster.deployment import ServedService
from heddle.cluster.event import Event, Outcome
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.faults import CommandFault, FaultScript, Which
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.journal_state import ExecutionOutcome, JournalState
from heddle.transition.execution.leg import Purpose
from heddle.transition.execution.turning import (
    NextLeg,
    TheEnd,
    arrival,
    next_turn,
    promised_services,
    what_serves,
)
from heddle.transition.executor import Executor, Host
from heddle.transition.invariant.proof import prove
from heddle.transition.journal import Journal
from heddle.transition.progress import ExecutionProgress
from heddle.transition.transition import Floor

MAX_REPLANS = 2
WHY = Decision(Reason.STEP_FAILED, "it broke")


@pytest.fixture
def journal() -> Journal:
    made = Journal(MemoryLedger(), ManualClock())
    floors = {"chat": Floor(150.0, 200.0), "vision": Floor(0.0, 0.0)}
    made.begin(small_transition(), replace(small_transition(), floors=floors))
    return made


def snapshot(*beside: LiveInstance) -> Snapshot:
    """Return the origin, with instances beside LEFT on gpu-1."""
    left = LiveInstance(Placement(LEFT.start, LEFT.profile), "", LEFT, is_ready=True)
    first, second = small_transition().gpus["gpu-0"], small_transition().gpus["gpu-1"]
    return Snapshot((GpuState(first, (left,)), GpuState(second, (left, *beside))))


HALF = LiveInstance(Placement(RIGHT.start, RIGHT.profile), "", RIGHT)
EMPTY = HALF._replace(serving=None)


def turn(state: JournalState, seen: Snapshot, *, helpless: bool = False) -> NextLeg | TheEnd:
    return next_turn(state, seen, HELPLESS if helpless else REPLANNER, MAX_REPLANS)


def test_a_server_without_traffic_is_stopped_first(journal: Journal) -> None:
    journal.give_up(WHY)
    leg = turn(journal.state, snapshot(HALF))
    assert isinstance(leg, NextLeg)
    assert leg.purpose is Purpose.SETTLE
    [step] = leg.transition.steps
    assert (step.action, step.gpu, step.serving) == (Action.STOP, "gpu-1", RIGHT)
    assert leg.transition.origin == leg.transition.target == what_serves(journal.state, snapshot())


def test_stopping_servers_without_traffic_is_given_up_after_some_times(journal: Journal) -> None:
    for _ in range(2 * (1 + MAX_REPLANS)):
        journal.give_up(WHY)
        leg = turn(journal.state, snapshot(HALF))
        assert isinstance(leg, NextLeg)
        journal.replan(leg.purpose, leg.transition, leg.decision)
    end = turn(journal.state, snapshot(HALF))
    assert isinstance(end, TheEnd)
    assert end.outcome is ExecutionOutcome.STOPPED
    assert "1 server without traffic cannot be stopped" in end.decision.sentence
    assert end.decision.sentence.endswith("left over without traffic: 3g.40gb at 4 of gpu-1")


def test_the_way_to_the_target_goes_on_from_what_runs(journal: Journal) -> None:
    journal.give_up(WHY)
    leg = turn(journal.state, snapshot(EMPTY))
    assert isinstance(leg, NextLeg)
    assert leg.purpose is Purpose.FORWARD
    assert prove(leg.transition, type_of).violations == ()
    assert leg.transition.unserved == {"gpu-1": (EMPTY.placement,)}
    # What exists already is not made again.
    assert leg.transition.count(Action.CREATE) == 1
    assert leg.transition.floors["chat"].floor_rps == 150.0


def test_the_way_back_is_the_way_to_what_was_before(journal: Journal) -> None:
    journal.abort()
    leg = turn(journal.state, snapshot(EMPTY))
    assert isinstance(leg, NextLeg)
    assert leg.purpose is Purpose.BACK
    assert leg.transition.target.planned_rps() == ORIGIN.planned_rps()
    assert [step.action for step in leg.transition.steps] == [Action.DESTROY]


def test_what_is_there_already_needs_no_way(journal: Journal) -> None:
    journal.abort()
    end = turn(journal.state, snapshot())
    assert isinstance(end, TheEnd)
    assert (end.outcome, end.deployment) == (ExecutionOutcome.ABORTED, ORIGIN)


def test_without_a_way_what_serves_nobody_is_cleared_away(journal: Journal) -> None:
    journal.give_up(WHY)
    leg = turn(journal.state, snapshot(EMPTY), helpless=True)
    assert isinstance(leg, NextLeg)
    assert leg.purpose is Purpose.TIDY
    assert [(s.action, s.placement) for s in leg.transition.steps] == [
        (Action.DESTROY, EMPTY.placement)
    ]
    assert prove(leg.transition, type_of).violations == ()
    journal.replan(leg.purpose, leg.transition, leg.decision)
    [step] = leg.transition.steps
    command = journal.intend(step)
    journal.end(step, Event(command.id, Outcome.DONE, 0.0), WHY)
    end = arrival(journal.state, snapshot())
    assert end is not None
    assert end.outcome is ExecutionOutcome.STOPPED
    assert end.decision.sentence == (
        "stopped where every floor holds: no way to the target: there is no other way"
    )


def test_the_same_target_is_planned_for_a_limited_number_of_times(journal: Journal) -> None:
    for _ in range(MAX_REPLANS):
        journal.give_up(WHY)
        leg = turn(journal.state, snapshot(EMPTY))
        assert isinstance(leg, NextLeg)
        assert leg.purpose is Purpose.FORWARD
        journal.replan(leg.purpose, leg.transition, leg.decision)
    journal.give_up(WHY)
    leg = turn(journal.state, snapshot(EMPTY))
    assert isinstance(leg, NextLeg)
    assert leg.purpose is Purpose.TIDY
    assert leg.decision.sentence == "the target was planned for anew 2 times"
    # The way back is counted on its own.
    journal.abort()
    back = turn(journal.state, snapshot(EMPTY))
    assert isinstance(back, NextLeg)
    assert back.purpose is Purpose.BACK


def test_where_a_floor_does_not_hold_that_is_said(journal: Journal) -> None:
    journal.give_up(WHY)
    seen = replace(snapshot(), gpus=snapshot().gpus[:1], unreachable=frozenset({"node-1"}))
    end = turn(journal.state, seen, helpless=True)
    assert isinstance(end, TheEnd)
    assert end.decision.sentence == (
        "stopped below the floor of chat (100 of 150 requests/s): no way to the target: there is "
        "no other way; what runs on node-1 is not known, as it does not answer"
    )


def test_between_two_deployments_the_smaller_requirement_is_owed() -> None:
    services = promised_services(ORIGIN, TARGET)
    assert {name: service.required_rps for name, service in services.items()} == {
        "chat": 150.0,
        "vision": 30.0,
    }
    without = replace(TARGET, services={"chat": ServedService("chat", 120.0, 50.0)})
    assert promised_services(ORIGIN, without)["chat"].rate_rps == 120.0


class Detached:
    """A cluster in which one server on gpu-1 has no traffic any more, from some moment on."""

    def __init__(self, driver: SimulatedDriver) -> None:
        self._driver = driver
        self.clock = driver.clock
        self.submit = driver.submit
        self.wait = driver.wait
        self.is_detached = False

    def observe(self) -> Snapshot:
        seen = self._driver.observe()
        return replace(seen, gpus=tuple(map(self._shown, seen.gpus)))

    def _shown(self, state: GpuState) -> GpuState:
        is_meant = self.is_detached and state.gpu.id == "gpu-1"
        return GpuState(
            state.gpu,
            tuple(
                i._replace(is_ready=False) if is_meant and i.serving == RIGHT else i
                for i in state.instances
            ),
        )


def test_a_server_that_lost_its_traffic_is_stopped_before_the_new_plan() -> None:
    broken = CommandFault(Which(step=5), Outcome.FAILED, 1, "broken", is_retryable=False)
    transition = small_transition()
    driver = Cluster(FaultScript((broken,)), num_extra_gpus=2).started(transition)
    ledger, detached = MemoryLedger(), Detached(driver)

    def detach(progress: ExecutionProgress) -> None:
        is_failure = progress.last is not None and progress.last.reason is Reason.STEP_FAILED
        detached.is_detached = is_failure or progress.purpose is Purpose.SETTLE

    executor = Executor(
        transition,
        Host(detached, driver.clock),
        Journal(ledger, driver.clock),
        REPLANNER,
        on_progress=detach,
    )
    result = executor.run()
    purposes = [
        entry.members["purpose"]
        for entry in ledger.entries()
        if entry.kind == "transition.replanned"
    ]
    assert purposes == ["settle", "forward"]
    assert result.outcome is ExecutionOutcome.DONE
    assert Ended(transition, result, driver, ledger, 1).wrongs() == []
