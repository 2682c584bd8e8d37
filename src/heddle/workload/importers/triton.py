"""Converts what Triton's load generators write.

perf_analyzer (``-f FILE``) gives one row per concurrency or request rate: throughput in
``Inferences/Second`` and latencies in microseconds (``p99 latency``; ``Avg latency``
with ``--verbose-csv``). Model Analyzer (``metrics-model-inference.csv``) gives one row
per measurement, with ``Batch``, ``Instance Group`` and latencies in milliseconds
(``p99 Latency (ms)``). Both count inferences as requests x batch size, which is what
heddle calls requests/s.

A row is a load, not a shape: of all rows with the same batch and instance count the one
of highest throughput is kept, among those within a latency limit when one is given.
Without a limit that may be a row whose latency is mostly queueing. Called by
``heddle import triton``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from heddle.cluster.catalogue import Catalogue, builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.errors import InputError, listed, nearest
from heddle.units import plural
from heddle.workload.importers.imported import ImportedTable
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import read_rate_rps, require_fits
from heddle.workload.service_reader import MAX_LATENCY_MS
from heddle.workload.table_file import Row, Table

_MIB = 1024 * 1024
#: "2/GPU" (before 2021), "2:GPU", "2:GPU + 1:CPU".
_GPU_INSTANCES = re.compile(r"(\d{1,6})\s*[/:]\s*GPU")
#: "GPU-<uuid>:<bytes>;" once for each GPU.
_GPU_BYTES = re.compile(r"[^:;]+:([0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?);?")


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """What was measured, as far as the files do not say it.

    Attributes
    ----------
    gpu, profile
        GPU type by name or alias, and one of its profiles.
    model
        The name for the points; where the file has several models, the one to read.
    batch, processes
        Batch size (``-b``) and model instances; a column of the file goes before.
    percentile
        Which latency to read, in (0, 100]; None for the mean.
    latency_limit_ms
        Rows with a longer latency are left out.
    """

    gpu: str
    profile: str
    model: str
    batch: int = 1
    processes: int = 1
    percentile: float | None = 99.0
    latency_limit_ms: float | None = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where one of the two programs keeps what is read."""

    throughput: str
    latency: str
    mean: str
    ms_per_unit: Decimal
    memory: tuple[str, ...]

    def latency_column(self, percentile: float | None) -> str:
        return self.mean if percentile is None else self.latency.format(percentile)


_PERF_ANALYZER = _Layout(
    throughput="Inferences/Second",
    latency="p{:g} latency",
    mean="Avg latency",
    ms_per_unit=Decimal("0.001"),
    memory=("Max GPU Memory Usage",),
)
_MODEL_ANALYZER = _Layout(
    throughput="Throughput (infer/sec)",
    latency="p{:g} Latency (ms)",
    mean="Avg Latency (ms)",
    ms_per_unit=Decimal(1),
    memory=("Max GPU Memory Usage (MB)", "GPU Memory Usage (MB)"),
)


def import_triton(
    file: Path, settings: TritonSettings, catalogue: Catalogue | None = None
) -> ImportedTable:
    """Return the operating points of a perf_analyzer or Model Analyzer CSV file.

    One point for each batch and instance count, ordered by them. Model instances count
    as processes. Memory is read where the file has it: bytes from perf_analyzer, and
    MB from Model Analyzer, taken as MiB, which is never too little.

    Raises
    ------
    InputError
        The GPU or profile is unknown; the file is neither of the two, lacks a column
        or the model, or has no row within the latency limit.
    """
    gpu_type = (catalogue or builtin_catalogue()).get(settings.gpu)
    profile = gpu_type.profile(settings.profile)
    _require_sound(settings)
    table = Table(file)
    layout = _layout(table)
    table.require([layout.latency_column(settings.percentile)])
    reader = _RowReader(layout, settings, gpu_type, profile)
    rows = _rows_of_model(table, settings.model)
    measured = [point for row in rows if (point := reader.point(row)) is not None]
    points = _best(measured, settings, table)
    return ImportedTable(points, len(rows), _notes(len(rows), measured, points, settings))


def _require_sound(settings: TritonSettings) -> None:
    if settings.batch < 1 or settings.processes < 1:
        raise InputError("batch and processes are whole numbers of at least 1")
    percentile = settings.percentile
    if percentile is not None and not 0 < percentile <= 100:
        raise InputError(f"expected a percentile above 0 and at most 100, found {percentile:g}")
    limit_ms = settings.latency_limit_ms
    if limit_ms is not None and not limit_ms > 0:
        raise InputError(f"expected a latency limit above 0 ms, found {limit_ms:g}")


def _layout(table: Table) -> _Layout:
    layouts = {layout.throughput: layout for layout in (_PERF_ANALYZER, _MODEL_ANALYZER)}
    present = [column for column in layouts if column in table.columns]
    if not present:
        table.fail(_why_neither(table, list(layouts)))
    return layouts[present[0]]


