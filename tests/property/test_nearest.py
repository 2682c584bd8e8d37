"""Laws of the nearest plan: as cheap as any, legal, and nearer than the plain one."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from generated_workloads import generated, with_random_options
from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import deployment_text
from heddle.optimizer.nearest.search import nearest
from heddle.optimizer.problem import Objective, build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.units import NANO
from heddle.verification.verifier import verify
from heddle.workload.workload import Workload
from nearest_cases import most_kept, num_kept, random_case, scaled, shuffled
from small_problems import EVERYTHING, PLAIN, Options

CASES = {
    "plain": PLAIN,
    "replicas": Options(has_replicas=True),
    "stock": Options(has_stock=True),
    "mixed fleet by price": Options(is_mixed=True, objective=Objective.PRICE),
    "spread": Options(has_spread=True, has_replicas=True),
    "share": Options(has_share=True),
    "apart": Options(has_apart=True),
    "everything": EVERYTHING,
}
NUM_CASES = 20
MOST_RUNNING, MOST_GPUS = 4, 3


@pytest.mark.parametrize("name", CASES)
def test_it_keeps_what_brute_force_says_can_be_kept(name: str) -> None:
    options = CASES[name]
    most_gpus = 2 if options.is_mixed else MOST_GPUS
    num_compared = 0
    for seed in range(NUM_CASES):
        case = random_case(np.random.default_rng([seed, len(name)]), options)
        if case is None or case.running.num_gpus > MOST_RUNNING:
            continue
        result = nearest(case.problem, case.running)
        assert result.objective == optimize(case.problem).objective
        assert verify(case.workload, result.deployment).is_accepted
        if result.deployment.num_gpus > most_gpus:
            continue
        most = most_kept(case, round(result.objective * NANO), most_gpus)
        assert num_kept(case.running, result.deployment) == most, f"seed {seed}"
        num_compared += 1
    assert num_compared >= NUM_CASES // 3


def checked(workload: Workload, running: Deployment, slack: float = 0.0) -> Result:
    """Return the nearest plan after looking at what must always hold."""
    problem = build_problem(workload)
    result = nearest(problem, running, slack)
    assert result.objective <= optimize(problem).objective * (1 + slack)
    assert verify(workload, result.deployment).is_accepted
    kept = num_kept(running, result.deployment)
    assert result.statistics["kept"] == kept
    assert kept <= int(str(result.statistics["most_kept"]))
    return result


def instances_at_hand(running: Deployment, plan: Deployment) -> int:
    """Return how many instances of a plan run already, wherever they are."""
    ran = Counter(instance._replace(start=0) for _, instance in running.instances())
    wanted = Counter(instance._replace(start=0) for _, instance in plan.instances())
    return sum((ran & wanted).values())


@pytest.mark.parametrize("level", [0.6, 0.95, 1.3])
def test_it_keeps_more_than_the_plain_plan_could(level: float) -> None:
    for seed in range(1, 4):
        before = generated(12, 60, seed)
        running = shuffled(optimize(build_problem(before)).deployment, seed)
        after = scaled(before, level, seed)
        result = checked(after, running)
        plain = optimize(build_problem(after)).deployment
        assert num_kept(running, result.deployment) > num_kept(running, plain)
        assert num_kept(running, result.deployment) >= instances_at_hand(running, plain) * 0.95


def test_with_the_same_rates_everything_stays() -> None:
    workload = generated(12, 60, 5)
    running = shuffled(optimize(build_problem(workload)).deployment, 1)
    result = checked(workload, running)
    assert num_kept(running, result.deployment) == sum(1 for _ in running.instances())


def test_slack_lets_more_stay_and_no_plan_is_dearer_than_it_allows() -> None:
    before = generated(10, 40, 3)
    running = optimize(build_problem(before)).deployment
    after = scaled(before, 0.8, 3)
    kept = [
        num_kept(running, checked(after, running, slack).deployment) for slack in (0, 0.05, 0.2)
    ]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


@pytest.mark.parametrize("seed", [1, 4, 9])
def test_placement_options_hold(seed: int) -> None:
    before = with_random_options(generated(16, 40, seed), seed)
    running = optimize(build_problem(before)).deployment
    checked(scaled(before, 0.8, seed), running)


def test_equal_seeds_give_equal_bytes() -> None:
    before = generated(10, 30, 2)
    running = optimize(build_problem(before)).deployment
    problem = build_problem(scaled(before, 0.8, 2))
    texts = {_text(nearest(problem, running, run=Run(seed=7))) for _ in range(2)}
    assert len(texts) == 1


def _text(result: Result) -> str:
    return deployment_text(dataclasses.replace(result.deployment, certificate=None))


def test_a_service_that_goes_takes_only_its_own_instances_along() -> None:
    before = generated(10, 30, 4)
    running = optimize(build_problem(before)).deployment
    fewer = dataclasses.replace(before, services=before.services[:-1])
    result = checked(fewer, running)
    others = [i for _, i in running.instances() if i.service != before.services[-1].name]
    assert num_kept(running, result.deployment) >= 0.9 * len(others)
