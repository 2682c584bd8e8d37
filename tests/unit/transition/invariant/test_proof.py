"""Small transitions by hand: what is proved of them, and what is found wrong by name."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from heddle.cluster.command import Action
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.transition.invariant.proof import MAX_VIOLATIONS, prove
from heddle.transition.step import Step
from heddle.transition.transition import Floor, Transition
from large_transitions import rebuilt_on_spares, rolled_over
from transition_cases import (
    StepList,
    deployment,
    instance,
    transition_of,
    type_of,
    with_claims,
)
from transition_tampering import with_steps, without_edge, without_step

LEFT = instance("3g.20gb", 0, "bert", 100.0)
RIGHT = instance("3g.20gb", 4, "bert", 80.0)
WHOLE = instance("7g.40gb", 0, "bert", 200.0)


def messages(transition: Transition) -> list[str]:
    return [str(violation) for violation in prove(with_claims(transition), type_of).violations]


def floors(transition: Transition) -> dict[str, Floor]:
    proof = prove(transition, type_of)
    assert proof.violations == ()
    return dict(proof.floors)


def repartition() -> Transition:
    """gpu-0 goes from two halves to a whole while gpu-1 carries its service.

    Steps: 0 creates and 1 starts a bridge on gpu-1; 2 and 3 stop, 4 and 5 destroy the
    halves; 6 creates and 7 starts the whole; 8 stops and 9 destroys the bridge.
    """
    steps = StepList()
    bridge = WHOLE._replace(rate_rps=150.0)
    start = steps.start("gpu-1", bridge, [steps.create("gpu-1", bridge)])
    stops = [steps.stop("gpu-0", LEFT, [start]), steps.stop("gpu-0", RIGHT, [start])]
    destroys = [
        steps.destroy("gpu-0", one, [stop]) for one, stop in zip((LEFT, RIGHT), stops, strict=True)
    ]
    ready = steps.start("gpu-0", WHOLE, [steps.create("gpu-0", WHOLE, destroys)])
    steps.destroy("gpu-1", bridge, [steps.stop("gpu-1", bridge, [ready])])
    return transition_of(
        deployment({"bert": 150.0}, {"gpu-0": [LEFT, RIGHT]}),
        deployment({"bert": 170.0}, {"gpu-0": [WHOLE]}),
        steps.steps,
        [Gpu("gpu-1", "node-0", "A100-40GB")],
    )


def restart() -> Transition:
    """One of two instances is started again with another batch."""
    again = LEFT._replace(batch=8, rate_rps=130.0)
    steps = StepList()
    steps.start("gpu-0", again, [steps.stop("gpu-0", LEFT)])
    return transition_of(
        deployment({"bert": 80.0}, {"gpu-0": [LEFT, RIGHT]}),
        deployment({"bert": 200.0}, {"gpu-0": [again, RIGHT]}),
        steps.steps,
    )


# What is proved.


def test_a_repartition_behind_a_bridge_keeps_the_rate_of_the_bridge() -> None:
    assert floors(repartition()) == {"bert": Floor(150.0, 150.0)}


def test_a_restart_in_place_costs_the_rate_of_its_instance() -> None:
    assert floors(restart()) == {"bert": Floor(80.0, 80.0)}


def test_nothing_to_do_is_proved_with_the_rates_as_they_are() -> None:
    same = deployment({"bert": 150.0}, {"gpu-0": [LEFT, RIGHT]})
    assert floors(transition_of(same, same, ())) == {"bert": Floor(150.0, 180.0)}


def test_a_service_that_only_one_side_has_is_promised_nothing() -> None:
    new = instance("3g.20gb", 4, "gpt", 50.0)
    steps = StepList()
    gone = steps.destroy("gpu-0", RIGHT, [steps.stop("gpu-0", RIGHT)])
    steps.start("gpu-0", new, [steps.create("gpu-0", new, [gone])])
    found = floors(
        transition_of(
            deployment({"bert": 80.0}, {"gpu-0": [RIGHT]}),
            deployment({"gpt": 50.0}, {"gpu-0": [new]}),
            steps.steps,
        )
    )
    assert found == {"bert": Floor(0.0, 0.0), "gpt": Floor(0.0, 0.0)}


def test_a_side_that_serves_less_than_it_requires_promises_what_it_serves() -> None:
    steps = StepList()
    again = LEFT._replace(batch=8)
    start = steps.start("gpu-1", again, [steps.create("gpu-1", again)])
    steps.destroy("gpu-0", LEFT, [steps.stop("gpu-0", LEFT, [start])])
    before = deployment({"bert": 500.0}, {"gpu-0": [LEFT]})
    after = deployment({"bert": 400.0}, {"gpu-1": [again]})
    assert floors(transition_of(before, after, steps.steps)) == {"bert": Floor(100.0, 100.0)}


def test_a_service_without_a_required_rate_requires_the_rate_that_it_states() -> None:
    transition = repartition()
    service = transition.origin.services["bert"]._replace(required_rps=None, rate_rps=40.0)
    origin = replace(transition.origin, services={"bert": service})
    assert floors(replace(transition, origin=origin)) == {"bert": Floor(40.0, 150.0)}


def test_rates_are_compared_in_whole_micro_requests() -> None:
    third = LEFT._replace(rate_rps=33.4)
    on = {f"gpu-{k}": [third] for k in range(3)}
    same = deployment({"bert": 100.2}, on)
    assert 3 * 33.4 < 100.2 + 1e-12
    assert floors(transition_of(same, same, ())) == {"bert": Floor(100.2, 100.2)}


def test_instances_without_a_service_are_used_or_destroyed() -> None:
    unserved = {"gpu-0": (Placement(0, "3g.20gb"), Placement(4, "3g.20gb"))}
    steps = StepList()
    steps.start("gpu-0", LEFT)
    steps.destroy("gpu-0", Placement(4, "3g.20gb"))
    origin = deployment({"bert": 0.0}, {})
    target = deployment({"bert": 90.0}, {"gpu-0": [LEFT]})
    good = transition_of(origin, target, steps.steps, unserved=unserved)
    assert floors(good) == {"bert": Floor(0.0, 0.0)}
    (message,) = messages(with_steps(good, good.steps[:1]))
    assert message == "3g.20gb at 4 of gpu-0: the instance is left without a service"


# What is found wrong: rates.


def test_a_missing_edge_that_a_floor_needs_is_found_with_service_and_step() -> None:
    (violation,) = prove(with_claims(without_edge(repartition(), 3, 1)), type_of).violations
    assert (violation.service, violation.step) == ("bert", 3)
    assert str(violation) == (
        "service bert can fall to 100 requests/s, below its floor of 150, when step 3 "
        "(stop bert on 3g.20gb at 4 of gpu-0) is issued"
    )


def test_the_bridge_must_stay_until_the_whole_is_ready() -> None:
    transition = repartition()
    steps = list(transition.steps)
    # It waits for its own start, but not for that of the whole.
    steps[8] = replace(steps[8], after=(1,))
    (violation,) = prove(with_claims(with_steps(transition, steps)), type_of).violations
    assert (violation.service, violation.step) == ("bert", 8)
    assert "can fall to 0 requests/s, below its floor of 150" in str(violation)


def test_one_millionth_of_a_request_too_little_is_found() -> None:
    transition = restart()
    service = transition.origin.services["bert"]._replace(required_rps=80.000001)
    origin = replace(transition.origin, services={"bert": service})
    (message,) = messages(replace(transition, origin=origin))
    assert message.startswith("service bert can fall to 80 requests/s, below its floor of 80")


# What is found wrong: partitions.


def test_an_overlap_in_time_is_found_with_both_placements() -> None:
    (violation,) = prove(with_claims(without_edge(repartition(), 6, 5)), type_of).violations
    assert violation.step == 6
    assert str(violation) == (
        "3g.20gb at 4 of gpu-0 and 7g.40gb at 0 of gpu-0 may exist at once: "
        "step 6 does not wait for step 5"
    )


def test_an_overlap_that_no_order_could_mend_is_found() -> None:
    steps = StepList()
    other = instance("4g.20gb", 0, "bert")
    steps.start("gpu-0", other, [steps.create("gpu-0", other)])
    origin = deployment({"bert": 0.0}, {"gpu-0": [LEFT]})
    target = deployment({"bert": 0.0}, {"gpu-0": [LEFT, other]})
    (message,) = messages(transition_of(origin, target, steps.steps))
    assert "neither is destroyed before the other is created" in message


def test_two_instances_may_take_turns_at_the_same_slots() -> None:
    half, whole = Placement(0, "3g.20gb"), Placement(0, "7g.40gb")
    steps = StepList()
    last: list[int] = []
    for place in (half, whole, half, whole):
        last = [steps.create("gpu-0", place, last)]
        last = [steps.destroy("gpu-0", place, last)]
    empty = deployment({}, {})
    bridge = [Gpu("gpu-0", "node-0", "A100-40GB")]
    turns = transition_of(empty, empty, steps.steps, bridge)
    assert messages(turns) == []
    # The second half waits for the first one now, and not for the whole between them.
    early = list(turns.steps)
    early[4] = replace(early[4], after=(1,))
    found = messages(with_steps(turns, early))
    assert any("may exist at once: step 4 does not wait for step 3" in one for one in found)


def engine_swap(wait: Iterable[int]) -> Transition:
    """The one instance with the media engine gives way to another one elsewhere."""
    old, new = instance("1g.5gb+me", 0, "bert"), instance("1g.5gb+me", 3, "bert")
    steps = StepList()
    steps.destroy("gpu-0", old, [steps.stop("gpu-0", old)])
    steps.start("gpu-0", new, [steps.create("gpu-0", new, wait)])
    return transition_of(
        deployment({"bert": 0.0}, {"gpu-0": [old]}),
        deployment({"bert": 0.0}, {"gpu-0": [new]}),
        steps.steps,
    )


def test_a_shared_engine_is_never_used_twice() -> None:
    assert messages(engine_swap([1])) == []
    first, second = messages(engine_swap([0]))
    assert first == (
        "gpu-0: 2 instances of 1g.5gb+me may be in use at once, the GPU has 1 "
        "(step 2 makes the last one)"
    )
    assert "2 shares of engine me may be in use at once" in second


def test_the_engine_may_be_freed_by_way_of_another_gpu() -> None:
    old, new = instance("1g.5gb+me", 0, "bert"), instance("1g.5gb+me", 3, "bert")
    steps = StepList()
    gone = steps.destroy("gpu-0", old, [steps.stop("gpu-0", old)])
    away = steps.create("gpu-1", new, [gone])
    steps.start("gpu-1", new, [away])
    steps.start("gpu-0", new, [steps.create("gpu-0", new, [away])])
    origin = deployment({"bert": 0.0}, {"gpu-0": [old]})
    target = deployment({"bert": 0.0}, {"gpu-0": [new], "gpu-1": [new]})
    assert messages(transition_of(origin, target, steps.steps)) == []


def test_a_count_and_an_excluded_pair_are_kept() -> None:
    ones = [instance("one", k, "bert") for k in range(4)]
    empty = deployment({"bert": 0.0}, {}, "Quarters")
    steps = StepList()
    for one in ones:
        steps.start("gpu-0", one, [steps.create("gpu-0", one)])
    target = deployment({"bert": 0.0}, {"gpu-0": ones}, "Quarters")
    (message,) = messages(transition_of(empty, target, steps.steps))
    assert message.startswith("gpu-0: 4 instances of one may be in use at once, the GPU has 3")
    pair = [instance("one+x", 0, "bert"), instance("two", 1, "bert")]
    same = deployment({"bert": 0.0}, {"gpu-0": pair}, "Quarters")
    (message,) = messages(transition_of(same, same, ()))
    assert "one+x at 0 of gpu-0 and two at 1 of gpu-0 may exist at once" in message


@pytest.mark.parametrize(
    ("profile", "start", "words"),
    [
        ("3g.20gb", 2, "it may start at 0, 4"),
        ("9g.99gb", 0, "A100-40GB has no profile '9g.99gb'"),
    ],
)
def test_a_placement_that_cannot_be_is_found(profile: str, start: int, words: str) -> None:
    strange = instance(profile, start, "bert")
    same = deployment({"bert": 0.0}, {"gpu-0": [strange]})
    (message,) = messages(transition_of(same, same, ()))
    assert f"{profile} at {start} of gpu-0" in message
    assert words in message


# What is found wrong: steps.


def test_a_start_on_an_instance_that_was_never_made_is_found() -> None:
    found = messages(without_step(repartition(), 0))
    assert found[0] == (
        "step 0 (start bert on 7g.40gb at 0 of gpu-1): there is no such instance then"
    )


def test_every_kind_of_step_needs_its_state() -> None:
    steps = StepList()
    steps.create("gpu-0", LEFT)
    steps.start("gpu-0", LEFT)
    steps.stop("gpu-0", LEFT._replace(batch=2))
    steps.start("gpu-0", LEFT)
    steps.destroy("gpu-0", LEFT)
    steps.destroy("gpu-0", LEFT)
    origin = deployment({"bert": 0.0}, {"gpu-0": [LEFT]})
    found = prove(transition_of(origin, origin, steps.steps), type_of).violations
    by_step = {v.step: str(v).split(": ", 1)[1] for v in found[:5]}
    runs = "bert (batch 1, 1 processes, 100 requests/s)"
    assert by_step == {
        0: "the instance exists already",
        1: f"{runs} still runs there",
        2: f"what runs there is {runs}",
        4: f"{runs} still runs there",
        5: "there is no such instance then",
    }


def test_steps_of_a_slot_that_do_not_wait_for_each_other_are_found() -> None:
    (violation,) = prove(with_claims(without_edge(restart(), 1, 0)), type_of).violations
    assert (violation.step, violation.service) == (1, "bert")
    assert "does not wait for step 0 (stop bert on 3g.20gb at 0 of gpu-0)" in str(violation)


def test_swapped_edges_are_found() -> None:
    transition = repartition()
    steps = list(transition.steps)
    one, other = steps[4], steps[6]
    steps[4], steps[6] = replace(one, after=(2,)), replace(other, after=(4,))
    (message,) = messages(with_steps(transition, steps))
    assert message.endswith("may exist at once: step 6 does not wait for step 5")
    steps[4], steps[6] = replace(one, after=()), replace(other, after=(2, 4, 5))
    found = messages(with_steps(transition, steps))
    assert any("does not wait for step 2" in message for message in found)


def test_a_step_too_many_is_found() -> None:
    transition = repartition()
    place = Placement(0, "7g.40gb")
    extra = Step(len(transition.steps), Action.DESTROY, "gpu-0", place, None, 1.0, (7,))
    found = messages(with_steps(transition, (*transition.steps, extra)))
    assert any("still runs there" in message for message in found)
    assert any("the target has bert" in message for message in found)


@pytest.mark.parametrize("gone", range(10))
def test_no_step_can_be_left_out(gone: int) -> None:
    assert messages(without_step(repartition(), gone)) != []


def test_an_end_that_is_not_the_target_is_found() -> None:
    transition = restart()
    target = deployment({"bert": 80.0}, {"gpu-0": [LEFT, RIGHT]})
    (message,) = messages(replace(transition, target=target))
    assert message == (
        "3g.20gb at 0 of gpu-0: the steps end with bert (batch 8, 1 processes, 130 requests/s), "
        "the target has bert (batch 1, 1 processes, 100 requests/s)"
    )
    on_gpu_0 = restart().target.configurations[0].instances
    target = deployment({"bert": 80.0}, {"gpu-0": on_gpu_0, "gpu-1": [LEFT]})
    (message,) = messages(replace(transition, target=target))
    assert message.startswith("3g.20gb at 0 of gpu-1: the steps end with nothing")


def test_a_service_that_neither_side_has_is_found() -> None:
    other = instance("7g.40gb", 0, "ghost")
    steps = StepList()
    start = steps.start("gpu-1", other, [steps.create("gpu-1", other)])
    steps.destroy("gpu-1", other, [steps.stop("gpu-1", other, [start])])
    same = deployment({"bert": 0.0}, {"gpu-0": [LEFT]})
    bridge = [Gpu("gpu-1", "node-0", "A100-40GB")]
    (violation,) = prove(transition_of(same, same, steps.steps, bridge), type_of).violations
    assert violation.service == "ghost"
    assert "neither deployment has service ghost" in str(violation)


# What is found wrong: form and GPUs.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": 7}, "it stands at position 1"),
        ({"after": (1,)}, "it waits for step 1, which does not stand before it"),
        ({"after": (-1,)}, "it waits for step -1"),
        ({"after": (9,)}, "it waits for step 9"),
        ({"serving": None}, "it names no service"),
        ({"serving": RIGHT}, "its service is on 3g.20gb at 4"),
        ({"serving": LEFT._replace(rate_rps=-1.0)}, "a rate of -1.0 requests/s"),
        ({"serving": LEFT._replace(rate_rps=float("nan"))}, "a rate of nan requests/s"),
        ({"estimate_s": -1.0}, "an estimate of -1.0 s"),
        ({"estimate_s": float("inf")}, "an estimate of inf s"),
    ],
)
def test_steps_that_are_no_graph_are_refused_before_anything_else(
    changes: dict[str, Any], words: str
) -> None:
    transition = restart()
    steps = (transition.steps[0], replace(transition.steps[1], **changes))
    proof = prove(with_steps(transition, steps), type_of)
    assert proof.floors == {}
    assert [violation.step for violation in proof.violations] == [1]
    assert words in str(proof.violations[0])


def test_a_create_names_no_service() -> None:
    steps = list(repartition().steps)
    steps[0] = replace(steps[0], serving=WHOLE)
    (violation,) = prove(with_steps(repartition(), steps), type_of).violations
    assert "it names service bert, which only a start or a stop may" in str(violation)


def test_an_instance_with_an_impossible_rate_is_refused() -> None:
    bad = deployment({"bert": 0.0}, {"gpu-0": [LEFT._replace(rate_rps=float("inf"))]})
    assert messages(transition_of(bad, bad, ())) == [
        f"{side}: 3g.20gb at 0 of gpu-0 has a rate of inf requests/s" for side in ("from", "to")
    ]


def test_a_gpu_must_be_known_and_of_a_known_type() -> None:
    found = messages(replace(repartition(), borrowed=()))
    assert found[0] == (
        "step 0 (create on 7g.40gb at 0 of gpu-1): neither deployment has this GPU, "
        "nor is it borrowed"
    )
    strange = replace(repartition(), borrowed=(Gpu("gpu-1", "node-0", "A1000-40GB"),))
    assert any("A1000-40GB" in message for message in messages(strange))
    lost = replace(repartition(), unserved={"gpu-7": (Placement(0, "7g.40gb"),)})
    assert any("neither deployment has gpu-7" in message for message in messages(lost))


def test_a_gpu_is_one_gpu_of_one_type_in_one_node() -> None:
    transition = restart()
    moved = deployment(
        {"bert": 80.0},
        {"gpu-0": [*transition.target.configurations[0].instances]},
        node="node-1",
    )
    (message,) = messages(replace(transition, target=moved))
    assert message == (
        "to: gpu-0 is of type A100-40GB in node-1; elsewhere it is of type A100-40GB in node-0"
    )
    (entry,) = transition.origin.configurations
    halves = (
        replace(entry, instances=entry.instances[:1]),
        replace(entry, instances=entry.instances[1:]),
    )
    twice = replace(transition, origin=replace(transition.origin, configurations=halves))
    assert messages(twice) == ["from: gpu-0 is there twice"]


def test_an_instance_is_there_once_at_either_end() -> None:
    same = deployment({"bert": 0.0}, {"gpu-0": [LEFT]})
    leftover = {"gpu-0": (Placement(0, "3g.20gb"),)}
    (message,) = messages(transition_of(same, same, (), unserved=leftover))
    assert message == "from: 3g.20gb at 0 of gpu-0 is there twice"
    doubled = deployment({"bert": 0.0}, {"gpu-0": [LEFT, LEFT]})
    found = messages(transition_of(same, doubled, ()))
    assert found == ["to: 3g.20gb at 0 of gpu-0 is there twice"]


def test_of_many_violations_the_first_are_kept() -> None:
    transition = rebuilt_on_spares(4, np.random.default_rng(0), 3)
    bare = with_steps(transition, [replace(step, after=()) for step in transition.steps])
    proof = prove(with_claims(bare), type_of)
    assert len(proof.violations) == MAX_VIOLATIONS
    assert proof == prove(with_claims(bare), type_of)


# How much work it is.


def lines_run(transition: Transition) -> int:
    """Count the lines of the proof's own modules that are run."""
    package = str(Path(sys.modules[prove.__module__].__file__ or "").parent)
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(package):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert prove(transition, type_of).violations == ()
    finally:
        sys.settrace(before)
    return count


def test_the_work_grows_with_the_steps_and_not_with_their_pairs() -> None:
    rng = np.random.default_rng(5)
    for make in (rebuilt_on_spares, lambda num_gpus, rng: rolled_over(num_gpus, 3, rng)):
        small, large = make(10, rng), make(40, rng)
        assert len(large.steps) == 4 * len(small.steps)
        assert lines_run(large) <= 6 * lines_run(small)
