"""Library work on the cuda device: a framework's network as graphs, preempted between them.

Section ``library`` of ``gpu_runtime``. PyTorch's kernels (cuBLAS, cuDNN) have no code that could be
rewritten; every stage of a network is captured as a graph, which the loop replays without Python,
so that best-effort work is stopped at the edge of a stage.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

from heddle.benchmarks.gpu_runtime_play import BEST_EFFORT, REAL_TIME, Client, Play
from heddle.benchmarks.gpu_runtime_rig import Rig, measured, percentiles
from heddle.benchmarks.record import Measured, Row
from heddle.errors import HostError
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.device_kernel import DeviceKernel, Functions
from heddle.runtime.cuda.graphs import instantiate
from heddle.runtime.cuda.networks.spin import SpinBlock

_RUN_S: Final = 3.0
_RATE_RPS: Final = 200.0
_BATCH: Final = 8


def library(rig: Rig) -> Measured:
    """A captured ResNet-50 of torchvision as best-effort work, under three policies."""
    if rig.is_trial:
        raise HostError("there is no GPU for PyTorch on a trial", is_retryable=False)
    rows: list[Row] = []
    for policy in ("rt-only", "multistream", "block-edge"):
        rows += _run(rig, policy)
    return measured([], rows)


def _run(rig: Rig, policy: str) -> list[Row]:
    device = rig.open(policy)
    try:
        torch = importlib.import_module("torch")
        kernels, kept = _captured(torch, device)
        tiny = device.catalogue.spinning([SpinBlock("tiny", 8, 5000)] * 10)
        own = {"resnet50": kernels, "tiny": tiny}
        clients = [Client("tiny", REAL_TIME, _RATE_RPS), Client("resnet50", BEST_EFFORT)]
        played = Play(device, clients, own=own).run(_RUN_S)
        del kept
    finally:
        device.close()
    latencies = percentiles(f"{policy}: real-time beside resnet50", played.of(clients, REAL_TIME))
    done = len(played.of(clients, BEST_EFFORT)) / played.seconds
    return [
        {**latencies, "be_rps": round(done, 2), "error": played.device_error},
        percentiles(f"{policy}: preemption", played.preemptions_ns["whole"]),
    ]


def _captured(torch: Any, device: CudaBackend) -> tuple[list[DeviceKernel], list[Any]]:
    """A graph for each stage of a network, and what must live as long as they do."""
    models = importlib.import_module("torchvision.models")
    network = models.resnet50(weights=None).eval().half().cuda()
    flatten = torch.nn.Flatten(1)
    stages = [
        torch.nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool),
        *network.layer1,
        *network.layer2,
        *network.layer3,
        *network.layer4,
        torch.nn.Sequential(network.avgpool, flatten, network.fc),
    ]
    value = torch.randn(_BATCH, 3, 224, 224, device="cuda", dtype=torch.half)
    kernels, kept = [], [network, value]
    with torch.no_grad():
        for number, stage in enumerate(stages):
            for _ in range(3):
                stage(value)  # libraries choose their kernels before anything is captured
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph(keep_graph=True)
            with torch.cuda.graph(graph):
                value = stage(value)
            made = instantiate(device.driver, int(graph.raw_cuda_graph()))
            kernels.append(DeviceKernel(f"stage {number}", Functions(graph=made)))
            kept += [graph, value]
    return kernels, kept
