"""Small CMS problems, random and hurtful, and their optimum by integer programming.

The optimum shares nothing with the algorithms but the problem: its configurations are
enumerated here, its rows are the whole amounts as they stand.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from heddle.errors import InputError
from heddle.linear_program import INFINITY, LinearProgram, LpStatus, columns_from_dense
from heddle.optimizer.cms.problem import (
    CapacityForm,
    CmsProblem,
    ConfigurationList,
    Counts,
)

Rng = np.random.Generator


def make_problem(
    demand: Sequence[int],
    amount: Sequence[Sequence[int]],
    form: ConfigurationList | CapacityForm | Sequence[Counts],
) -> CmsProblem:
    """Return a problem with jobs j0, j1, … and blocks b0, b1, …"""
    if not isinstance(form, ConfigurationList | CapacityForm):
        form = ConfigurationList(tuple(form))
    return CmsProblem(
        jobs=tuple(f"j{j}" for j in range(len(demand))),
        blocks=tuple(f"b{i}" for i in range(len(amount[0]))),
        demand=tuple(demand),
        amount=tuple(tuple(row) for row in amount),
        form=form,
    )


def every_configuration(problem: CmsProblem) -> list[Counts]:
    """Return all configurations, found by counting."""
    form = problem.form
    if isinstance(form, ConfigurationList):
        return list(form.configurations)
    ranges = [range(form.capacity // size + 1) for size in form.sizes]
    return [
        counts
        for counts in itertools.product(*ranges)
        if sum(c * s for c, s in zip(counts, form.sizes, strict=True)) <= form.capacity
    ]


def fewest_machines(problem: CmsProblem) -> int:
    """Return the optimum."""
    configurations = every_configuration(problem)
    num, k, n = len(configurations), problem.num_blocks, problem.num_jobs
    matrix = np.zeros((k + n, num + n * k))
    matrix[:k, :num] = np.array(configurations).T
    for j in range(n):
        for i in range(k):
            matrix[i, num + j * k + i] = -1.0
            matrix[k + j, num + j * k + i] = min(problem.amount[j][i], problem.demand[j])
    program = LinearProgram()
    program.add_rows([0.0] * k + [float(d) for d in problem.demand], [INFINITY] * (k + n))
    cost = [1.0] * num + [0.0] * (n * k)
    program.add_columns(columns_from_dense(cost, matrix), are_integers=True)
    solution = program.solve()
    assert solution.status is LpStatus.OPTIMAL
    return round(solution.objective)


def random_problem(rng: Rng) -> CmsProblem:
    """Return a problem of up to six jobs, four types of block and five configurations."""
    while True:
        n, k, num = int(rng.integers(1, 7)), int(rng.integers(1, 5)), int(rng.integers(1, 6))
        counts = rng.integers(0, 5, (num, k)) * (rng.random((num, k)) < 0.7)
        problem = _try(_demands(rng, n), _amounts(rng, n, k), _as_form(counts))
        if problem is not None:
            return problem


def random_sized_problem(rng: Rng) -> CmsProblem:
    """Return a problem of up to four jobs in the capacity form."""
    while True:
        n, k = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        sizes = tuple(int(size) for size in rng.integers(1, 7, k))
        form = CapacityForm(sizes, int(rng.integers(max(sizes), 13)))
        problem = _try(_demands(rng, n), _amounts(rng, n, k), form)
        if problem is not None:
            return problem


def _demands(rng: Rng, n: int) -> list[int]:
    if rng.random() < 0.2:
        return [int(rng.integers(1, 40))] * n
    return [int(d) for d in rng.integers(1, 40, n)]


def _amounts(rng: Rng, n: int, k: int) -> list[list[int]]:
    amounts = rng.integers(0, 25, (n, k)) * (rng.random((n, k)) < 0.8)
    if rng.random() < 0.2:
        amounts[:] = amounts[0]
    return [[int(f) for f in row] for row in amounts]


def _as_form(counts: np.ndarray) -> ConfigurationList:
    return ConfigurationList(tuple(tuple(int(a) for a in row) for row in counts))


def _try(
    demand: list[int], amount: list[list[int]], form: ConfigurationList | CapacityForm
) -> CmsProblem | None:
    try:
        return make_problem(demand, amount, form)
    except InputError:
        return None


def set_cover_gap(dimension: int) -> CmsProblem:
    """Return set cover over the non-zero bit vectors: set v has the elements e with e·v odd.

    Half of all sets have an element, so twice a uniform fraction covers: the relaxation
    is below 2; but ``dimension`` sets are needed.
    """
    vectors = range(1, 2**dimension)
    sets = [tuple((e & v).bit_count() % 2 for e in vectors) for v in vectors]
    n = len(vectors)
    amount = [[int(i == j) for i in range(n)] for j in range(n)]
    return make_problem([1] * n, amount, sets)


def many_blocks_for_one_job(num_jobs: int, num_blocks: int) -> CmsProblem:
    """Return n configurations of which the j-th has K blocks that each serve all of job j."""
    own = [[int(i == j) for i in range(num_jobs)] for j in range(num_jobs)]
    configurations = [tuple(num_blocks * a for a in row) for row in own]
    return make_problem([1] * num_jobs, own, configurations)


def one_huge_block_each(num_jobs: int) -> CmsProblem:
    """Return jobs that one huge block serves whole; small ones serve a fraction of a percent."""
    return make_problem([1000] * num_jobs, [[1000, 3]] * num_jobs, [(1, 0), (0, 4)])


def near_equal_splits(rng: Rng, num_jobs: int, num_types: int) -> CmsProblem:
    """Return jobs to which all types are worth nearly the same per unit of size."""
    sizes = range(2, num_types + 2)
    amount = [[size * 20 + int(rng.integers(-2, 3)) for size in sizes] for _ in range(num_jobs)]
    demand = [int(d) for d in rng.integers(60, 260, num_jobs)]
    capacity = 2 * num_types + 3
    configurations = list(CapacityForm(tuple(sizes), capacity).spelled_out())
    return make_problem(demand, amount, configurations)


def wasteful_sizes(rng: Rng, num_jobs: int) -> CmsProblem:
    """Return blocks of just over a half and a third of a machine: every mix wastes space."""
    amount = [[int(f) for f in rng.integers(3, 30, 3)] for _ in range(num_jobs)]
    demand = [int(d) for d in rng.integers(10, 80, num_jobs)]
    return make_problem(demand, amount, CapacityForm((51, 34, 26), 100))
