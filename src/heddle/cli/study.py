"""``heddle study``: how measured performance scales, and a fitted model of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.outputs import require_outputs
from heddle.cluster.catalogue import builtin_catalogue, load_gpu_types
from heddle.drawing.scaling import ScalingPanel, ScalingPoint, scaling_svg
from heddle.drawing.table import Column, number_column, table_text
from heddle.workload.fit import fit
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.scaling_series import ScalingSeries, SeriesPoint, scaling_series
from heddle.workload.study import study
from heddle.workload.study_sheets import (
    Sheet,
    best_sheet,
    count_sheet,
    error_sheet,
    law_sheet,
    scaling_sheet,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``study``."""
    parser.add_argument("performance", type=Path, metavar="PERFORMANCE", help="performance.csv")
    parser.add_argument(
        "--gpu-types", type=Path, metavar="FILE", help="GPU types of your own that it names"
    )
    parser.add_argument("--model", action="append", metavar="NAME", help="only this network")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw rates against slices")


def run(arguments: argparse.Namespace) -> int:
    """Print the tables; draw the charts."""
    require_outputs([arguments.svg], [arguments.performance, arguments.gpu_types])
    catalogue = builtin_catalogue()
    if arguments.gpu_types is not None:
        catalogue = catalogue.with_types(load_gpu_types(arguments.gpu_types))
    table = _table(arguments, PerformanceTable(load_performance(arguments.performance, catalogue)))
    studied, fitted = study(table, catalogue), fit(table, catalogue)
    if arguments.svg is not None:
        series = scaling_series(studied, fitted)
        title = f"{arguments.performance.name}: rate against compute slices"
        write_text(arguments.svg, scaling_svg([_panel(line) for line in series], title))
    sheets = [
        scaling_sheet(studied),
        count_sheet(studied),
        best_sheet(studied),
        law_sheet(fitted),
        error_sheet(fitted),
    ]
    print("\n\n".join(sheet_text(sheet) for sheet in sheets if sheet.rows))
    return 0


def _table(arguments: argparse.Namespace, table: PerformanceTable) -> PerformanceTable:
    if not arguments.model:
        return table
    for name in arguments.model:
        table.require_model(name)
    return PerformanceTable(point for point in table if point.model in arguments.model)


def sheet_text(sheet: Sheet) -> str:
    """Return a titled table as text."""
    columns = [
        number_column(heading) if is_number else Column(heading)
        for heading, is_number in zip(sheet.headings, sheet.is_number, strict=True)
    ]
    return f"{sheet.title}\n{table_text(columns, sheet.rows)}"


def _panel(line: ScalingSeries) -> ScalingPanel:
    return ScalingPanel(
        title=f"{line.model}, batch {line.batch}",
        points=(*_points(line.measured), *_points(line.held_out, is_fitted=True)),
        curve=tuple((float(point.compute_slices), point.rate_rps) for point in line.fitted),
        note=line.scaling,
    )


def _points(
    points: tuple[SeriesPoint, ...], *, is_fitted: bool = False
) -> tuple[ScalingPoint, ...]:
    return tuple(ScalingPoint(p.compute_slices, p.rate_rps, is_fitted) for p in points)
