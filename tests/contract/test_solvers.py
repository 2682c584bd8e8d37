"""What every solver promises, whatever its method; each one in the list is held to it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from command_line import FLEET_OF_24, MIXED_FLEET, SCENARIO_OPTIMA, scenario
from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import deployment_text
from heddle.errors import (
    HeddleError,
    InputError,
    InterruptedRunError,
    NoPlanError,
    UnsupportedError,
)
from heddle.optimizer.evaluate import violations
from heddle.optimizer.problem import Feature, Objective, RmsProblem, build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.optimizer.solvers import SOLVERS
from heddle.units import NANO
from heddle.verification.verifier import verify
from heddle.workload.files import load_workload
from heddle.workload.workload import Workload
from small_problems import EVERYTHING, PLAIN, Options, optimum, random_workload

CASES = {
    "plain": PLAIN,
    "replicas": Options(has_replicas=True),
    "spread": Options(has_spread=True),
    "share": Options(has_share=True),
    "apart": Options(has_apart=True),
    "stock": Options(has_stock=True),
    "mixed fleet": Options(is_mixed=True),
    "mixed fleet by price": Options(is_mixed=True, objective=Objective.PRICE),
    "replicas, spread and apart": Options(has_replicas=True, has_spread=True, has_apart=True),
    "everything": EVERYTHING,
    "everything, mixed": replace(EVERYTHING, is_mixed=True),
    "everything, mixed, by price": replace(EVERYTHING, is_mixed=True, objective=Objective.PRICE),
}
NUM_PROBLEMS = 16
#: Brute force looks at plans of so many GPUs.
MOST_GPUS = 3

each_solver = pytest.mark.parametrize("name", list(SOLVERS))


class StopAfter:
    """A user who presses Ctrl-C after a number of polls."""

    def __init__(self, num_polls: int) -> None:
        self._num_left = num_polls

    def __call__(self) -> bool:
        self._num_left -= 1
        return self._num_left < 0


class TickingClock:
    """Time that passes by one second whenever somebody looks at it."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        self._now_s += 1.0
        return self._now_s


@cache
def loaded(number: int) -> Workload:
    return load_workload(scenario(number))


def features_of(name: str) -> frozenset[Feature]:
    return SOLVERS.create(name).features


def assert_accepted(workload: Workload, deployment: Deployment) -> None:
    assert verify(workload, deployment).findings == ()


def without_time(result: Result) -> str:
    """Return the deployment as it is written, but for the time that planning took."""
    certificate = replace(result.certificate, wall_s=0.0)
    return deployment_text(replace(result.deployment, certificate=certificate))


def patient_run(seed: int = 0) -> Run:
    """Return a run that ends every quick solver's search, and cuts a long one short.

    Its time is counted in looks at the clock, so it ends at the same point everywhere.
    """
    return Run(seed, time_limit_s=2_000.0, clock=TickingClock())


def plan_or_error(problem: RmsProblem, name: str, run: Run) -> Result | HeddleError:
    """Return the plan, or why the solver says that there is none."""
    try:
        return optimize(problem, name, run)
    except (InputError, InterruptedRunError, NoPlanError) as error:
        return error


@each_solver
def test_it_has_the_name_it_is_listed_under(name: str) -> None:
    assert SOLVERS.create(name).name == name


@each_solver
@pytest.mark.parametrize("number", SCENARIO_OPTIMA)
def test_a_scenario_gets_a_legal_plan_and_a_true_bound(name: str, number: int) -> None:
    workload, best = loaded(number), SCENARIO_OPTIMA[number]
    result = optimize(build_problem(workload), name, patient_run())
    assert result.lower_bound <= best <= result.objective == result.deployment.num_gpus
    assert result.gap == result.objective - result.lower_bound
    assert result.is_proved_optimal == (result.gap == 0)
    assert result.solver == name
    assert_accepted(workload, result.deployment)


@each_solver
def test_what_the_solver_itself_returns_is_legal(name: str) -> None:
    problem = build_problem(loaded(3))
    outcome = SOLVERS.create(name).solve(problem, patient_run())
    assert outcome.packing is not None
    assert violations(problem, outcome.packing) == []


@each_solver
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    first, second = (optimize(build_problem(loaded(3)), name, patient_run(7)) for _ in range(2))
    assert without_time(first) == without_time(second)
    assert dict(first.statistics) == dict(second.statistics)


