"""One policy on one workload of the runtime benchmark, and the figures that are compared.

``runtime`` plays all of them side by side; ``scripts/fit-simulated-device`` fits with the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.replay.results import RunResult
from heddle.runtime.replay.runner import Play, play
from heddle.runtime.simulated.facts import DeviceType
from heddle.runtime.simulated.gpu import SimulatedGpu
from heddle.workload.disb.workload import Continuous, DisbClient, DisbWorkload

_ALONE_S = 0.2


@dataclass(frozen=True, slots=True)
class Run:
    """A policy on a workload: latencies of real-time requests, throughput, preemptions, blocks."""

    device: str
    workload: str
    policy: str
    rt_mean_ms: float
    rt_p99_ms: float
    over_alone: float
    rt_rps: float
    be_rps: float
    be_work_ms: float
    preemptions: int
    preemption_p50_us: float
    preemption_p99_us: float
    drained_p50_us: float
    drained_p99_us: float
    blocks_run: int
    blocks_lost: int
    blocks_repeated: int
    filled_rt: float
    filled_be: float
    filled_padding: float

    @property
    def padding_share(self) -> float:
        """The part of the device that padding fills while real-time work runs."""
        at_work = self.rt_rps * self.rt_mean_ms / 1e3
        return self.filled_padding / at_work if at_work else 0.0


def latencies_alone_ms(device: DeviceType, workload: DisbWorkload) -> dict[str, float]:
    """The latency of every client's network alone on the device, by client."""
    by_network = {
        network: _alone_ms(device, network)
        for network in dict.fromkeys(client.network for client in workload.clients)
    }
    return {client.id: by_network[client.network] for client in workload.clients}


def _alone_ms(device: DeviceType, network: str) -> float:
    """Virtual time has no noise: a few requests in a closed loop say it all."""
    client = DisbClient("alone", network, is_real_time=True, load=Continuous())
    gpu = SimulatedGpu(device, BackendOptions(policy="rt-only"))
    result = play(gpu, DisbWorkload("alone", _ALONE_S, (client,)), Play(seconds=_ALONE_S))
    return float(result.clients[0].requests.latency_ns.mean()) / 1e6


def run_policy(
    device: DeviceType, workload: DisbWorkload, policy: str, how: Play, level: int = 0
) -> Run:
    """Plays a workload; ``how`` carries seconds, seed and the latencies alone (by client).

    ``level`` holds the device to a lower preemption level than it has.
    """
    gpu = SimulatedGpu(device, BackendOptions(policy=policy, level=level, seed=how.seed))
    result = play(gpu, workload, how)
    room_ns = result.seconds * 1e9 * device.multiprocessors
    filled = [busy_ns / room_ns for busy_ns in gpu.busy_ns()]
    latency_ms = _latencies_ms(result)
    p50_us, p99_us = _percentiles(result.preemptions.total_ns / 1e3)
    marks_us = result.preemptions.marks_ns / 1e3
    drained_us = _percentiles(marks_us[:, 3] - marks_us[:, 0])
    return Run(
        device=device.name,
        workload=workload.name,
        policy=policy,
        rt_mean_ms=float(latency_ms.mean()),
        rt_p99_ms=float(np.percentile(latency_ms, 99, method="inverted_cdf")),
        over_alone=_over_alone(result),
        rt_rps=_rate_rps(result, is_real_time=True),
        be_rps=_rate_rps(result, is_real_time=False),
        be_work_ms=_best_effort_ms(result),
        preemptions=result.preemptions.count,
        preemption_p50_us=p50_us,
        preemption_p99_us=p99_us,
        drained_p50_us=drained_us[0],
        drained_p99_us=drained_us[1],
        blocks_run=result.blocks.run,
        blocks_lost=result.blocks.lost,
        blocks_repeated=result.blocks.repeated,
        filled_rt=filled[0],
        filled_be=filled[1],
        filled_padding=filled[2],
    )


def _latencies_ms(result: RunResult) -> np.ndarray:
    found = [one.requests.latency_ns for one in result.clients if one.is_real_time]
    return np.concatenate(found) / 1e6


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return 0.0, 0.0
    p50, p99 = np.percentile(values, [50, 99], method="inverted_cdf")
    return float(p50), float(p99)


def _over_alone(result: RunResult) -> float:
    """Mean over the clients of their latency over that alone, less one; each client counts once."""
    increases = [one.over_alone() for one in result.clients if one.is_real_time]
    known = [one for one in increases if one is not None]
    return float(np.mean(known)) if known else 0.0


def _rate_rps(result: RunResult, *, is_real_time: bool) -> float:
    kept = [one for one in result.clients if one.is_real_time == is_real_time]
    return sum(result.rate_rps(one) for one in kept)


def _best_effort_ms(result: RunResult) -> float:
    """Best-effort work done, as milliseconds that it would take alone, a second.

    Requests of a fast network count less than those of a slow one.
    """
    kept = [one for one in result.clients if not one.is_real_time]
    return sum(result.rate_rps(one) * (one.alone_ms or 0.0) for one in kept)
