"""Laws of the roundings: the slot lemma, the matching under it, draws, trimming."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cms_instances import random_problem
from heddle.optimizer.cms.matching import match_items
from heddle.optimizer.cms.schedule import BlockPlan, block_plan, deal, trim, violations
from heddle.optimizer.cms.slots import UNIT, round_slots

Poured = tuple[list[int], list[list[int]], list[list[int]]]


@st.composite
def poured_blocks(draw: st.DrawFn) -> Poured:
    """Demands, truncated amounts, and blocks poured so that every job has twice its demand."""
    num_jobs = draw(st.integers(1, 5))
    num_types = draw(st.integers(1, 4))
    demands, counted, poured = [], [], []
    for _ in range(num_jobs):
        demand = draw(st.integers(1, 60))
        amounts = draw(st.lists(st.integers(0, 80), min_size=num_types, max_size=num_types))
        amounts[draw(st.integers(0, num_types - 1))] += 1
        amounts = [min(f, demand) for f in amounts]
        parts = [draw(st.integers(0, 12)) if f else 0 for f in amounts]
        if not any(parts):
            parts = [int(f > 0) for f in amounts]
        served = sum(p * f for p, f in zip(parts, amounts, strict=True))
        scale = Fraction(2 * demand * UNIT, served)
        demands.append(demand)
        counted.append(amounts)
        poured.append(
            [-(-(part * scale).numerator // (part * scale).denominator) for part in parts]
        )
    return demands, counted, poured


@given(poured_blocks())
@settings(max_examples=600, deadline=None)
def test_half_of_what_fractions_serve_is_served_by_whole_blocks_within_the_same_capacities(
    case: Poured,
) -> None:
    demands, counted, poured = case
    capacities = [-(-sum(column) // UNIT) for column in zip(*poured, strict=True)]
    blocks = round_slots(counted, capacities, poured)
    for demand, amounts, row in zip(demands, counted, blocks, strict=True):
        assert sum(f * b for f, b in zip(amounts, row, strict=True)) >= demand
    for used, capacity in zip(zip(*blocks, strict=True), capacities, strict=True):
        assert sum(used) <= capacity


def test_the_slot_lemma_needs_the_truncation() -> None:
    half = [[UNIT // 2, 3 * UNIT]]
    assert round_slots([[80, 3]], [0, 4], half) == [[0, 3]]
    with pytest.raises(ValueError, match="more whole blocks"):
        round_slots([[10, 3]], [1, 1], half)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True), max_size=6),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
@settings(max_examples=400, deadline=None)
def test_a_matching_is_found_exactly_where_one_exists(
    choices: list[list[int]], capacities: list[int]
) -> None:
    exists = any(
        all(picked.count(kind) <= capacities[kind] for kind in range(4))
        for picked in itertools.product(*choices)
    )
    if not exists:
        with pytest.raises(ValueError, match="cannot take every item"):
            match_items(choices, capacities)
        return
    matched = match_items(choices, capacities)
    assert all(kind in options for kind, options in zip(matched, choices, strict=True))
    assert all(matched.count(kind) <= capacities[kind] for kind in range(4))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_truncation_at_the_demand_costs_independent_blocks_a_factor_of_one_minus_one_over_e(
    blocks: list[tuple[float, float]],
) -> None:
    mean = sum(f * p for f, p in blocks)
    truncated = 0.0
    for given_to_job in itertools.product((0, 1), repeat=len(blocks)):
        chance = 1.0
        for is_given, (_, p) in zip(given_to_job, blocks, strict=True):
            chance *= p if is_given else 1 - p
        served = sum(f for is_given, (f, _) in zip(given_to_job, blocks, strict=True) if is_given)
        truncated += chance * min(1.0, served)
    assert truncated >= (1 - np.exp(-1)) * min(1.0, mean) - 1e-9


@given(st.integers(0, 10_000), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_trimming_keeps_a_plan_legal_and_never_adds_to_it(seed: int, extra: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng)
    plan = _lavish_plan(problem.counted, problem.demand, problem.configurations, extra)
    trimmed = trim(problem, plan)
    assert violations(problem, deal(plan)) == []
    assert violations(problem, deal(trimmed)) == []
    assert trimmed.num_machines <= plan.num_machines
    for before, after in zip(plan.blocks, trimmed.blocks, strict=True):
        assert all(b >= a for b, a in zip(before, after, strict=True))
    assert trim(problem, trimmed) == trimmed


def _lavish_plan(
    counted: tuple[tuple[int, ...], ...],
    demand: tuple[int, ...],
    configurations: tuple[tuple[int, ...], ...],
    extra: int,
) -> BlockPlan:
    """Serve every job with each of its types, and some; take machines for all of it."""
    blocks = [
        [-(-d // f) + extra % 3 if f else 0 for f in row]
        for row, d in zip(counted, demand, strict=True)
    ]
    total = sum(map(sum, blocks)) + extra
    return block_plan(configurations, [total] * len(configurations), blocks)
