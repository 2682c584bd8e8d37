"""The parts of the nearest plan: what can stay, covers, seats, names."""

import dataclasses

import numpy as np
import pytest

from generated_workloads import generated, packaged_table
from heddle.clock import ManualClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement, legal_partition
from heddle.optimizer.nearest.covers import CoverSearch, StayPrices
from heddle.optimizer.nearest.dealing import parted
from heddle.optimizer.nearest.naming import named_gpus
from heddle.optimizer.nearest.recuts import gpu_classes, recuts
from heddle.optimizer.nearest.running import RunningGpu, running_gpus
from heddle.optimizer.nearest.search import nearest
from heddle.optimizer.nearest.seats import Seat, SeatedGpu
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.verification.verifier import verify
from heddle.workload.fleet import GpuPool
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload
from nearest_cases import num_kept

A100 = builtin_catalogue().get("A100-80GB")


def workload(*services: Service, count: int | None = None, per_node: int = 2) -> Workload:
    return Workload((GpuPool(A100, count, per_node),), services, packaged_table())


def service(name: str, rate_rps: float = 100.0, spread: Spread | None = None) -> Service:
    return Service(name, "resnet50", rate_rps, 200.0, spread=spread)


def best_instance(problem: RmsProblem, name: str, profile: str, start: int) -> PlannedInstance:
    s = next(s for s, service in enumerate(problem.services) if service.name == name)
    k = next(k for k, kind in enumerate(problem.kinds) if kind.profile.name == profile)
    point = problem.points[s][k]
    assert point is not None
    return PlannedInstance(
        profile, start, name, point.batch, point.processes, point.rate_rps, point.latency_ms
    )


def deployment(*configurations: Configuration) -> Deployment:
    return Deployment({}, configurations)


def on_gpu(number: int, node: str, *instances: PlannedInstance) -> Configuration:
    return Configuration(f"gpu-{number}", node, A100.name, instances)


def test_an_instance_can_stay_only_at_the_best_point_of_a_service_that_is_wanted() -> None:
    problem = build_problem(workload(service("a")))
    best = best_instance(problem, "a", "1g.10gb", 0)
    other = best._replace(start=1, batch=best.batch + 1)
    unknown = best._replace(start=2, service="gone")
    running = running_gpus(problem, deployment(on_gpu(0, "node-0", best, other, unknown)))
    (gpu,) = running.gpus
    kind = next(k for k, kind in enumerate(problem.kinds) if kind.profile.name == "1g.10gb")
    assert [slot for _, slot in gpu.held] == [Slot(kind, 0), None, None]
    assert running.stayable.sum() == 1
    assert running.num_instances == 3


def test_gpus_of_a_type_that_the_fleet_lacks_are_given_up() -> None:
    problem = build_problem(workload(service("a")))
    elsewhere = Configuration("x", "node-x", "H100-80GB", ())
    assert running_gpus(problem, deployment(elsewhere)).gpus == ()


def test_a_recut_is_a_legal_partition_that_counts_what_it_keeps() -> None:
    problem = build_problem(workload(service("a"), service("b")))
    small = [best_instance(problem, "a", "1g.10gb", start) for start in (0, 1, 2)]
    large = best_instance(problem, "b", "3g.40gb", 4)
    running = running_gpus(problem, deployment(on_gpu(0, "node-0", *small, large)))
    found = recuts(problem, gpu_classes(running.gpus))
    for recut in found:
        assert legal_partition(A100, recut.placements).placements == recut.placements
        kept = [p for p in recut.placements if running.gpus[0].slots.get(p) is not None]
        assert sum(count for _, count in recut.stays) == len(kept) == sum(recut.reused)
    assert max(sum(count for _, count in recut.stays) for recut in found) == 4
    assert not any(Placement(0, "7g.80gb") in recut.placements for recut in found)


def test_gpus_that_run_the_same_are_one_class() -> None:
    problem = build_problem(workload(service("a")))
    first = best_instance(problem, "a", "1g.10gb", 0)
    second = first._replace(start=1)
    alike = (on_gpu(0, "node-0", first), on_gpu(1, "node-0", first), on_gpu(2, "node-1", second))
    classes = gpu_classes(running_gpus(problem, deployment(*alike)).gpus)
    assert [len(gpu_class.gpus) for gpu_class in classes] == [2, 1]


