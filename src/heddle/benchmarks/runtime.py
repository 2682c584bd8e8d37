"""``heddle bench runtime``: every policy on DISB A to E on a simulated device, side by side.

Virtual time: the figures are simulated, the same on every machine. MI50 stands beside what REEF
published; other types are extrapolated. A and D were used to fit the MI50, B, C and E predict.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from heddle.benchmarks.record import Figure, Record, Row
from heddle.benchmarks.runtime_play import Run, latencies_alone_ms, run_policy
from heddle.benchmarks.runtime_verdicts import figures_of, room_figures, waiting_figures
from heddle.benchmarks.runtime_workloads import FITTED_ON, WORKLOADS, disb
from heddle.runtime.core.constants import IN_FLIGHT_LEVEL
from heddle.runtime.core.policies import POLICIES, needs_kill
from heddle.runtime.replay.runner import Play
from heddle.runtime.simulated.facts import DeviceType, device_type
from heddle.workload.disb.workload import DisbWorkload

#: Device types that can be asked for by name; without one the MI50 and the H200 are compared.
TYPES = ("MI50", "V100", "A100", "H200")
_SECONDS = 5.0
_QUICK_SECONDS = 0.5
_REFERENCE = "rt-only"
_MEASURED = "MI50"
_ROOMIER = "H200"
_WAITED_ON = "V100"
_PADDED = "block-edge-padding"

Report = Callable[[str], None]


def run_runtime(seed: int, *, is_quick: bool, report: Report) -> Record:
    """The MI50 with all policies, and the H200 beside it for the room that padding has."""
    mi50 = _runs(device_type(_MEASURED), tuple(POLICIES), seed, is_quick=is_quick, report=report)
    policies = (_REFERENCE, "block-edge", _PADDED)
    h200 = _runs(device_type(_ROOMIER), policies, seed, is_quick=is_quick, report=report)
    waiting = _waiting_runs(seed, is_quick=is_quick, report=report)
    figures = (
        *figures_of(mi50),
        *room_figures(device_type(_MEASURED), device_type(_ROOMIER)),
        *waiting_figures(waiting),
    )
    return _record(seed, figures, (*mi50, *h200), is_quick=is_quick)


def run_on_type(name: str, seed: int, *, is_quick: bool, report: Report) -> Record:
    """One device type with every policy that it has the power for."""
    device = device_type(name)
    policies = tuple(one for one in POLICIES if device.can_kill or not needs_kill(one))
    runs = _runs(device, policies, seed, is_quick=is_quick, report=report)
    measured = device_type(_MEASURED)
    room = room_figures(measured, device) if device != measured else ()
    return _record(seed, (*figures_of(runs), *room), runs, is_quick=is_quick)


def _runs(
    device: DeviceType, policies: tuple[str, ...], seed: int, *, is_quick: bool, report: Report
) -> tuple[Run, ...]:
    seconds = _QUICK_SECONDS if is_quick else _SECONDS
    found = []
    for name in WORKLOADS:
        workload = scaled(name, device)
        report(f"sim:{device.name} {name}: {', '.join(policies)}")
        how = Play(seconds=seconds, seed=seed, alone_ms=latencies_alone_ms(device, workload))
        found += [run_policy(device, workload, policy, how) for policy in policies]
    return tuple(found)


def _waiting_runs(seed: int, *, is_quick: bool, report: Report) -> list[Run]:
    """What REEF-N did on a V100: queues are emptied, running kernels are waited for."""
    device = device_type(_WAITED_ON)
    report(f"sim:{device.name} at level 2")
    found = []
    for name in WORKLOADS:
        workload = scaled(name, device)
        how = Play(
            seconds=_QUICK_SECONDS if is_quick else _SECONDS,
            seed=seed,
            alone_ms=latencies_alone_ms(device, workload),
        )
        found.append(run_policy(device, workload, "block-edge", how, level=IN_FLIGHT_LEVEL))
    return found


def scaled(name: str, device: DeviceType) -> DisbWorkload:
    """A workload with rates that load the device's real-time side as they load an MI50."""
    if device.name == _MEASURED:
        return disb(name)
    alone = partial(latencies_alone_ms, workload=disb("A"))
    before_ms = alone(device_type(_MEASURED))["vgg19_rt"]
    return disb(name, before_ms / alone(device)["vgg19_rt"])


def _record(
    seed: int, figures: tuple[Figure, ...], runs: tuple[Run, ...], *, is_quick: bool
) -> Record:
    references = {(one.device, one.workload): one for one in runs if one.policy == _REFERENCE}
    rows = tuple(_row(one, references[one.device, one.workload]) for one in runs)
    return Record("runtime", seed, is_quick, figures, rows)


def _row(run: Run, reference: Run) -> Row:
    is_fitted = run.device == _MEASURED and run.workload in FITTED_ON
    return {
        "part": f"sim:{run.device} {run.workload}, {'fitted' if is_fitted else 'predicted'}",
        "device": f"sim:{run.device}",
        "workload": run.workload,
        "policy": run.policy,
        "rt_mean_ms": round(run.rt_mean_ms, 3),
        "rt_over_rt_only_percent": _over(run.rt_mean_ms, reference.rt_mean_ms),
        "rt_p99_over_rt_only_percent": _over(run.rt_p99_ms, reference.rt_p99_ms),
        "rt_over_alone_percent": round(100 * run.over_alone, 2),
        "rt_rps": round(run.rt_rps, 1),
        "be_rps": round(run.be_rps, 1),
        "throughput_over_rt_only": round((run.rt_rps + run.be_rps) / reference.rt_rps, 2),
        "preemptions": run.preemptions,
        "preemption_p50_us": round(run.preemption_p50_us, 1),
        "preemption_p99_us": round(run.preemption_p99_us, 1),
        "blocks_lost": run.blocks_lost,
        "blocks_repeated": run.blocks_repeated,
        "padding_fills_percent": round(100 * run.padding_share, 1),
    }


def _over(value: float, reference: float) -> float:
    return round(100 * (value / reference - 1), 2)
