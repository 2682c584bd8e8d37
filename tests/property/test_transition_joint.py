"""Laws of the joint planner, on pairs of deployments with much and with little slack."""

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import NoPlanError
from heddle.transition.gpu_room import gpus_of
from heddle.transition.invariant.proof import prove
from heddle.transition.joint.placement import place_target
from heddle.transition.lower_bound import bound_beside_s, makespan_bound_s
from heddle.transition.plan import num_spare_gpus, plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text
from tight_pairs import MIXED_TYPES, Tightness, request_of, tight_pair
from transition_cases import type_of

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def requests(draw: st.DrawFn) -> TransitionRequest:
    """A pair with random slack, between few GPUs of one type and several of many."""
    seed = draw(SEEDS)
    times = draw(st.sampled_from(["direct", "kubernetes"]))
    spare_gpus = draw(st.sampled_from([None, 0, 1, 4]))
    if draw(st.booleans()):
        tightness = Tightness(
            most_gpus=draw(st.integers(1, 8)),
            required=draw(st.sampled_from([1.0, 0.95, 0.7])),
            gpu_types=MIXED_TYPES[: draw(st.integers(1, 4))],
        )
        origin, wanted = tight_pair(seed, tightness)
    else:
        pair = random_pair(np.random.default_rng(seed), Sizes(1, 16, 1, 10))
        origin, wanted = pair.origin, pair.wanted
    return request_of(origin, wanted, times, spare_gpus)


def planned(request: TransitionRequest) -> Transition | None:
    """Return the transition; None where the planner says, by name, that there is none."""
    try:
        return plan_transition(request)
    except NoPlanError as refused:
        message = str(refused)
    assert request.spare_gpus is not None
    assert "blocks" in message
    assert "would do" in message
    return None


def contents(deployment: Deployment) -> Counter[tuple[str, frozenset[tuple[PlannedInstance, int]]]]:
    """Count GPUs by type and by what they run, wherever it starts."""
    return Counter(
        (
            gpu.gpu_type,
            frozenset(Counter(i._replace(start=0) for i in gpu.instances).items()),
        )
        for gpu in deployment.configurations
    )


@given(requests())
@settings(max_examples=60, deadline=None)
def test_every_transition_is_proved_and_leads_to_what_is_wanted(request: TransitionRequest) -> None:
    transition = planned(request)
    if transition is not None:
        assert prove(transition, type_of).violations == ()
        assert transition.origin == request.origin
        assert contents(transition.target) == contents(request.wanted)


@given(requests())
@settings(max_examples=40, deadline=None)
def test_no_more_spare_gpus_are_borrowed_than_allowed(request: TransitionRequest) -> None:
    transition = planned(request)
    if transition is not None:
        before, after = gpus_of(transition.origin), gpus_of(transition.target)
        used = num_spare_gpus(before, after, transition.borrowed)
        assert transition.spare_gpus == used
        assert request.spare_gpus is None or used <= request.spare_gpus


@given(requests())
@settings(max_examples=25, deadline=None)
def test_where_the_planner_refuses_the_number_that_it_names_does(
    request: TransitionRequest,
) -> None:
    try:
        plan_transition(replace(request, spare_gpus=0))
    except NoPlanError as refused:
        number = int(str(refused).split("--spare-gpus ")[1].rstrip(")"))
        assert plan_transition(replace(request, spare_gpus=number)).spare_gpus <= number
        assert plan_transition(replace(request, spare_gpus=None)).spare_gpus <= number
    else:
        assert plan_transition(replace(request, spare_gpus=None)).spare_gpus == 0


@given(requests())
@settings(max_examples=40, deadline=None)
def test_as_many_instances_are_kept_as_the_nearest_placement_keeps(
    request: TransitionRequest,
) -> None:
    transition = planned(request)
    if transition is not None and transition.spare_gpus == 0:
        assert transition.num_kept >= place_target(request).num_untouched


@given(requests())
@settings(max_examples=40, deadline=None)
def test_no_transition_is_shorter_than_its_bound(request: TransitionRequest) -> None:
    transition = planned(request)
    if transition is not None:
        least_s = bound_beside_s(request, transition)
        assert makespan_bound_s(request) <= least_s + 1e-6
        assert least_s <= transition.makespan_s + 1e-6


@given(requests())
@settings(max_examples=40, deadline=None)
def test_the_steps_are_linear_in_what_changes_and_their_waits_in_the_steps(
    request: TransitionRequest,
) -> None:
    transition = planned(request)
    if transition is not None:
        steps = transition.steps
        # Seven instances can be in the way of one; a start is drawn on by neighbours.
        assert sum(len(step.after) for step in steps) <= 8 * len(steps)


@given(requests())
@settings(max_examples=20, deadline=None)
def test_the_same_request_gives_the_same_bytes(request: TransitionRequest) -> None:
    first, second = planned(request), planned(request)
    if first is None or second is None:
        assert first is second
    else:
        assert transition_text(first) == transition_text(second)


@given(requests())
@settings(max_examples=20, deadline=None)
def test_a_move_is_a_create_a_start_a_stop_that_waits_for_it_and_a_destroy(
    request: TransitionRequest,
) -> None:
    transition = planned(request)
    moves: dict[int, dict[Action, list[int]]] = {}
    for step in transition.steps if transition else ():
        if step.move is not None:
            moves.setdefault(step.move, {}).setdefault(step.action, []).append(step.id)
    for move in moves.values():
        assert all(len(move.get(action, ())) == 1 for action in Action)
        assert transition is not None
        start, stop = (transition.steps[move[a][0]] for a in (Action.START, Action.STOP))
        assert start.id in stop.after
        assert start.serving is not None
        assert stop.serving is not None
        assert start.serving._replace(start=0) == stop.serving._replace(start=0)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_from_a_deployment_to_itself_nothing_is_done(seed: int) -> None:
    origin, _ = tight_pair(seed, Tightness(gpu_types=MIXED_TYPES))
    assert plan_transition(request_of(origin, origin)).steps == ()


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_what_a_stopped_transition_left_is_used_or_removed(seed: int) -> None:
    origin, wanted = tight_pair(seed, Tightness(most_gpus=3))
    first, *others = origin.configurations
    unserved = tuple(Placement(i.start, i.profile) for i in first.instances)
    stripped = replace(origin, configurations=tuple(others))
    inventory = (*gpus_of(origin), *(Gpu(f"idle-{n}", "node-9", "A100-80GB") for n in range(12)))
    request = replace(
        request_of(stripped, wanted), unserved={first.gpu: unserved}, inventory=inventory
    )
    transition = plan_transition(request)
    assert prove(transition, type_of).violations == ()
