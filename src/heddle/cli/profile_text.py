"""What ``heddle profile`` prints, and the lines above the table that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from heddle.benchmarks.record import machine, versions
from heddle.clock import today
from heddle.cluster.gpu_type import GpuType
from heddle.drawing.table import Column, number_column, table_text
from heddle.serving.profiler.campaign import LeftOut, Outcome, Plan
from heddle.serving.profiler.measurement import PERCENTILE, Measurement
from heddle.serving.profiler.neighbour import KEPT, NeighbourEffect
from heddle.workload.performance import OperatingPoint

_COLUMNS = (
    Column("network"),
    Column("profile"),
    *map(
        number_column,
        (
            "batch",
            "processes",
            "requests/s",
            "± %",
            "engine ms",
            "p50 ms",
            "p99 ms",
            "MiB",
            "batches",
        ),
    ),
)
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


def points(outcome: Outcome, gpu_type: GpuType) -> list[OperatingPoint]:
    """Return what was measured as rows of a performance table."""
    return [
        OperatingPoint(
            gpu=gpu_type.name,
            profile=one.case.profile,
            model=one.case.network.name,
            batch=one.case.batch,
            processes=one.case.processes,
            rate_rps=round(one.rate_rps, 3),
            latency_ms=round(one.p99_ms, 3),
            percentile=PERCENTILE,
            memory_mib=None if one.memory_mib is None else round(one.memory_mib, 1),
        )
        for one in outcome.measurements
    ]


def profile_text(outcome: Outcome, plan: Plan, description: str) -> str:
    """Return the table and what must be said about it."""
    table = table_text(_COLUMNS, [_cells(one) for one in outcome.measurements])
    lines = [f"device: {description}", *_remarks(outcome, plan)]
    return "\n".join([table, "", *lines])


def comments(outcome: Outcome, plan: Plan, description: str) -> list[str]:
    """Return the lines above the header of the file: what, where, when, with what."""
    host = machine()
    known = versions()
    for name in _RUNTIMES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    spelled = ", ".join(f"{name} {number}" for name, number in known.items())
    return [
        f"measured by heddle profile on {today()}",
        f"machine: {host['processor']}, {host['cores']} cores, {host['system']}",
        f"device: {description}",
        f"versions: {spelled}",
        _method(plan),
        *_remarks(outcome, plan),
    ]


def _method(plan: Plan) -> str:
    confidence, within = plan.precision.confidence, plan.precision.within
    return (
        f"closed loop with full batches; rate_rps: {confidence:.0%} interval within {within:.0%} "
        "unless noted; latency_ms: from one batch to the next, with every wait for processor time"
    )


def _cells(one: Measurement) -> list[str]:
    case = one.case
    memory = "–" if one.memory_mib is None else f"{one.memory_mib:,.0f}"
    return [
        case.network.name,
        case.profile,
        str(case.batch),
        str(case.processes),
        f"{one.rate_rps:,.1f}",
        f"{one.half_width * 100:.1f}",
        f"{one.engine_ms:.2f}",
        f"{one.p50_ms:.2f}",
        f"{one.p99_ms:.2f}",
        memory,
        str(one.num_batches),
    ]


def _remarks(outcome: Outcome, plan: Plan) -> list[str]:
    return [
        _neighbour_line(outcome.neighbour, outcome.neighbour_reason),
        *_imprecise_lines(outcome.measurements, plan),
        *_left_out_lines(outcome.left_out),
    ]


def _neighbour_line(effect: NeighbourEffect | None, reason: str) -> str:
    if effect is None:
        return f"neighbour: not measured: {reason}"
    verdict = "" if effect.is_isolated else f", less than the {KEPT:.0%} that plans rely on"
    return (
        f"neighbour: with all other units at full load, {effect.case} keeps {effect.kept:.0%} of "
        f"its rate ({effect.alone_rps:,.1f} alone, {effect.beside_rps:,.1f} beside){verdict}"
    )


def _imprecise_lines(measurements: Sequence[Measurement], plan: Plan) -> list[str]:
    wanted, seconds = plan.precision.within, plan.precision.most_s
    return [
        f"imprecise: {one.case}: ± {one.half_width:.1%} after {seconds:g} s, wanted {wanted:.1%}"
        for one in measurements
        if not one.is_precise
    ]


def _left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Return one line a reason, with the points that it concerns."""
    by_reason: dict[str, list[str]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(str(one.case))
    return [f"left out: {'; '.join(cases)}: {reason}" for reason, cases in by_reason.items()]
