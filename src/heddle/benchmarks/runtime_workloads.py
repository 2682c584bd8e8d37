"""DISB's workloads A to E, as the benchmark of the runtime plays them.

The definitions are those of the DNN Inference Serving Benchmark (SJTU-IPADS/disb, commit 7ad5fba,
``benchmarks/workloads``): real-time clients ask at a rate, best-effort clients in closed loops.
"""

from __future__ import annotations

from heddle.workload.disb.workload import (
    Continuous,
    DisbClient,
    DisbWorkload,
    Load,
    Periodic,
    Poisson,
)

#: What the simulator was fitted on; the others are predictions.
FITTED_ON = ("A", "D")
WORKLOADS = ("A", "B", "C", "D", "E")
_FIVE = ("resnet152", "densenet201", "vgg19", "inceptionv3", "distilbert")
_SECONDS = 60.0


def disb(name: str, rate_factor: float = 1.0) -> DisbWorkload:
    """Workload A, B, C, D or E; the rates of real-time clients times a factor."""
    rate_rps = 100 * rate_factor if name in "AC" else 20 * rate_factor
    load: Load = Periodic(rate_rps)
    if name == "B":
        load = Continuous()
    elif name == "E":
        load = Poisson(rate_rps)
    rt = ("vgg19",) if name in "ABC" else _FIVE
    be = ("resnet152",) if name in "AB" else _FIVE
    clients = [DisbClient(f"{one}_rt", one, is_real_time=True, load=load) for one in rt]
    clients += [DisbClient(f"{one}_be", one, is_real_time=False, load=Continuous()) for one in be]
    return DisbWorkload(name, _SECONDS, tuple(clients))
