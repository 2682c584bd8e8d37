"""What the runtime benchmark says of its runs: targets, and REEF's published order of policies.

Sources: REEF (OSDI'22): real-time overhead below 2 %, preemption below 40 us, more throughput than
real-time work alone; its Figures 10 to 12 order the policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heddle.benchmarks.record import Figure
from heddle.benchmarks.runtime_play import Run
from heddle.runtime.simulated.facts import DeviceType, network
from heddle.runtime.simulated.profiles import kernel_of

_REAL_TIME = ("vgg", "resnet152", "densenet", "inception", "bert")
_EXACT = ("block-edge", "block-edge-padding")
#: The first has a lower real-time latency than the second.
_FASTER = (
    ("reset", "wait"),
    ("reef", "wait"),
    ("reef", "sequential"),
    ("reef", "multistream"),
)
#: The first gets more done in all than the second.
_BUSIER = (("reef", "rt-only"), ("reef", "reset"), ("multistream", "reef"))
#: Latencies and rates that differ by less count as equal.
_TOLERANCE = 0.005

Runs = Mapping[tuple[str, str], Run]


def figures_of(runs: Iterable[Run]) -> tuple[Figure, ...]:
    """The targets that one device's runs are held to."""
    kept = tuple(runs)
    by_name: Runs = {(one.workload, one.policy): one for one in kept}
    device = f"sim:{kept[0].device}"
    figures = [*_exactness(kept, device)]
    if any(one.policy == "reef" for one in kept):
        figures += _published(by_name, device)
    figures += [*_orders(by_name, device)]
    return tuple(figures)


def room_figures(small: DeviceType, large: DeviceType) -> tuple[Figure, ...]:
    """The part of each device that real-time kernels leave free by REEF's first rule, in time."""
    shares = [100 * _room(device) for device in (small, large)]
    return (
        Figure(
            f"room beside real-time kernels, sim:{large.name} over sim:{small.name}",
            round(shares[1] / shares[0], 2),
            "x",
            ">= 1.05",
        ),
    )


def _room(device: DeviceType) -> float:
    """Mean over DISB's networks of the multiprocessors that a kernel leaves free, by its time."""
    parts = []
    for name in _REAL_TIME:
        found = network(name)
        kernels = [kernel_of(found.kernels[place], device) for place in found.program]
        free_ns = sum(_free_part(one.blocks, device) * one.duration_ns for one in kernels)
        parts.append(free_ns / sum(one.duration_ns for one in kernels))
    return sum(parts) / len(parts)


def _free_part(blocks: int, device: DeviceType) -> float:
    layers = -(-blocks // device.multiprocessors)
    return 1 - -(-blocks // layers) / device.multiprocessors


def waiting_figures(runs: Iterable[Run]) -> tuple[Figure, ...]:
    """REEF-N on a V100 took 71 to 288 us: it flags, empties queues, and waits for what runs.

    The time is from the arrival to the end of the last best-effort block that had begun.
    """
    kept = tuple(runs)
    name = "sim:V100 level 2 (REEF-N: 71 to 288 us)"
    shortest_us = min(one.drained_p50_us for one in kept)
    longest_us = max(one.drained_p99_us for one in kept)
    return (
        Figure(f"{name}: shortest median", round(shortest_us, 1), "us", ">= 71"),
        Figure(f"{name}: longest p99 until drained", round(longest_us, 1), "us", "<= 288"),
    )


def _exactness(runs: tuple[Run, ...], device: str) -> Iterable[Figure]:
    for policy in _EXACT:
        mine = [one for one in runs if one.policy == policy]
        lost = sum(one.blocks_lost for one in mine)
        repeated = sum(one.blocks_repeated for one in mine)
        yield Figure(f"{device} {policy}: blocks lost", lost, "blocks", "== 0")
        yield Figure(f"{device} {policy}: blocks repeated", repeated, "blocks", "== 0")


def _published(runs: Runs, device: str) -> Iterable[Figure]:
    for (workload, policy), run in runs.items():
        if policy != "reef":
            continue
        over = 100 * (run.rt_mean_ms / runs[workload, "rt-only"].rt_mean_ms - 1)
        name = f"{device} {workload} reef"
        yield Figure(f"{name}: real-time overhead", round(over, 2), "%", "<= 2")
        p99_us = round(run.preemption_p99_us, 1)
        yield Figure(f"{name}: preemption p99", p99_us, "us", "<= 40")


def _orders(runs: Runs, device: str) -> Iterable[Figure]:
    """How many pairs of policies stand in REEF's order, workload by workload."""
    for workload in dict.fromkeys(one for one, _ in runs):
        mine = {policy: run for (name, policy), run in runs.items() if name == workload}
        held = [
            mine[first].rt_mean_ms < mine[second].rt_mean_ms * (1 + _TOLERANCE)
            for first, second in _FASTER
            if {first, second} <= mine.keys()
        ] + [
            done(mine[first]) > done(mine[second]) * (1 - _TOLERANCE)
            for first, second in _BUSIER
            if {first, second} <= mine.keys()
        ]
        if held:
            share = round(100 * sum(held) / len(held), 1)
            yield Figure(f"{device} {workload}: pairs in REEF's order", share, "%", ">= 100")


def done(run: Run) -> float:
    """Requests a second of both kinds."""
    return run.rt_rps + run.be_rps