def _why_neither(table: Table, wanted: list[str]) -> str:
    close = [column for column in table.columns if nearest(column, wanted)]
    found = f"; {close[0]!r} comes closest" if close else ""
    return (
        f"expected a column {wanted[0]!r} (perf_analyzer -f) or {wanted[1]!r} (Model Analyzer's "
        f"metrics-model-inference.csv){found}; the file has {listed(table.columns)}"
    )


def _rows_of_model(table: Table, model: str) -> list[Row]:
    """Return the rows of the model; the only model of a file may go by another name."""
    rows = list(table)
    if not rows:
        table.fail("the table has no rows below its header")
    if "Model" not in table.columns:
        return rows
    found = sorted({row.cells["Model"] for row in rows})
    if len(found) > 1 and model not in found:
        table.fail(f"no row has model {model!r}{nearest(model, found)}; it has {listed(found)}")
    return rows if len(found) == 1 else [row for row in rows if row.cells["Model"] == model]


class _RowReader:
    """Turns rows of one layout into operating points."""

    def __init__(
        self, layout: _Layout, settings: TritonSettings, gpu_type: GpuType, profile: Profile
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._gpu_type = gpu_type
        self._profile = profile

    def point(self, row: Row) -> OperatingPoint | None:
        """Return the row's point, or None where nothing was served."""
        if row.decimal(self._layout.throughput) == 0:
            return None
        return OperatingPoint(
            gpu=self._gpu_type.name,
            profile=self._profile.name,
            model=self._settings.model,
            batch=row.whole("Batch") if "Batch" in row.cells else self._settings.batch,
            processes=self._processes(row),
            rate_rps=read_rate_rps(row, self._layout.throughput),
            latency_ms=self._latency_ms(row),
            percentile=self._settings.percentile,
            memory_mib=self._memory_mib(row),
            location=row.location(),
        )

    def _latency_ms(self, row: Row) -> float:
        column = self._layout.latency_column(self._settings.percentile)
        scale = self._layout.ms_per_unit
        return float(row.positive(column, MAX_LATENCY_MS / float(scale)) * scale)

    def _processes(self, row: Row) -> int:
        if "Instance Group" not in row.cells:
            return self._settings.processes
        group = row.text("Instance Group")
        counts = [int(count) for count in _GPU_INSTANCES.findall(group)]
        if sum(counts) < 1:
            row.fail(
                "Instance Group", f"expected instances on a GPU such as 2:GPU, found {group!r}"
            )
        return sum(counts)

    def _memory_mib(self, row: Row) -> float | None:
        column = next((name for name in self._layout.memory if row.cells.get(name)), None)
        if column is None:
            return None
        if self._layout is _MODEL_ANALYZER:
            memory_mib = float(row.decimal(column))
        else:
            per_gpu = [float(amount) for amount in _GPU_BYTES.findall(row.cells[column])]
            memory_mib = per_gpu[0] / _MIB if len(per_gpu) == 1 else 0.0
        if memory_mib <= 0:
            return None
        require_fits(row, column, memory_mib, self._gpu_type, self._profile)
        return memory_mib


def _best(
    measured: Sequence[OperatingPoint], settings: TritonSettings, table: Table
) -> tuple[OperatingPoint, ...]:
    """Return the point of highest rate within the limit for each batch and count."""
    limit_ms = settings.latency_limit_ms
    best: dict[tuple[int, int], OperatingPoint] = {}
    for point in sorted(measured, key=lambda p: (-p.rate_rps, p.latency_ms)):
        if limit_ms is None or point.latency_ms <= limit_ms:
            best.setdefault((point.batch, point.processes), point)
    if not best:
        table.fail(_why_none(measured, limit_ms))
    return tuple(best[key] for key in sorted(best))


def _why_none(measured: Sequence[OperatingPoint], limit_ms: float | None) -> str:
    if not measured or limit_ms is None:
        return "no row served anything: every throughput is 0"
    fastest = min(measured, key=lambda point: point.latency_ms)
    return (
        f"no row has a latency within {limit_ms:g} ms; "
        f"line {fastest.location.line} comes closest with {fastest.latency_ms:g} ms"
    )


def _notes(
    num_rows: int,
    measured: Sequence[OperatingPoint],
    points: Sequence[OperatingPoint],
    settings: TritonSettings,
) -> tuple[str, ...]:
    limit_ms = settings.latency_limit_ms
    slow = [p for p in measured if limit_ms is not None and p.latency_ms > limit_ms]
    rest = len(measured) - len(slow) - len(points)
    reasons = (
        (num_rows - len(measured), "served nothing"),
        (len(slow), f"above {limit_ms:g} ms" if limit_ms is not None else ""),
        (rest, "at another load, with less throughput"),
    )
    return tuple(f"{plural(count, 'row')} {reason}" for count, reason in reasons if count)
