"""Spans, critical path and rates of hand-made steps."""

from heddle.cluster.command import Action
from heddle.cluster.partition import Placement
from heddle.transition.schedule import critical_path, earliest, makespan_s, ready_rates
from heddle.transition.step import Step
from transition_cases import deployment, instance

OLD = instance("7g.40gb", 0, "ant", 100.0)
NEW = instance("7g.40gb", 0, "ant", 140.0)


def step(number: int, action: Action, gpu: str, seconds: float, *after: int) -> Step:
    serving = {Action.START: NEW, Action.STOP: OLD}.get(action)
    return Step(number, action, gpu, Placement(0, "7g.40gb"), serving, seconds, after)


STEPS = (
    step(0, Action.CREATE, "gpu-1", 2.0),
    step(1, Action.START, "gpu-1", 5.0, 0),
    step(2, Action.STOP, "gpu-0", 3.0, 1),
    step(3, Action.DESTROY, "gpu-0", 1.0, 2),
)


def test_steps_are_issued_as_soon_as_what_they_wait_for_is_done() -> None:
    assert earliest(STEPS) == [(0.0, 2.0), (2.0, 7.0), (7.0, 10.0), (10.0, 11.0)]
    assert makespan_s(STEPS) == 11.0
    assert critical_path(STEPS) == [0, 1, 2, 3]


def test_nothing_to_do_takes_no_time() -> None:
    assert (makespan_s(()), critical_path(())) == (0.0, [])


def test_an_instance_counts_from_the_end_of_its_start_to_the_issue_of_its_stop() -> None:
    origin = deployment({"ant": 90.0}, {"gpu-0": [OLD]})
    assert ready_rates(origin, STEPS) == {"ant": [(0.0, 100.0), (7.0, 140.0)]}
    in_turn = (STEPS[0], STEPS[1], step(2, Action.STOP, "gpu-0", 3.0))
    assert ready_rates(origin, in_turn) == {"ant": [(0.0, 0.0), (7.0, 140.0)]}
