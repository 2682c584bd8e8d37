"""What is sent now and what waits, as a function of what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executions import LEFT, ORIGIN, RIGHT, TIMES, VISION, small_transition
from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.event import Event, Outcome
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.transition.execution.decision import Reason
from heddle.transition.execution.issue import Choice, choose
from heddle.transition.execution.leg import Leg, Purpose
from heddle.transition.execution.leg_state import LegState, Stage
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.execution.observation import FloorGuard, Observation
from heddle.transition.execution.watch import Watch
from heddle.transition.transition import Floor, Transition
from transition_cases import StepList, transition_of

LIMITS = ExecutionLimits()


def leg_state(transition: Transition | None = None, floor_rps: float = 150.0) -> LegState:
    floors = {"chat": Floor(floor_rps, floor_rps), "vision": Floor(0.0, 0.0)}
    transition = replace(transition or small_transition(), floors=floors)
    return LegState(Leg(1, Purpose.FORWARD, transition, 0.0))


def serving(*places: tuple[str, PlannedInstance]) -> Snapshot:
    """Return a snapshot in which these instances serve."""
    states = []
    for number in range(2):
        instances = tuple(
            LiveInstance(Placement(i.start, i.profile), "", i, is_ready=True)
            for gpu, i in places
            if gpu == f"gpu-{number}"
        )
        states.append(GpuState(Gpu(f"gpu-{number}", f"node-{number}", "A100-80GB"), instances))
    return Snapshot(tuple(states))


AS_PLANNED = serving(("gpu-0", LEFT), ("gpu-1", LEFT), ("gpu-1", RIGHT))


def chosen(
    state: LegState,
    watch: Watch | None = None,
    limits: ExecutionLimits = LIMITS,
    snapshot: Snapshot = AS_PLANNED,
    now_s: float = 0.0,
) -> Choice:
    def guard() -> FloorGuard:
        return FloorGuard(state, Observation(snapshot, now_s))

    return choose(state, watch or Watch(), limits, now_s, guard)


def numbers(choice: Choice) -> list[int]:
    return [step.id for step in choice.steps]


def finish(state: LegState, *steps: int) -> None:
    for step in steps:
        state.intend(step)
        state.end(step, Event("", Outcome.DONE, 0.0))


def fail(state: LegState, step: int, *, is_retryable: bool = True) -> None:
    state.intend(step)
    state.end(step, Event("", Outcome.FAILED, 0.0, "broken", is_retryable))


def test_steps_that_wait_for_nothing_are_sent_longest_way_first() -> None:
    assert numbers(chosen(leg_state())) == [0, 4]
    many = StepList()
    for start in (0, 1, 2):
        many.create("gpu-0", Placement(start, "1g.10gb"))
    many.start("gpu-0", VISION._replace(start=1), [1])
    short = transition_of(ORIGIN, ORIGIN, many.steps)
    assert numbers(chosen(leg_state(short))) == [1, 0, 2]


def test_a_step_is_sent_only_when_all_that_it_waits_for_is_done() -> None:
    state = leg_state()
    state.intend(0)
    state.intend(4)
    assert numbers(chosen(state)) == []
    state.end(4, Event("", Outcome.DONE, 0.0))
    assert numbers(chosen(state)) == [5]


def test_a_node_gets_no_more_commands_at_a_time_than_its_limit() -> None:
    many = StepList()
    for start in range(7):
        many.create("gpu-0", Placement(start, "1g.10gb"))
    many.create("gpu-1", Placement(4, "1g.10gb"))
    state = leg_state(transition_of(ORIGIN, ORIGIN, many.steps))
    limits = replace(LIMITS, commands_per_node=3)
    choice = chosen(state, limits=limits)
    assert numbers(choice) == [0, 1, 2, 7]
    assert choice.waits[Reason.NODE_BUSY].sentence.startswith("step 3 (create on 1g.10gb at 3")
    for step in numbers(choice):
        state.intend(step)
    assert numbers(chosen(state, limits=limits)) == []
    state.end(1, Event("", Outcome.DONE, 0.0))
    assert numbers(chosen(state, limits=limits)) == [3]


def test_a_failed_step_waits_until_it_may_be_tried_again() -> None:
    state, watch = leg_state(), Watch()
    fail(state, 0)
    watch.retry_at_s[0] = 10.0
    early = chosen(state, watch, now_s=9.9)
    assert numbers(early) == [4]
    assert "broken" in early.waits[Reason.BACK_OFF].sentence
    assert numbers(chosen(state, watch, now_s=10.0)) == [0, 4]


def test_a_step_that_failed_for_good_stops_everything() -> None:
    state = leg_state()
    fail(state, 4, is_retryable=False)
    choice = chosen(state)
    assert (numbers(choice), choice.failed) == ([], state.leg.steps[4])


def test_a_step_is_tried_a_limited_number_of_times() -> None:
    state = leg_state()
    limits = replace(LIMITS, max_attempts=2)
    fail(state, 0)
    assert chosen(state, limits=limits).failed is None
    fail(state, 0)
    assert chosen(state, limits=limits).failed == state.leg.steps[0]


def test_nothing_is_sent_to_a_node_that_does_not_answer() -> None:
    watch = Watch(silent_since_s={"node-1": 0.0})
    choice = chosen(leg_state(), watch)
    assert numbers(choice) == [4]
    assert choice.waits[Reason.NODE_SILENT].sentence.endswith("waits: node-1 does not answer")


def test_a_stop_is_sent_while_the_floor_holds_without_it() -> None:
    state = leg_state()
    finish(state, 0, 1, 4, 5)
    assert numbers(chosen(state)) == [2]


def test_a_stop_waits_when_a_node_has_lost_what_it_served() -> None:
    state = leg_state()
    finish(state, 0, 1, 4, 5)
    choice = chosen(state, snapshot=serving(("gpu-0", LEFT), ("gpu-1", RIGHT)))
    assert numbers(choice) == []
    assert choice.held == (
        "step 2 (stop chat on 3g.40gb at 0 of gpu-0) waits: chat has 200 requests/s with "
        "traffic, would have 100, and needs 150"
    )


def test_a_server_that_has_died_may_be_stopped() -> None:
    state = leg_state()
    finish(state, 0, 1, 4, 5)
    assert numbers(chosen(state, snapshot=serving(("gpu-1", LEFT)))) == [2]


@pytest.mark.parametrize(("floor_rps", "expected"), [(0.0, [0, 1]), (100.0, [0]), (150.0, [])])
def test_stops_of_one_round_are_counted_together(floor_rps: float, expected: list[int]) -> None:
    stops = StepList()
    stops.stop("gpu-0", LEFT)
    stops.stop("gpu-1", LEFT)
    state = leg_state(transition_of(ORIGIN, ORIGIN, stops.steps), floor_rps)
    before = serving(("gpu-0", LEFT), ("gpu-1", LEFT))
    assert numbers(chosen(state, snapshot=before)) == expected


def test_a_stop_that_is_under_way_does_not_count_although_it_may_be_seen_to_serve() -> None:
    stops = StepList()
    stops.stop("gpu-0", LEFT)
    stops.stop("gpu-1", LEFT)
    state = leg_state(transition_of(ORIGIN, ORIGIN, stops.steps))
    state.intend(1)
    assert numbers(chosen(state)) == []
    fail(state, 1)
    assert state.stages[1] is Stage.FAILED


def test_the_cluster_is_not_looked_at_without_a_stop() -> None:
    def guard() -> FloorGuard:
        raise AssertionError("nobody asked")

    state = leg_state()
    assert numbers(choose(state, Watch(), LIMITS, 0.0, guard)) == [0, 4]


def test_what_is_waited_for_grows_with_the_attempts_up_to_a_cap() -> None:
    limits = ExecutionLimits(backoff_s=1.0, backoff_cap_s=10.0)
    assert [limits.retry_s(n, None) for n in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert limits.retry_s(1, 5.0) == 5.0
    assert limits.retry_s(4, 5.0) == 8.0
    assert limits.retry_s(1, 1e9) == 10.0
    assert limits.retry_s(10_000, None) == 10.0


def test_a_command_is_looked_for_after_its_estimate_and_some_grace() -> None:
    limits = ExecutionLimits(estimate_factor=3.0, grace_s=10.0)
    assert limits.overdue_s(TIMES.default[Action.START]) == 100.0
