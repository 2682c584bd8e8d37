"""Reads a performance table: one CSV row an operating point.

``files`` reads the tables that a workload names through it; ``heddle study`` reads
one by itself. Rates are read to a millionth of a request/s, rounded down.
``workload_writer.performance_csv`` writes the same format.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

from heddle.cluster.catalogue import Catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.errors import InputError, Location
from heddle.units import MAX_RATE_RPS
from heddle.workload.performance import MEMORY_TOLERANCE, OperatingPoint
from heddle.workload.table_file import Row, Table

COLUMNS = ("gpu", "profile", "model", "batch", "processes", "rate_rps", "latency_ms")
OPTIONAL_COLUMNS = ("percentile", "memory_mib")

_MIB_PER_GIB = 1024
_MILLIONTH = Decimal("0.000001")
#: A year; a longer latency is a wrong unit.
_MAX_LATENCY_MS = 3.2e10
_MAX_MEMORY_MIB = 1e9


def load_performance(path: Path, catalogue: Catalogue) -> tuple[OperatingPoint, ...]:
    """Return the operating points of a performance table, in its order.

    Raises
    ------
    InputError
        The file is missing, larger than 64 MiB, not CSV or empty; a column is
        unknown, missing or doubled; a GPU or profile is unknown; a number is not
        finite or not above 0; memory exceeds the profile's; a point stands twice.
    """
    table = Table(path)
    table.allow_only((*COLUMNS, *OPTIONAL_COLUMNS))
    table.require(COLUMNS)
    reader = _PointReader(catalogue, table.columns)
    points = tuple(reader.point(row) for row in table)
    if not points:
        raise InputError("the table has no rows below its header", Location(path))
    require_distinct(points)
    return points


def require_distinct(points: Iterable[OperatingPoint]) -> None:
    """Raise InputError when two rows measure the same point, in one file or in two."""
    first: dict[tuple[str, str, str, int, int], OperatingPoint] = {}
    for point in points:
        key = (point.gpu, point.profile, point.model, point.batch, point.processes)
        earlier = first.setdefault(key, point)
        if earlier is not point:
            raise InputError(_why_twice(point, earlier), point.location)


def floored_rate_rps(rate_rps: Decimal) -> float:
    """Return a rate, at most ``MAX_RATE_RPS``, rounded down to a millionth of a request/s."""
    return float(rate_rps.quantize(_MILLIONTH, ROUND_FLOOR))


def read_rate_rps(row: Row, column: str) -> float:
    """Return a cell as a rate above 0, rounded down to a millionth of a request/s."""
    rate_rps = floored_rate_rps(row.positive(column, MAX_RATE_RPS))
    if rate_rps <= 0:
        row.fail(column, f"expected at least a millionth of a request/s, found {row.cells[column]}")
    return rate_rps


def require_fits(
    row: Row, column: str, memory_mib: float, gpu_type: GpuType, profile: Profile
) -> None:
    """Refuse memory beyond the profile's or, where that is not known, the GPU's."""
    limit_mib = profile.memory_mib or gpu_type.memory_gb * _MIB_PER_GIB
    if limit_mib and memory_mib > limit_mib * MEMORY_TOLERANCE:
        owner = profile.name if profile.memory_mib else f"the whole {gpu_type.name}"
        row.fail(
            column,
            f"{memory_mib:,.0f} MiB do not fit {profile.name} of {gpu_type.name}: "
            f"{owner} has {limit_mib:,} MiB; memory is that of one instance",
        )


class _PointReader:
    """Turns rows into points; remembers the GPU types and profiles it has looked up."""

    def __init__(self, catalogue: Catalogue, columns: Iterable[str]) -> None:
        self._catalogue = catalogue
        self._optional = frozenset(columns) & frozenset(OPTIONAL_COLUMNS)
        self._found: dict[tuple[str, str], tuple[GpuType, Profile]] = {}

    def point(self, row: Row) -> OperatingPoint:
        """Return the operating point of a row."""
        gpu_type, profile = self._profile(row)
        memory_mib = self._optional_number(row, "memory_mib", _MAX_MEMORY_MIB)
        if memory_mib is not None:
            require_fits(row, "memory_mib", memory_mib, gpu_type, profile)
        return OperatingPoint(
            gpu=gpu_type.name,
            profile=profile.name,
            model=row.text("model"),
            batch=row.whole("batch"),
            processes=row.whole("processes"),
            rate_rps=read_rate_rps(row, "rate_rps"),
            latency_ms=_above_zero(row, "latency_ms", _MAX_LATENCY_MS),
            percentile=self._optional_number(row, "percentile", 100.0),
            memory_mib=memory_mib,
            location=row.location(),
        )

    def _optional_number(self, row: Row, column: str, most: float) -> float | None:
        if column not in self._optional or not row.cells[column]:
            return None
        return _above_zero(row, column, most)

    def _profile(self, row: Row) -> tuple[GpuType, Profile]:
        words = (row.text("gpu"), row.text("profile"))
        if words not in self._found:
            self._found[words] = self._look_up(row, *words)
        return self._found[words]

    def _look_up(self, row: Row, gpu: str, profile: str) -> tuple[GpuType, Profile]:
        column = "gpu"
        try:
            gpu_type = self._catalogue.get(gpu)
            column = "profile"
            return gpu_type, gpu_type.profile(profile)
        except InputError as error:
            raise InputError(error.message, row.location(column)) from error


def _above_zero(row: Row, column: str, most: float) -> float:
    number = float(row.positive(column, most))
    if number <= 0:
        row.fail(column, f"expected a number above 0, found {row.cells[column]}")
    return number


def _why_twice(point: OperatingPoint, earlier: OperatingPoint) -> str:
    is_same = point == earlier
    difference = (
        "the same numbers"
        if is_same
        else f"{earlier.rate_rps:g} requests/s at {earlier.latency_ms:g} ms there, "
        f"{point.rate_rps:g} at {point.latency_ms:g} here"
    )
    return (
        f"{point.model} on {point.profile} of {point.gpu} with batch {point.batch} and "
        f"processes {point.processes} was measured already at {earlier.location} "
        f"({difference}); keep one row"
    )
