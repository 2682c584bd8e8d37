"""What a snapshot says about steps: done, not yet, or not what was left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executions import LEFT, ORIGIN, RIGHT, VISION, small_transition
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.event import Event, Outcome
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.transition.execution.leg import Leg, Purpose
from heddle.transition.execution.leg_state import LegState
from heddle.transition.execution.observation import Observation, drift, start_objections

GPUS = [Gpu(f"gpu-{n}", f"node-{n}", "A100-80GB") for n in range(2)]


def placement_of(instance: PlannedInstance) -> Placement:
    return Placement(instance.start, instance.profile)


def serving(instance: PlannedInstance) -> LiveInstance:
    return LiveInstance(placement_of(instance), "", instance, is_ready=True)


def empty(instance: PlannedInstance) -> LiveInstance:
    return LiveInstance(placement_of(instance), "")


def starting(instance: PlannedInstance) -> LiveInstance:
    return LiveInstance(placement_of(instance), "", instance)


def snapshot(*on_each: tuple[LiveInstance, ...]) -> Snapshot:
    states = [GpuState(gpu, on) for gpu, on in zip(GPUS, on_each, strict=False)]
    missing = frozenset(gpu.node for gpu in GPUS[len(on_each) :])
    return Snapshot(tuple(states), unreachable=missing)


CREATE, START, STOP, DESTROY = range(4)


@pytest.mark.parametrize(
    ("step", "first", "second", "is_shown"),
    [
        (CREATE, (), (), False),
        (CREATE, (), (empty(RIGHT),), True),
        (START, (), (empty(RIGHT),), False),
        (START, (), (starting(RIGHT),), False),
        (START, (), (serving(RIGHT),), True),
        (START, (), (serving(RIGHT._replace(batch=2)),), False),
        (STOP, (serving(LEFT),), (), False),
        (STOP, (starting(LEFT),), (), False),
        (STOP, (empty(LEFT),), (), True),
        (STOP, (), (), True),
        (DESTROY, (empty(LEFT),), (), False),
        (DESTROY, (), (), True),
    ],
)
def test_what_a_step_is_for_can_be_seen(
    step: int,
    first: tuple[LiveInstance, ...],
    second: tuple[LiveInstance, ...],
    is_shown: bool,  # noqa: FBT001 (a row of values)
) -> None:
    seen = Observation(snapshot(first, second), 0.0)
    assert seen.shows(small_transition().steps[step]) is is_shown


def test_nothing_can_be_said_of_a_node_that_does_not_answer() -> None:
    seen = Observation(snapshot(()), 0.0)
    assert not any(seen.shows(step) for step in small_transition().steps if step.gpu == "gpu-1")


def test_what_runs_as_it_was_left_is_no_drift() -> None:
    state = LegState(Leg(1, Purpose.FORWARD, small_transition(), 0.0))
    before = snapshot((serving(LEFT),), (serving(LEFT),))
    assert drift(state, Observation(before, 0.0)) == []
    state.intend(0)
    state.end(0, Event("", Outcome.DONE, 0.0))
    made = snapshot((serving(LEFT),), (serving(LEFT), empty(RIGHT)))
    assert drift(state, Observation(made, 0.0)) == []
    assert drift(state, Observation(before, 0.0)) == [
        "gpu-1 at 4: 3g.40gb has no instance, should have no service"
    ]


def test_what_open_steps_change_and_what_cannot_be_seen_is_no_drift() -> None:
    state = LegState(Leg(1, Purpose.FORWARD, small_transition(), 0.0))
    state.intend(0)
    for on_second in ((serving(LEFT),), (serving(LEFT), empty(RIGHT))):
        seen = snapshot((serving(LEFT),), on_second)
        assert drift(state, Observation(seen, 0.0)) == []
    assert drift(state, Observation(snapshot((serving(LEFT),)), 0.0)) == []


def test_servers_that_died_and_strangers_are_drift() -> None:
    state = LegState(Leg(1, Purpose.FORWARD, small_transition(), 0.0))
    seen = snapshot((empty(LEFT), serving(VISION)), (starting(LEFT),))
    assert drift(state, Observation(seen, 0.0)) == [
        "gpu-0 at 0: 3g.40gb has no service, should have chat (batch 8, 1 processes)",
        "gpu-0 at 6: 1g.10gb has vision (batch 4, 1 processes), should have no instance",
        (
            "gpu-1 at 0: 3g.40gb has chat (batch 8, 1 processes) without traffic, "
            "should have chat (batch 8, 1 processes)"
        ),
    ]


def test_a_beginning_may_have_instances_without_a_service_if_it_says_so() -> None:
    before = snapshot((serving(LEFT), empty(VISION)), (serving(LEFT),))
    transition = small_transition()
    assert start_objections(transition, before) == [
        "gpu-0 at 6: runs 1g.10gb without a service, should run nothing"
    ]
    said = replace(transition, unserved={"gpu-0": (placement_of(VISION),)})
    assert start_objections(said, before) == []
    gone = snapshot((serving(LEFT),), (serving(LEFT),))
    assert start_objections(said, gone) == [
        "gpu-0 at 6: runs nothing, should be 1g.10gb without one"
    ]


def test_a_gpu_in_another_node_is_an_objection() -> None:
    moved = replace(
        snapshot((serving(LEFT),), (serving(LEFT),)),
        gpus=(
            GpuState(GPUS[0]._replace(node="node-9"), (serving(LEFT),)),
            GpuState(GPUS[1], (serving(LEFT),)),
        ),
    )
    assert start_objections(small_transition(), moved) == [
        "gpu-0: a A100-80GB in node-9, where a A100-80GB in node-0 is needed"
    ]
    assert ORIGIN.configurations[0].node == "node-0"
