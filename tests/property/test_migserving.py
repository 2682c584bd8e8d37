"""Laws of MIG-serving's parts that hold on any problem, placement options included."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.optimizer.evaluate import can_share_gpu, contribution, holds, violations
from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.chromosome import chromosome, uses, without_spare_gpus
from heddle.optimizer.migserving.genetic import Breeding, Genetic
from heddle.optimizer.migserving.greedy import fast_plan
from heddle.optimizer.migserving.requirement import Configuration, Requirement, packing
from heddle.optimizer.migserving.rollout import Rollouts
from heddle.optimizer.migserving.tree_search import TreeSearch
from heddle.optimizer.problem import Objective, RmsProblem
from heddle.optimizer.solver import Run
from small_problems import EVERYTHING, random_problem

seeds = st.integers(0, 100_000)
optionsets = st.sampled_from(
    [
        replace(EVERYTHING, has_stock=False),
        replace(EVERYTHING, has_stock=False, is_mixed=True, objective=Objective.PRICE),
        EVERYTHING,
        replace(EVERYTHING, is_mixed=True, objective=Objective.PRICE),
    ]
)
problems = st.builds(
    lambda seed, options: random_problem(np.random.default_rng(seed), options), seeds, optionsets
)


def is_legal(problem: RmsProblem, configuration: Configuration) -> bool:
    gpu = configuration.gpu
    return (
        holds(problem, gpu)
        and can_share_gpu(problem, (slot.service for slot in gpu.slots))
        and all(problem.rate[slot.service, slot.kind] > 0 for slot in gpu.slots)
    )


@settings(deadline=None, max_examples=60)
@given(problems)
def test_every_configuration_of_the_pool_is_a_legal_gpu_of_two_services_at_most(
    problem: RmsProblem,
) -> None:
    pool = Candidates(Requirement(problem)).pool
    for index in range(len(pool)):
        configuration = pool.configuration(index)
        assert is_legal(problem, configuration)
        assert 1 <= len(configuration.gpu.services) <= 2


@settings(deadline=None, max_examples=60)
@given(problems)
def test_a_configuration_gains_what_the_evaluation_counts(problem: RmsProblem) -> None:
    requirement = Requirement(problem)
    pool = Candidates(requirement).pool
    for index in range(len(pool)):
        configuration = pool.configuration(index)
        gains = dict(configuration.gains)
        for service, amount in contribution(problem, configuration.gpu).items():
            assert gains.pop(service) == amount
        replicas = [slot.service for slot in configuration.gpu.slots]
        for service in configuration.gpu.services:
            if problem.min_replicas[service] > 1:
                row = int(requirement.replica_row[service])
                assert gains.pop(row) == replicas.count(service)
        assert not gains


@settings(deadline=None, max_examples=80)
@given(problems, seeds)
def test_candidates_are_legal_and_each_lowers_the_need(problem: RmsProblem, seed: int) -> None:
    requirement = Requirement(problem)
    candidates = Candidates(requirement)
    generator = np.random.default_rng(seed)
    need = [int(full * generator.random()) for full in requirement.full]
    supply = [count if generator.random() < 0.7 else 0 for count in requirement.full_supply()]
    for weight in (None, candidates.worth):
        for key in candidates.best(need, supply, 10, weight=weight):
            configuration = candidates.get(key)
            assert is_legal(problem, configuration)
            assert sum(configuration.lower(need)) < sum(need)
            assert min(configuration.use(supply), default=0) >= 0


@settings(deadline=None, max_examples=80)
@given(problems, seeds)
def test_a_walk_meets_the_need_within_the_supply_and_knows_its_cost(
    problem: RmsProblem, seed: int
) -> None:
    requirement = Requirement(problem)
    rollouts = Rollouts(Candidates(requirement), np.random.default_rng(seed))
    path = rollouts.walk(requirement.full, requirement.full_supply(), Run())
    if path is None:
        assert requirement.full_supply()
        return
    assert not any(requirement.need_after(path.configurations))
    assert min(requirement.supply_after(path.configurations), default=0) >= 0
    assert path.cost == sum(problem.cost[c.gpu.pool] for c in path.configurations)
    before_last = requirement.need_after(path.configurations[:-1])
    assert any(before_last)
    assert path.remainder == requirement.estimate(before_last)


@settings(deadline=None, max_examples=50)
@given(problems, seeds)
def test_a_search_with_a_limit_finds_nothing_dearer(problem: RmsProblem, seed: int) -> None:
    requirement = Requirement(problem)
    search = TreeSearch(Candidates(requirement), np.random.default_rng(seed))
    need, supply = requirement.full, requirement.full_supply()
    free = search.search(need, supply, 10, Run())
    if free is None:
        return
    assert search.search(need, supply, 10, Run(), most=min(problem.cost) - 1) is None
    limited = search.search(need, supply, 10, Run(), most=free.cost)
    assert limited is None or limited.cost <= free.cost


@settings(deadline=None, max_examples=80)
@given(problems, st.integers(1, 3))
def test_dropping_spare_gpus_keeps_a_plan_whole_and_leaves_none_that_could_go(
    problem: RmsProblem, copies: int
) -> None:
    requirement = Requirement(problem)
    plan = fast_plan(Candidates(requirement), Run())
    if plan is None:
        assert requirement.resources
        return
    kept = without_spare_gpus(requirement, plan * copies)
    assert not any(requirement.need_after(kept))
    for left_out in range(len(kept)):
        assert any(requirement.need_after(kept[:left_out] + kept[left_out + 1 :]))
    assert min(uses(requirement, kept)) == chromosome(requirement, kept).least_use > 0


@settings(deadline=None, max_examples=40)
@given(problems, seeds)
def test_what_evolves_is_never_worse_than_the_fast_plan(problem: RmsProblem, seed: int) -> None:
    requirement = Requirement(problem)
    fast = fast_plan(Candidates(requirement), Run())
    breeding = Breeding(num_children=8, patience=2, visits=5)
    outcome = Genetic(breeding).solve(problem, Run(seed))
    if outcome.packing is None:
        assert fast is None
        return
    assert violations(problem, outcome.packing) == []
    if fast is not None:
        cost = sum(problem.cost[gpu.pool] for gpu in outcome.packing.gpus)
        assert cost <= sum(problem.cost[gpu.pool] for gpu in packing(fast).gpus)
