"""Writing steps down in any order."""

import pytest

from heddle.cluster.command import Action
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.transition.action_times import find_times
from heddle.transition.draft import Draft
from transition_cases import deployment, instance

GPU = Gpu("gpu-0", "node-0", "A100-40GB")
PLACE = Placement(0, "7g.40gb")
SERVING = instance("7g.40gb", 0, "ant")


def draft() -> Draft:
    return Draft(find_times("direct"), deployment({}, {}))


def test_steps_come_out_in_an_order_in_which_they_may_run() -> None:
    writing = draft()
    start = writing.start(GPU, SERVING, move=3)
    create = writing.create(GPU, PLACE, move=3)
    writing.order(create, start)
    steps = writing.finished()
    assert [step.action for step in steps] == [Action.CREATE, Action.START]
    assert [step.after for step in steps] == [(), (0,)]
    assert [step.estimate_s for step in steps] == [0.043, 24.8]
    assert steps[1].serving == SERVING
    assert {step.move for step in steps} == {3}


def test_ties_go_to_the_step_that_was_written_first() -> None:
    writing = draft()
    for start in (4, 0, 2):
        writing.create(GPU, Placement(start, "2g.10gb"))
    assert [step.placement.start for step in writing.finished()] == [4, 0, 2]


def test_a_circle_is_the_planners_mistake() -> None:
    writing = draft()
    one, other = writing.create(GPU, PLACE), writing.destroy(GPU, PLACE)
    writing.order_all([one], other)
    writing.order(other, one)
    with pytest.raises(ValueError, match="in a circle"):
        writing.finished()
