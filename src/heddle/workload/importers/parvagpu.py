"""Converts a folder in the layout of the ParvaGPU SC24 artefact.

    prof_data/<model>.csv    Mig instance, Batch size, Workload Number, Throughput, Latency
    SLO/SLO_latency.csv      one row a scenario, one column a model in the order of the
    SLO/SLO_req_rate.csv     file names; N/A where a scenario does not have the model

Throughput is of one process in requests/s and Latency in seconds, so that a point's
rate is Throughput x Workload Number and its latency Latency x 1000, computed in exact
decimals. A row of zeros was not measured. Called by ``heddle import parvagpu``; the
packaged table in ``tables`` was made by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from heddle.atomic_file import write_text
from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError, Location
from heddle.units import MAX_RATE_RPS, plural
from heddle.workload.fleet import GpuPool
from heddle.workload.importers.imported import ImportedTable, write_table
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import floored_rate_rps, require_distinct
from heddle.workload.service import Service
from heddle.workload.service_reader import MAX_LATENCY_MS
from heddle.workload.table_file import Row, Table, read_lines
from heddle.workload.workload_writer import workload_yaml

GPU = "A100-80GB"
#: The profile that the artefact means by a number of compute slices.
PROFILES = MappingProxyType({1: "1g.10gb", 2: "2g.20gb", 3: "3g.40gb", 4: "4g.40gb", 7: "7g.80gb"})
#: Where the public artefact comes from; a table made from it carries these lines.
CITATION = (
    "ParvaGPU, SC 2024 (arXiv 2409.14447): 11 networks on MIG instances of an A100-80GB.",
    "Source: github.com/MunQ-Lee/ParvaGPU_SC24 at commit 5f3de1e, folder prof_data;",
    "archived as Zenodo record 13329587. MIT licence, Copyright (c) 2024 sslab6943.",
    "Changed: one table of the 11 files; the number of compute slices became a profile name;",
    "rate_rps is Throughput x Workload Number; latency_ms is Latency x 1000;",
    "rows of zeros (not measured, or out of memory) are left out.",
)

_COLUMNS = ("Mig instance", "Batch size", "Workload Number", "Throughput", "Latency")
_ABSENT = "N/A"
_LATENCY_FILE = "SLO_latency.csv"
_RATE_FILE = "SLO_req_rate.csv"
_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the SLO files: ``s1``, ``s2``, … and its services, named by model."""

    name: str
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class ParvaGpuImport:
    """The measurements of the folder, and its scenarios."""

    table: ImportedTable
    scenarios: tuple[Scenario, ...]


def import_parvagpu(folder: Path) -> ParvaGpuImport:
    """Return what a folder in the artefact's layout holds.

    Raises
    ------
    InputError
        A file of the layout is missing, a column or number is not what it should be,
        the two SLO files differ in shape, or a point stands twice.
    """
    files = sorted(_inside(folder, "prof_data").glob("*.csv"), key=lambda path: path.stem)
    if not files:
        raise InputError("expected one CSV file per model", Location(folder / "prof_data"))
    rows = [(path.stem, row) for path in files for row in _rows(path)]
    points = [_point(model, row) for model, row in rows if not _is_unmeasured(row)]
    require_distinct(points)
    num_unmeasured = len(rows) - len(points)
    note = f"{plural(num_unmeasured, 'row')} of zeros left out (not measured)"
    table = ImportedTable(tuple(points), len(rows), (note,) if num_unmeasured else ())
    return ParvaGpuImport(table, _scenarios(folder, [path.stem for path in files]))