def test_covers_serve_their_service_and_the_cheapest_comes_first() -> None:
    problem = build_problem(generated(12, 60, 1))
    stayable = np.random.default_rng(0).integers(0, 4, problem.rate.shape) * (problem.rate > 0)
    prices = StayPrices(np.linspace(0.1, 1.0, problem.num_kinds), np.full(problem.rate.shape, 0.3))
    for s in range(problem.num_services):
        covers, costs = CoverSearch(problem, stayable).covers(s, prices, 6)
        assert (covers @ problem.counted_rate[s] >= problem.demand[s]).all()
        assert len({tuple(row) for row in covers.tolist()}) == len(covers) == 6
        assert list(costs) == sorted(costs)
        assert np.allclose(costs, prices.of(s, covers, stayable[s]))


def test_gpus_that_clash_in_a_node_are_replaced_where_least_stays() -> None:
    problem = build_problem(workload(service("a", spread=Spread.NODE), service("b")))
    stays = Seat(0, Placement(0, "1g.10gb"), Slot(0, 0), is_reused=True, service=0)
    comes = Seat(0, Placement(0, "1g.10gb"), None, is_reused=False, service=0)
    gpus = [
        SeatedGpu(0, [seat], RunningGpu(Gpu(f"gpu-{i}", "node-0", A100.name), 0, ()))
        for i, seat in enumerate((comes, stays))
    ]
    assert [gpu.running is None for gpu in parted(problem, gpus)] == [True, False]


def named(problem: RmsProblem, running: Deployment, *seated: SeatedGpu) -> list[Gpu] | None:
    return named_gpus(problem, running, seated)


def seated_new(kind_service: tuple[int, int] = (0, 0)) -> SeatedGpu:
    kind, of_service = kind_service
    return SeatedGpu(0, [Seat(kind, service=of_service)])


def seated_running(gpu: Gpu) -> SeatedGpu:
    return SeatedGpu(0, [Seat(0, Placement(0, "1g.10gb"), service=0)], RunningGpu(gpu, 0, ()))


def test_a_new_gpu_takes_over_one_that_is_given_up_then_room_then_a_new_node() -> None:
    problem = build_problem(workload(service("a")))
    running = deployment(*(on_gpu(i, f"rack-{i // 2}") for i in range(3)))
    stays = Gpu("gpu-0", "rack-0", A100.name)
    names = named(problem, running, seated_running(stays), *(seated_new() for _ in range(4)))
    assert names == [
        stays,
        Gpu("gpu-1", "rack-0", A100.name),
        Gpu("gpu-2", "rack-1", A100.name),
        Gpu("gpu-3", "rack-1", A100.name),
        Gpu("gpu-4", "node-2", A100.name),
    ]


def test_spread_services_get_nodes_of_their_own_or_no_names_at_all() -> None:
    spread = workload(service("a", spread=Spread.NODE))
    stays = Gpu("gpu-0", "node-0", A100.name)
    seated = (seated_running(stays), seated_new())
    names = named(build_problem(spread), deployment(on_gpu(0, "node-0")), *seated)
    assert names is not None
    assert names[1].node != "node-0"
    one_node = build_problem(dataclasses.replace(spread, fleet=(GpuPool(A100, 2, 2),)))
    assert named(one_node, deployment(on_gpu(0, "node-0")), *seated) is None


def test_names_that_the_fleet_has_no_room_for_are_not_given() -> None:
    problem = build_problem(workload(service("a"), count=4, per_node=2))
    crowded = [Gpu(f"gpu-{i}", "node-0", A100.name) for i in range(3)]
    running = deployment(*(on_gpu(i, "node-0") for i in range(3)))
    assert named(problem, running, *(seated_running(gpu) for gpu in crowded)) is None


def test_without_names_the_plan_is_named_anew_and_still_accepted() -> None:
    before = workload(service("a", 9000.0), count=None, per_node=8)
    running = optimize(build_problem(before)).deployment
    assert running.num_gpus > 2
    after = workload(service("a", 9000.0), count=running.num_gpus, per_node=2)
    result = nearest(build_problem(after), running)
    assert verify(after, result.deployment).is_accepted


@pytest.mark.parametrize("seed", [0, 3])
def test_when_time_is_over_the_plain_plan_is_moved_near(seed: int) -> None:
    problem = build_problem(generated(8, 20, seed))
    running = optimize(problem).deployment
    clock = ManualClock()
    run = Run(time_limit_s=1.0, clock=clock)
    clock.advance(2.0)
    result = nearest(problem, running, run=run)
    assert result.statistics["method"] == "matched"
    assert num_kept(running, result.deployment) > 0


def test_where_nothing_runs_the_plan_is_as_good_as_any() -> None:
    workload_of_8 = generated(8, 20, 1)
    problem = build_problem(workload_of_8)
    result = nearest(problem, deployment())
    assert result.objective == optimize(problem).objective
    assert result.statistics["kept"] == 0
    assert verify(workload_of_8, result.deployment).is_accepted
