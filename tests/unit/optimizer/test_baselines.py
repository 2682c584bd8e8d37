"""The static baselines and ParvaGPU's packing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from heddle.errors import NoPlanError
from heddle.optimizer.baselines.mix import Mix, mixed_layout
from heddle.optimizer.baselines.parvagpu import ParvaGpu
from heddle.optimizer.baselines.segments import SegmentGpus
from heddle.optimizer.baselines.smallest import Smallest
from heddle.optimizer.baselines.whole import Whole, whole_cost
from heddle.optimizer.evaluate import cost_nano, violations
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.optimizer.solver import Run
from heddle.workload.files import load_workload
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service
from heddle.workload.workload import Workload
from small_problems import A100, THIRDS, random_problem

SCENARIOS = Path(__file__).parents[3] / "examples" / "01-parvagpu"

RATES = {"1g.10gb": 10.0, "2g.20gb": 19.0, "3g.40gb": 27.0, "4g.40gb": 34.0, "7g.80gb": 50.0}


def problem_with(*rates_rps: float, replicas: int = 1) -> RmsProblem:
    points = [OperatingPoint("A100-80GB", p, "net", 1, 1, r, 1.0) for p, r in RATES.items()]
    services = tuple(
        Service(f"s{i}", "net", rate, 10.0, min_replicas=replicas)
        for i, rate in enumerate(rates_rps)
    )
    return build_problem(Workload((GpuPool(A100),), services, PerformanceTable(points)))


def num_gpus(solver: Whole | Smallest | Mix | ParvaGpu, problem: RmsProblem) -> int:
    packing = solver.solve(problem, Run()).packing
    assert packing is not None
    assert violations(problem, packing) == []
    return packing.num_gpus


def test_whole_gives_every_service_gpus_of_its_own() -> None:
    assert num_gpus(Whole(), problem_with(51.0, 5.0)) == 3


def test_whole_costs_what_its_plan_costs() -> None:
    for seed in range(20):
        problem = random_problem(np.random.default_rng(seed))
        packing = Whole().solve(problem, Run()).packing
        assert packing is not None
        assert cost_nano(problem, packing) == whole_cost(problem)


def test_smallest_fills_gpus_with_sevenths_shared_by_services() -> None:
    assert num_gpus(Smallest(), problem_with(65.0, 5.0)) == 2
    assert num_gpus(Smallest(), problem_with(60.0, 10.0)) == 1


def test_mix_cuts_four_two_one_for_one_service_each() -> None:
    problem = problem_with(63.0, 64.0)
    assert dict(zip(RATES, mixed_layout(problem).counts, strict=True)) == {
        "1g.10gb": 1,
        "2g.20gb": 1,
        "3g.40gb": 0,
        "4g.40gb": 1,
        "7g.80gb": 0,
    }
    assert num_gpus(Mix(), problem) == 3


def test_mix_leaves_idle_what_a_service_cannot_use() -> None:
    table = PerformanceTable(
        [
            OperatingPoint("Thirds", "third", "a", 1, 1, 5.0, 1.0),
            OperatingPoint("Thirds", "third", "b", 1, 1, 5.0, 1.0),
            OperatingPoint("Thirds", "two-thirds", "b", 1, 1, 9.0, 1.0),
        ]
    )
    services = (Service("a", "a", 6.0, 10.0), Service("b", "b", 14.0, 10.0))
    workload = Workload((GpuPool(THIRDS),), services, table)
    assert num_gpus(Mix(), build_problem(workload)) == 3


def test_mix_says_which_service_its_layout_cannot_serve() -> None:
    problem = problem_with(10.0, 10.0)
    only_3g = dataclasses.replace(problem.services[1], profiles=("3g.40gb",))
    points = [p for row in problem.points for p in row if p is not None]
    table = PerformanceTable(dict.fromkeys(points))
    workload = Workload((GpuPool(A100),), (problem.services[0], only_3g), table)
    with pytest.raises(NoPlanError, match="service 's1' can use none of the profiles"):
        Mix().solve(build_problem(workload), Run())


def test_replicas_are_honoured_by_all() -> None:
    problem = problem_with(5.0, replicas=9)
    assert num_gpus(Whole(), problem) == 9
    assert num_gpus(Smallest(), problem) == 2
    assert num_gpus(Mix(), problem) == 3
    assert num_gpus(ParvaGpu(), problem) == 2


@pytest.mark.parametrize(
    ("scenario", "shipped"), [("s1", 2), ("s2", 3), ("s3", 5), ("s4", 7), ("s5", 13), ("s6", 16)]
)
def test_parvagpus_packing_is_close_to_its_shipped_plans(scenario: str, shipped: int) -> None:
    problem = build_problem(load_workload(SCENARIOS / f"{scenario}.yaml"))
    assert shipped - 1 <= num_gpus(ParvaGpu(), problem) <= shipped + 1


def test_parvagpu_takes_optimal_segments_and_the_smallest_last_one() -> None:
    packing = ParvaGpu().solve(problem_with(35.0), Run()).packing
    assert packing is not None
    assert [slot.kind for gpu in packing.gpus for slot in gpu.slots] == [0, 0, 0, 0]


def test_parvagpu_frees_a_gpu_whose_segments_fit_elsewhere() -> None:
    """3g is best per slice, so 2 x 3g fill a GPU; the third 3g is cut up for the hole."""
    points = [
        OperatingPoint("A100-80GB", "3g.40gb", "a", 1, 1, 90.0, 1.0),
        OperatingPoint("A100-80GB", "4g.40gb", "b", 1, 1, 90.0, 1.0),
        OperatingPoint("A100-80GB", "1g.10gb", "c", 1, 1, 10.0, 1.0),
        OperatingPoint("A100-80GB", "3g.40gb", "c", 1, 1, 31.0, 1.0),
    ]
    services = (Service("b", "b", 90.0, 10.0), Service("c", "c", 30.0, 10.0))
    workload = Workload((GpuPool(A100),), services, PerformanceTable(points))
    assert num_gpus(ParvaGpu(), build_problem(workload)) == 1


def test_segments_put_back_leave_everything_as_it_was() -> None:
    gpus = SegmentGpus(problem_with(35.0))
    first = gpus.open_gpu()
    gpus.add(first, Slot(3, 0))
    gpus.add(first, Slot(2, 0))
    assert gpus.first_with_room(0) is None
    gpus.remove(first, Slot(2, 0))
    assert gpus.first_with_room(0) == first
    assert gpus.first_with_room(0, but=first) is None
    assert gpus.used_slices(first) == 4
    assert gpus.provided[0] == 34_000_000
    assert gpus.packing().num_gpus == 1
