"""One workload and one correct deployment of it, made by hand.

Prices are by memory units: an eighth of a GPU for every unit that a profile takes. At
them ``search`` costs 0.625 (two 2g and a 1g), ``vision`` 0.75 (three 2g) and ``chat``
0.375 (three 1g), so the prices prove 1.75 and no plan has fewer than 2 GPUs.
"""

from __future__ import annotations

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload

A100 = "A100-80GB"
T4 = "T4-16GB"

POINTS = (
    OperatingPoint(A100, "1g.10gb", "bert", 8, 1, 100.0, 20.0, 99.0),
    OperatingPoint(A100, "1g.10gb", "bert", 64, 1, 150.0, 80.0, 99.0),
    OperatingPoint(A100, "2g.20gb", "bert", 8, 1, 210.0, 15.0, 99.0),
    OperatingPoint(A100, "3g.40gb", "bert", 8, 1, 330.0, 12.0, 99.0),
    OperatingPoint(A100, "4g.40gb", "bert", 8, 1, 420.0, 10.0, 99.0),
    OperatingPoint(A100, "7g.80gb", "bert", 8, 1, 800.0, 8.0, 99.0),
    OperatingPoint(T4, "whole", "bert", 8, 1, 150.0, 25.0),
    OperatingPoint(A100, "1g.10gb", "resnet", 8, 1, 50.0, 10.0, 99.0),
    OperatingPoint(A100, "2g.20gb", "resnet", 8, 1, 100.0, 10.0, 99.9),
    OperatingPoint(A100, "3g.40gb", "resnet", 8, 2, 160.0, 10.0, 99.0),
    OperatingPoint(A100, "3g.40gb", "resnet", 4, 1, 200.0, 9.0, 50.0),
    OperatingPoint(A100, "3g.40gb", "resnet", 128, 1, 300.0, 18.0, 99.0, memory_mib=46000.0),
    OperatingPoint(A100, "3g.40gb", "resnet", 16, 1, 155.0, 11.0, 99.0, is_fitted=True),
)


@pytest.fixture
def workload() -> Workload:
    catalogue = builtin_catalogue()
    return Workload(
        fleet=(
            GpuPool(catalogue.get(A100), count=5, per_node=2, price_per_hour=3.2),
            GpuPool(catalogue.get(T4), price_per_hour=0.5),
        ),
        services=(
            Service("search", "bert", 400.0, 60.0, headroom=0.1),
            Service(
                "vision",
                "resnet",
                250.0,
                40.0,
                min_replicas=2,
                spread=Spread.NODE,
                profiles=("2g.20gb", "3g.40gb"),
            ),
            Service(
                "chat",
                "bert",
                300.0,
                60.0,
                max_share_per_gpu=0.5,
                gpu_types=(A100,),
                keep_apart=("vision",),
            ),
        ),
        performance=PerformanceTable(POINTS),
    )


@pytest.fixture
def deployment() -> Deployment:
    vision = PlannedInstance("3g.40gb", 4, "vision", 8, 2, 160.0, 10.0)
    chat = PlannedInstance("2g.20gb", 0, "chat", 8, 1, 210.0, 15.0)
    return Deployment(
        services={
            "search": ServedService("bert", 400.0, 60.0, 440.0, 30.0),
            "vision": ServedService("resnet", 250.0, 40.0),
            "chat": ServedService("bert", 300.0, 60.0),
        },
        configurations=(
            Configuration(
                "gpu-0",
                "node-0",
                A100,
                (PlannedInstance("4g.40gb", 0, "search", 8, 1, 420.0, 10.0), vision),
            ),
            Configuration("gpu-1", "node-0", A100, (chat,)),
            Configuration("gpu-2", "node-1", A100, (vision,)),
            Configuration("gpu-3", "node-1", A100, (chat,)),
            Configuration(
                "gpu-4", "node-2", T4, (PlannedInstance("whole", 0, "search", 8, 1, 150.0, 25.0),)
            ),
        ),
        certificate=Certificate(
            objective_kind="gpus",
            objective=5.0,
            lower_bound=2.0,
            gap=3.0,
            is_proved_optimal=False,
            basis=BoundBasis.PRICES,
            price_bound=2.0,
            solver="hand",
            seed=0,
            wall_s=0.0,
            prices={
                A100: {
                    "1g.10gb": "0.125",
                    "2g.20gb": "0.25",
                    "3g.40gb": "0.5",
                    "4g.40gb": "5e-1",
                    "7g.80gb": "1",
                },
                T4: {"whole": "1"},
            },
            service_prices={"search": 0.625, "vision": 0.75, "chat": 0.375},
        ),
    )
