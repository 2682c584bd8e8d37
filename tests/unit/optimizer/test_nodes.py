"""Dealing GPUs to nodes."""

import dataclasses

import pytest

from heddle.optimizer.nodes import assign_nodes
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload
from small_problems import HALVES


def problem_with(count: int | None, per_node: int, spread: list[Spread | None]) -> RmsProblem:
    services = tuple(
        Service(f"s{i}", "net", 1.0, 10.0, spread=kind) for i, kind in enumerate(spread)
    )
    point = OperatingPoint("Halves", "half", "net", 1, 1, 5.0, 1.0, 99.0)
    pool = GpuPool(HALVES, count=count, per_node=per_node)
    return build_problem(Workload((pool,), services, PerformanceTable([point])))


def packing_of(*gpus: tuple[int, ...]) -> Packing:
    return Packing(tuple(packed_gpu(0, [Slot(0, s) for s in services]) for services in gpus))


def test_gpus_fill_nodes_in_order_when_nothing_is_spread() -> None:
    problem = problem_with(None, 2, [None])
    assert assign_nodes(problem, packing_of((0,), (0,), (0,))) == [0, 0, 1]


def test_a_spread_service_is_once_in_a_node() -> None:
    problem = problem_with(None, 8, [Spread.NODE, None])
    nodes = assign_nodes(problem, packing_of((0,), (1,), (0,), (1, 1)))
    assert nodes is not None
    assert nodes[0] != nodes[2]


def test_too_few_nodes_are_noticed() -> None:
    problem = problem_with(4, 2, [Spread.NODE])
    assert assign_nodes(problem, packing_of((0,), (0,))) is not None
    assert assign_nodes(problem, packing_of((0,), (0,), (0,))) is None


def test_the_last_node_has_only_the_gpus_that_are_left() -> None:
    problem = problem_with(3, 2, [Spread.NODE, Spread.NODE])
    assert assign_nodes(problem, packing_of((0,), (0,), (1,))) is not None
    assert assign_nodes(problem, packing_of((0, 1), (0, 1))) is not None
    assert assign_nodes(problem, packing_of((0,), (0,), (0,))) is None


def test_a_tight_case_that_first_fit_misses_is_found_by_search() -> None:
    problem = problem_with(4, 2, [Spread.NODE] * 3)
    nodes = assign_nodes(problem, packing_of((0,), (1,), (0, 2), (1,)))
    assert nodes is not None
    assert nodes[0] != nodes[2]
    assert nodes[1] != nodes[3]


@pytest.mark.parametrize("per_node", [1, 3, 8])
def test_no_node_has_more_gpus_than_fit(per_node: int) -> None:
    problem = dataclasses.replace(problem_with(None, per_node, [Spread.NODE, None]))
    packing = packing_of(*[(1,)] * 10, *[(0,)] * 4)
    nodes = assign_nodes(problem, packing)
    assert nodes is not None
    assert max(nodes.count(node) for node in nodes) <= per_node
