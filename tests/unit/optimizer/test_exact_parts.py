"""The parts of exact planning on problems of real sizes."""

import dataclasses

import numpy as np
import pytest

from generated_workloads import generated, packaged_table, with_random_options
from heddle.clock import ManualClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.optimizer.bound import price_bound, rounded_up
from heddle.optimizer.evaluate import cost_nano, violations
from heddle.optimizer.exact import rounding
from heddle.optimizer.exact.column_generation import MasterSolution, generate_columns
from heddle.optimizer.exact.count_program import plan_for
from heddle.optimizer.exact.dealing import deal
from heddle.optimizer.exact.first_answer import floor_and_cover
from heddle.optimizer.exact.solver import ExactSolver
from heddle.optimizer.exact.whole_model import search_whole_model
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.optimizer.relaxation import solve_relaxation
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Progress, Run
from heddle.units import NANO
from heddle.workload.fleet import GpuPool
from heddle.workload.service import Service
from heddle.workload.workload import Workload

SIZES = [(5, 16), (24, 60), (24, 140), (60, 100), (100, 400)]


def solved(problem: RmsProblem) -> MasterSolution:
    return generate_columns(problem, solve_relaxation(problem), Run())


@pytest.mark.parametrize("size", SIZES)
def test_rounding_up_alone_keeps_the_additive_bound(size: tuple[int, int]) -> None:
    """docs/theory/additive-bound.md: fewer than max(P, (P-1)^2) GPUs above the master."""
    for seed in range(5):
        problem = build_problem(generated(*size, seed))
        master = solved(problem)
        plan = plan_for(problem, rounding._rounded_instances(problem, master), Run())
        assert plan is not None
        assert plan.serves(problem)
        num_kinds = problem.num_kinds
        allowed = max(num_kinds, (num_kinds - 1) ** 2)
        assert plan.cost(problem) / NANO < master.value + allowed
        assert master.value <= rounded_up(problem, master.bound.total) / NANO + 1e-6


@pytest.mark.parametrize("size", SIZES)
def test_plans_are_at_most_one_gpu_above_their_bound(size: tuple[int, int]) -> None:
    for seed in range(5):
        result = optimize(build_problem(generated(*size, seed)))
        assert result.gap <= 1.0
        assert result.statistics["additive_bound"] == 30


def test_at_most_as_many_services_are_split_as_kinds_couple_them() -> None:
    for seed in range(5):
        problem = build_problem(generated(100, 300, seed))
        master = solved(problem)
        used = master.covers.service[master.weights > 1e-9]
        _, weights_per_service = np.unique(used, return_counts=True)
        assert (weights_per_service > 1).sum() <= problem.num_kinds


def test_the_bound_agrees_with_a_complete_search_of_the_whole_model() -> None:
    for seed in range(4):
        problem = build_problem(generated(8, 20, seed))
        master = solved(problem)
        bound = rounded_up(problem, master.bound.total)
        first = floor_and_cover(problem, solve_relaxation(problem))
        found = search_whole_model(problem, first, 0, Run())
        assert found.plan is not None
        assert bound <= found.plan.cost(problem)
        assert found.bound <= found.plan.cost(problem)


def test_the_first_answer_is_legal_and_close() -> None:
    problem = build_problem(generated(100, 1_000, 0))
    relaxation = solve_relaxation(problem)
    plan = floor_and_cover(problem, relaxation)
    assert plan is not None
    assert plan.serves(problem)
    assert plan.cost(problem) / NANO <= relaxation.value * 1.03


def test_an_overdue_run_still_returns_the_first_answer_with_its_bound() -> None:
    clock = ManualClock()
    run = Run(time_limit_s=1.0, clock=clock)
    clock.advance(2.0)
    problem = build_problem(generated(100, 1_000, 0))
    outcome = ExactSolver().solve(problem, run)
    assert outcome.packing is not None
    assert violations(problem, outcome.packing) == []
    assert outcome.prices is not None
    bound = rounded_up(problem, price_bound(problem, outcome.prices).total)
    assert bound <= cost_nano(problem, outcome.packing)


def test_a_stopped_run_still_returns_a_plan() -> None:
    problem = build_problem(generated(24, 140, 1))
    result = optimize(problem, "exact", Run(should_stop=lambda: True))
    assert result.was_interrupted
    assert result.objective >= result.lower_bound


@pytest.mark.parametrize("seed", range(4))
def test_placement_options_are_dealt_without_extra_gpus(seed: int) -> None:
    workload = with_random_options(generated(40, 120, seed), seed)
    problem = build_problem(workload)
    result = optimize(problem)
    assert result.gap <= 0.03 * result.objective


def test_dealing_without_options_uses_the_gpus_of_the_plan() -> None:
    problem = build_problem(generated(24, 140, 2))
    plan = floor_and_cover(problem, solve_relaxation(problem))
    assert plan is not None
    packing = deal(problem, plan, Run())
    assert packing is not None
    assert packing.num_gpus <= int(plan.gpus.sum())
    assert violations(problem, packing) == []


def test_progress_names_phases_with_bounds_that_never_exceed_the_plan() -> None:
    seen: list[Progress] = []
    problem = build_problem(generated(100, 400, 3))
    optimize(problem, "exact", Run(on_progress=seen.append))
    assert "first answer" in [progress.phase for progress in seen]
    for progress in seen:
        assert progress.best is None or progress.bound is None or progress.best >= progress.bound


def test_a_tail_gpu_says_what_it_leaves_free() -> None:
    result = optimize(build_problem(generated(5, 16, 1)))
    reasons = {configuration.reason for configuration in result.deployment.configurations}
    assert all("dual prices" in reason for reason in reasons)


def test_starts_leave_the_most_valuable_room() -> None:
    """A GPU with one small instance has it at 6, so that 4g and 2g still fit."""
    a100 = builtin_catalogue().get("A100-80GB")
    tiny = Service("tiny", "resnet50", 10.0, 200.0)
    result = optimize(build_problem(Workload((GpuPool(a100),), (tiny,), packaged_table())))
    (configuration,) = result.deployment.configurations
    assert [instance.start for instance in configuration.instances] == [6]


def test_headroom_asks_for_more() -> None:
    base = generated(24, 60, 0)
    roomy = dataclasses.replace(
        base, services=tuple(dataclasses.replace(s, headroom=0.5) for s in base.services)
    )
    few, many = (optimize(build_problem(w)).objective for w in (base, roomy))
    assert 1.3 * few <= many <= 1.6 * few
