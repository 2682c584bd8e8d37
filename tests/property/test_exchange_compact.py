"""Laws of exchange and compact, between optimal plans and between random deployments."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generated_workloads import generated
from heddle.benchmarks.random_pairs import GPU_TYPES, Pair, Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import NoPlanError
from heddle.optimizer.problem import build_problem
from heddle.optimizer.search import optimize
from heddle.transition.action_times import find_times
from heddle.transition.exchange_compact.pairing import pair
from heddle.transition.invariant.proof import prove
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text
from heddle.workload.workload import Workload
from small_problems import HALVES, THIRDS, Options, random_workload
from transition_states import MAX_STEPS, faults_by_force

CATALOGUE = builtin_catalogue().with_types([HALVES, THIRDS])
SEEDS = st.integers(0, 2**32)
BUDGETS = st.one_of(st.none(), st.integers(0, 5))
SMALL = Sizes(least_gpus=2, most_gpus=10, least_services=1, most_services=6)


def with_other_rates(workload: Workload, rng: np.random.Generator) -> Workload:
    services = tuple(
        replace(service, rate_rps=round(service.rate_rps * (0.3 + 1.4 * rng.random()), 3))
        for service in workload.services
    )
    return replace(workload, services=services)


def plan(workload: Workload) -> Deployment:
    return optimize(build_problem(workload), "exact").deployment


def planned_pair(seed: int) -> Pair:
    """Return optimal plans of a workload and of one with other rates."""
    rng = np.random.default_rng(seed)
    workload = generated(int(rng.integers(2, 6)), int(rng.integers(2, 9)), seed)
    return Pair(plan(workload), plan(with_other_rates(workload, rng)))


def tiny_pair(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    workload = random_workload(rng, Options(is_mixed=bool(rng.random() < 0.5)))
    return Pair(plan(workload), plan(with_other_rates(workload, rng)))


def request_of(pair: Pair, spare_gpus: int | None = None) -> TransitionRequest:
    times = find_times("kubernetes")
    return TransitionRequest(pair.origin, pair.wanted, CATALOGUE.get, times, spare_gpus)


def planned(request: TransitionRequest) -> Transition:
    return plan_transition(request, "exchange_compact")


def with_stopped(
    deployment: Deployment, rng: np.random.Generator
) -> tuple[Deployment, dict[str, tuple[Placement, ...]]]:
    """Return the deployment without some of its services, and the instances left over."""
    unserved = {}
    configurations = []
    for entry in deployment.configurations:
        served = tuple(i for i in entry.instances if rng.random() < 0.8)
        left = tuple(Placement(i.start, i.profile) for i in entry.instances if i not in served)
        if left:
            unserved[entry.gpu] = left
        if served:
            configurations.append(replace(entry, instances=served))
    return replace(deployment, configurations=tuple(configurations)), unserved


def content(entry: Configuration) -> tuple[object, ...]:
    return entry.gpu_type, *sorted(instance._replace(start=0) for instance in entry.instances)


def contents(deployment: Deployment) -> Counter[tuple[object, ...]]:
    return Counter(content(entry) for entry in deployment.configurations if entry.instances)


def assert_lawful(transition: Transition, request: TransitionRequest) -> None:
    assert contents(transition.target) == contents(request.wanted)
    assert prove(transition, request.type_of).violations == ()
    if request.spare_gpus is not None:
        assert transition.spare_gpus <= request.spare_gpus
    moves = Counter((step.move, step.action) for step in transition.steps if step.move is not None)
    for number in range(transition.num_moves):
        assert moves[number, Action.START] == moves[number, Action.STOP] == 1
        assert max(moves[number, Action.CREATE], moves[number, Action.DESTROY]) <= 1


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=SEEDS, spare_gpus=BUDGETS)
def test_between_optimal_plans_it_ends_in_the_target_and_is_proved(
    seed: int, spare_gpus: int | None
) -> None:
    request = request_of(planned_pair(seed), spare_gpus)
    try:
        transition = planned(request)
    except NoPlanError:
        assert spare_gpus is not None
    else:
        assert_lawful(transition, request)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(seed=SEEDS, spare_gpus=BUDGETS)
def test_between_random_deployments_it_ends_in_the_target_and_is_proved(
    seed: int, spare_gpus: int | None
) -> None:
    request = request_of(random_pair(np.random.default_rng(seed), SMALL), spare_gpus)
    try:
        transition = planned(request)
    except NoPlanError:
        assert spare_gpus is not None
    else:
        assert_lawful(transition, request)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_nothing_is_put_on_cordoned_gpus_and_nothing_unserved_is_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pair = random_pair(rng, SMALL)
    every = [Gpu(c.gpu, c.node, c.gpu_type) for c in pair.origin.configurations]
    further = [
        Gpu(f"further-{name}-{i}", f"further-{i // 4}", name)
        for name in GPU_TYPES
        for i in range(30)
    ]
    origin, unserved = with_stopped(pair.origin, rng)
    request = replace(
        request_of(Pair(origin, pair.wanted)),
        inventory=(*every, *further),
        cordoned=frozenset(gpu.id for gpu in every if rng.random() < 0.2),
        unserved=unserved,
    )
    transition = planned(request)
    assert_lawful(transition, request)
    closed = {step.action for step in transition.steps if step.gpu in request.cordoned}
    assert closed <= {Action.STOP, Action.DESTROY}


def test_brute_force_finds_nothing_wrong_with_small_transitions() -> None:
    num_looked_at = 0
    for seed in range(120):
        transition = planned(request_of(tiny_pair(seed)))
        if 0 < len(transition.steps) <= MAX_STEPS:
            num_looked_at += 1
            assert faults_by_force(transition, CATALOGUE.get) == set(), f"seed {seed}"
    assert num_looked_at >= 40


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_a_number_of_spare_gpus_that_would_do_does(seed: int) -> None:
    pair = random_pair(np.random.default_rng(seed), SMALL)
    least = planned(request_of(pair)).spare_gpus
    assert planned(request_of(pair, least)).spare_gpus <= least


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_spare_gpus_that_are_allowed_never_make_it_longer_than_without_a_number(seed: int) -> None:
    pair = random_pair(np.random.default_rng(seed), SMALL)
    frugal = planned(request_of(pair))
    assert planned(request_of(pair, frugal.spare_gpus + 3)).makespan_s <= frugal.makespan_s


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_there_is_nothing_to_do_when_both_sides_are_equal(seed: int) -> None:
    origin = random_pair(np.random.default_rng(seed), SMALL).origin
    wanted = replace(origin, configurations=origin.configurations[::-1])
    transition = planned(request_of(Pair(origin, wanted), 0))
    assert transition.steps == ()
    assert contents(transition.target) == contents(origin)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_request_gives_the_same_bytes(seed: int) -> None:
    pair = random_pair(np.random.default_rng(seed), SMALL)
    one, other = (transition_text(planned(request_of(pair))) for _ in range(2))
    assert one == other


@given(
    new=st.lists(st.integers(1, 1_000), max_size=12),
    unneeded=st.lists(st.integers(1, 1_000), max_size=12),
)
def test_a_new_replica_is_never_paired_with_more_rate_than_it_has(
    new: list[int], unneeded: list[int]
) -> None:
    pairing = pair(new, unneeded)
    for rate, positions in zip(new, pairing.paired, strict=True):
        assert sum(unneeded[position] for position in positions) <= rate
    every = [position for positions in pairing.paired for position in positions]
    assert sorted([*every, *pairing.left]) == list(range(len(unneeded)))