def write_parvagpu(
    imported: ParvaGpuImport,
    folder: Path,
    table_path: str = "a100-80gb.csv",
    comments: Sequence[str] = (),
) -> tuple[Path, ...]:
    """Write the table and one workload per scenario; return the files written.

    Parameters
    ----------
    folder
        An existing folder.
    table_path
        Of the table, relative to the folder; workloads name it so.
    comments
        Lines above the table, such as :data:`CITATION`.
    """
    written = [folder / table_path]
    write_table(imported.table, written[0], comments)
    fleet = (GpuPool(builtin_catalogue().get(GPU)),)
    for scenario in imported.scenarios:
        title = (
            f"ParvaGPU scenario {scenario.name.upper()}: {len(scenario.services)} services, "
            f"rates from {_RATE_FILE}, latencies from {_LATENCY_FILE}."
        )
        written.append(folder / f"{scenario.name}.yaml")
        write_text(
            written[-1], workload_yaml(fleet, [table_path], scenario.services, comments=[title])
        )
    return tuple(written)


def _inside(folder: Path, name: str) -> Path:
    """Return the folder of that name, whatever its case."""
    try:
        found = sorted(path for path in folder.iterdir() if path.name.casefold() == name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read this folder: {reason}", Location(folder)) from error
    if not found or not found[0].is_dir():
        raise InputError(
            f"expected a folder {name!r} in it, as the ParvaGPU artefact has", Location(folder)
        )
    return found[0]


def _rows(path: Path) -> list[Row]:
    table = Table(path)
    table.allow_only(_COLUMNS)
    table.require(_COLUMNS)
    return list(table)


def _is_unmeasured(row: Row) -> bool:
    return row.decimal("Throughput") == 0 and row.decimal("Latency") == 0


def _point(model: str, row: Row) -> OperatingPoint:
    slices = row.whole("Mig instance")
    if slices not in PROFILES:
        row.fail(
            "Mig instance",
            f"expected one of {', '.join(map(str, PROFILES))} compute slices, found {slices}",
        )
    processes = row.whole("Workload Number")
    return OperatingPoint(
        gpu=GPU,
        profile=PROFILES[slices],
        model=model,
        batch=row.whole("Batch size"),
        processes=processes,
        rate_rps=floored_rate_rps(row.positive("Throughput", MAX_RATE_RPS) * processes),
        latency_ms=float(row.positive("Latency", MAX_LATENCY_MS / _MS_PER_S) * _MS_PER_S),
        location=row.location(),
    )


def _scenarios(folder: Path, models: Sequence[str]) -> tuple[Scenario, ...]:
    slo = _inside(folder, "slo")
    latencies = _slo_rows(slo / _LATENCY_FILE, models)
    rates = _slo_rows(slo / _RATE_FILE, models)
    if len(latencies) != len(rates):
        raise InputError(
            f"{len(rates)} scenarios, but {_LATENCY_FILE} has {len(latencies)}",
            Location(slo / _RATE_FILE),
        )
    return tuple(
        Scenario(f"s{number}", _services(latency, rate, models))
        for number, (latency, rate) in enumerate(zip(latencies, rates, strict=True), start=1)
    )


def _slo_rows(path: Path, models: Sequence[str]) -> list[Row]:
    rows = []
    for line, cells in read_lines(path):
        if len(cells) != len(models):
            raise InputError(
                f"expected {len(models)} cells, one per file of prof_data, found {len(cells)}",
                Location(path, line),
            )
        rows.append(Row(dict(zip(models, cells, strict=True)), path, line))
    if not rows:
        raise InputError("the table is empty: it has no scenario", Location(path))
    return rows


def _services(latency: Row, rate: Row, models: Sequence[str]) -> tuple[Service, ...]:
    services = []
    for model in models:
        is_absent = [row.cells[model] == _ABSENT for row in (latency, rate)]
        if all(is_absent):
            continue
        if any(is_absent):
            rate.fail(model, f"{_ABSENT} stands in only one of {_LATENCY_FILE} and {_RATE_FILE}")
        services.append(_service(latency, rate, model))
    if not services:
        rate.fail("", "the scenario has no service")
    return tuple(services)


def _service(latency: Row, rate: Row, model: str) -> Service:
    rate_rps: Decimal = rate.positive(model, MAX_RATE_RPS)
    return Service(
        name=model,
        model=model,
        rate_rps=float(rate_rps),
        latency_ms=float(latency.positive(model, MAX_LATENCY_MS)),
        location=rate.location(model),
    )
