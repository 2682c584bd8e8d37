"""What a transition says of itself is held against its steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heddle.cluster.gpu import Gpu
from heddle.transition.invariant.claims import longest_path_s, num_spare_gpus
from heddle.transition.invariant.proof import prove
from heddle.transition.transition import Floor, Transition
from transition_cases import StepList, deployment, instance, transition_of, type_of

OLD = instance("3g.20gb", 0, "bert", 100.0)
NEW = instance("7g.40gb", 0, "bert", 150.0)


def handover() -> Transition:
    """One service goes from gpu-0 to gpu-1."""
    steps = StepList()
    start = steps.start("gpu-1", NEW, [steps.create("gpu-1", NEW)])
    steps.destroy("gpu-0", OLD, [steps.stop("gpu-0", OLD, [start])])
    return transition_of(
        deployment({"bert": 90.0}, {"gpu-0": [OLD]}),
        deployment({"bert": 120.0}, {"gpu-1": [NEW]}),
        steps.steps,
    )


def messages(transition: Transition) -> list[str]:
    return [str(violation) for violation in prove(transition, type_of).violations]


def test_what_is_proved_may_be_claimed() -> None:
    proof = prove(handover(), type_of)
    assert proof.floors == {"bert": Floor(90.0, 100.0)}
    assert messages(replace(handover(), floors=proof.floors)) == []


def test_a_lower_least_rate_may_be_claimed_and_a_higher_one_not() -> None:
    assert messages(replace(handover(), floors={"bert": Floor(90.0, 99.0)})) == []
    (message,) = messages(replace(handover(), floors={"bert": Floor(90.0, 100.000001)}))
    assert "a least rate of 100 requests/s is stated; only 100 is proved" in message


@pytest.mark.parametrize("floor_rps", [89.0, 91.0, float("nan")])
def test_another_floor_may_not_be_claimed(floor_rps: float) -> None:
    (message,) = messages(replace(handover(), floors={"bert": Floor(floor_rps, 90.0)}))
    assert message.startswith("service bert: a floor of")
    assert "the two deployments give 90" in message


def test_floors_name_every_service_and_no_other() -> None:
    floors = {"cert": Floor(0.0, 0.0)}
    assert messages(replace(handover(), floors=floors)) == [
        "no floor is stated for service bert",
        "a floor is stated for service cert, which neither side has",
    ]


@pytest.mark.parametrize(
    ("factor", "is_true"), [(1.0, True), (1 + 5e-7, True), (1 + 2e-6, False), (0.5, False)]
)
def test_the_makespan_is_the_longest_path_up_to_rounding(
    factor: float,
    is_true: bool,  # noqa: FBT001 - a row of a table
) -> None:
    claimed = replace(handover(), makespan_s=4.0 * factor)
    assert (messages(claimed) == []) is is_true


def test_a_makespan_that_is_no_number_is_no_makespan() -> None:
    (message,) = messages(replace(handover(), makespan_s=float("nan")))
    assert message == "a makespan of nan s is stated; the longest path of the steps takes 4 s"


def test_the_number_of_spare_gpus_is_counted_from_the_steps() -> None:
    assert handover().spare_gpus == 1
    (message,) = messages(replace(handover(), spare_gpus=0))
    assert message == "0 spare GPUs are stated; the steps use 1"


def test_spare_gpus_are_counted_type_by_type() -> None:
    origin = deployment({"bert": 0.0}, {"gpu-0": [OLD], "gpu-1": [OLD]})
    other = instance("4g.24gb", 0, "bert")
    target = deployment({"bert": 0.0}, {"gpu-2": [other]}, gpu_type="A30-24GB")
    bridge = Gpu("gpu-3", "node-0", "A30-24GB")
    steps = StepList()
    steps.create("gpu-3", other)
    # Two of one type and two of the other, of which the target needs one.
    assert num_spare_gpus(transition_of(origin, target, steps.steps, [bridge])) == 1
    # A GPU that is borrowed in name only is none.
    assert num_spare_gpus(transition_of(origin, target, (), [bridge])) == 0


def test_the_longest_path_is_that_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    steps = StepList()
    for number in range(12):
        after = [other for other in range(number) if rng.random() < 0.3]
        steps.create("gpu-0", OLD, after)
    timed = [replace(step, estimate_s=float(rng.integers(1, 9))) for step in steps.steps]

    def longest_from(number: int) -> float:
        later = [longest_from(s.id) for s in timed if number in s.after]
        return timed[number].estimate_s + max(later, default=0.0)

    assert longest_path_s(timed) == max(longest_from(number) for number in range(12))
    assert longest_path_s(()) == 0.0