def plannable_workloads(name: str) -> list[tuple[Workload, RmsProblem]]:
    """Return scenario S3, and the example fleets that the solver can plan."""
    workloads = [loaded(3), load_workload(FLEET_OF_24), load_workload(MIXED_FLEET)]
    pairs = [(workload, build_problem(workload)) for workload in workloads]
    return [pair for pair in pairs if pair[1].features <= features_of(name)]


@each_solver
@pytest.mark.parametrize("num_polls", [0, 1, 3, 10, 40])
def test_a_stop_gives_the_best_plan_so_far_or_says_that_there_is_none(
    name: str, num_polls: int
) -> None:
    for workload, problem in plannable_workloads(name):
        run = Run(should_stop=StopAfter(num_polls))
        answer = plan_or_error(problem, name, run)
        if isinstance(answer, Result):
            assert_accepted(workload, answer.deployment)
        else:
            assert isinstance(answer, InterruptedRunError)


@each_solver
@pytest.mark.parametrize("time_limit_s", [0.0, 2.0, 12.0])
def test_a_time_limit_gives_the_best_plan_so_far_or_says_that_there_is_none(
    name: str, time_limit_s: float
) -> None:
    for workload, problem in plannable_workloads(name):
        run = Run(time_limit_s=time_limit_s, clock=TickingClock())
        answer = plan_or_error(problem, name, run)
        if isinstance(answer, Result):
            assert not answer.was_interrupted
            assert_accepted(workload, answer.deployment)
        else:
            assert isinstance(answer, NoPlanError)
            assert "within its time" in str(answer)


@cache
def small_case(case: str, seed: int) -> tuple[Workload, RmsProblem, int | None]:
    """Return a random workload, its problem, and the least cost with up to three GPUs."""
    options = CASES[case]
    workload = random_workload(np.random.default_rng([seed, len(case)]), options)
    problem = build_problem(workload, options.objective)
    return workload, problem, optimum(problem, MOST_GPUS)


def planned(problem: RmsProblem, name: str) -> Result | None:
    """Return the plan; None when the solver has none, or can prove that there is none."""
    answer = plan_or_error(problem, name, patient_run())
    if isinstance(answer, InputError):
        assert "that works is" in str(answer)
    return answer if isinstance(answer, Result) else None


def assert_refuses_by_name(problem: RmsProblem, name: str) -> None:
    missing = {feature.value for feature in problem.features - features_of(name)}
    with pytest.raises(UnsupportedError) as caught:
        optimize(problem, name)
    refusal = str(caught.value)
    named, _, able = refusal.partition(", which this workload uses; these do: ")
    assert {f.value for f in Feature if f.value in named} == missing
    assert all(problem.features <= features_of(other) for other in able.split(", "))


def assert_agrees(problem: RmsProblem, result: Result, best: int | None) -> None:
    """Hold a plan and its bound against brute force."""
    cost, bound = round(result.objective * NANO), round(result.lower_bound * NANO)
    if result.deployment.num_gpus <= MOST_GPUS:
        assert best is not None
        assert best <= cost
    if best is not None:
        assert bound <= best


@each_solver
@pytest.mark.parametrize("case", CASES)
def test_small_problems_are_refused_by_name_or_planned_as_brute_force_allows(
    name: str, case: str
) -> None:
    num_planned = num_refused = 0
    for seed in range(NUM_PROBLEMS):
        workload, problem, best = small_case(case, seed)
        if not problem.features <= features_of(name):
            assert_refuses_by_name(problem, name)
            num_refused += 1
            continue
        result = planned(problem, name)
        if result is not None:
            num_planned += 1
            assert_accepted(workload, result.deployment)
            assert_agrees(problem, result, best)
        if name == "exact" and best is not None:
            assert result is not None
            assert round(result.objective * NANO) <= best
    assert num_planned + num_refused >= NUM_PROBLEMS // 4


@each_solver
def test_every_feature_that_a_solver_has_is_honoured_somewhere(name: str) -> None:
    honoured: set[Feature] = set()
    for case in CASES:
        for seed in range(NUM_PROBLEMS):
            _, problem, _ = small_case(case, seed)
            is_new = problem.features <= features_of(name) and not problem.features <= honoured
            if is_new and planned(problem, name) is not None:
                honoured |= problem.features
    assert honoured == features_of(name)
