"""The CMS algorithms as planning solvers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.optimizer.cms.solver import CMS_SOLVERS, cms_problem
from heddle.optimizer.evaluate import violations
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.optimizer.solver import Run
from heddle.optimizer.synthetic import Distribution, Recipe, generate
from heddle.units import NANO
from heddle.workload import performance_file
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from small_problems import optimum, random_problem

MAKERS = dict(CMS_SOLVERS)
TABLE = Path(performance_file.__file__).parent / "tables" / "parvagpu-a100-80gb.csv"


def synthetic(num_services: int, num_gpus: int, seed: int) -> RmsProblem:
    catalogue = builtin_catalogue()
    table = PerformanceTable(performance_file.load_performance(TABLE, catalogue))
    recipe = Recipe(num_services, num_gpus, Distribution.LOGNORMAL, seed)
    return build_problem(generate(table, GpuPool(catalogue.get("A100-80GB")), recipe))


@pytest.mark.parametrize("name", list(MAKERS))
def test_plans_are_legal_and_within_the_guarantee_of_brute_force(name: str) -> None:
    rng = np.random.default_rng(31)
    compared = 0
    for seed in range(40):
        problem = random_problem(rng)
        outcome = MAKERS[name]().solve(problem, Run(seed=seed))
        assert outcome.packing is not None
        assert violations(problem, outcome.packing) == []
        best = optimum(problem)
        if best is None:
            continue
        compared += 1
        factor = float(outcome.statistics["guarantee_factor"])  # type: ignore[arg-type]
        extra = float(outcome.statistics["guarantee_extra"])  # type: ignore[arg-type]
        assert outcome.packing.num_gpus <= factor * best / NANO + extra
        if outcome.search_bound is not None:
            assert outcome.search_bound == best == outcome.packing.num_gpus * NANO
    assert compared >= 20


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_fleet_of_24_services_is_planned_legally(name: str) -> None:
    problem = synthetic(num_services=24, num_gpus=140, seed=8)
    outcome = MAKERS[name]().solve(problem, Run(seed=1))
    assert outcome.packing is not None
    assert violations(problem, outcome.packing) == []
    assert 140 <= outcome.packing.num_gpus <= 1.15 * 140


def test_the_planning_problem_becomes_jobs_blocks_and_configurations_in_order() -> None:
    problem = synthetic(num_services=6, num_gpus=8, seed=2)
    cms = cms_problem(problem)
    assert cms.jobs == tuple(service.name for service in problem.services)
    assert cms.blocks == tuple(kind.profile.name for kind in problem.kinds)
    assert (np.array(cms.amount) == problem.rate).all()
    assert (np.array(cms.counted) == problem.counted_rate).all()
    assert (cms.has_block == problem.layout_counts).all()


@pytest.mark.parametrize("name", list(MAKERS))
def test_solvers_are_named_after_their_setting_and_honour_no_options(name: str) -> None:
    solver = MAKERS[name]()
    assert solver.name == name
    assert solver.features == frozenset()


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_run_without_time_has_no_plan_rather_than_a_wrong_one(name: str) -> None:
    problem = synthetic(num_services=6, num_gpus=8, seed=2)
    outcome = MAKERS[name]().solve(problem, Run(time_limit_s=0.0))
    assert outcome.packing is None
