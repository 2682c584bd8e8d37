"""``heddle bench``: run a benchmark, print its tables, keep its record."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heddle.benchmarks.benches import BENCHES
from heddle.benchmarks.record import Record, Row, machine, versions
from heddle.cli.outputs import require_outputs
from heddle.cli.running import natural_number
from heddle.drawing.table import Column, number_column, table_text
from heddle.errors import InputError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bench``."""
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(BENCHES)}")
    parser.add_argument(
        "--day", action="store_true", help="of serving: a compressed day that follows its demand"
    )
    parser.add_argument(
        "--shared", action="store_true", help="of serving: services that share an instance"
    )
    parser.add_argument(
        "--device", metavar="DEVICE", help="of runtime: sim:TYPE or cpu; else sim:MI50 and sim:H200"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes, single runs")
    parser.add_argument("--seed", type=natural_number, default=0, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record")


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmark; return 0 whether or not its targets are met."""
    require_outputs([arguments.json])
    bench = BENCHES.create(_name(arguments))
    record = bench(arguments.seed, is_quick=arguments.quick, report=_report)
    if arguments.json is not None:
        record.write(arguments.json)
    print(record_text(record))
    return 0


def _name(arguments: argparse.Namespace) -> str:
    asked = [word for word in ("day", "shared") if getattr(arguments, word)]
    if arguments.device is not None and arguments.name != "runtime":
        raise InputError(f"--device is for the benchmark of the runtime, not of {arguments.name}")
    if arguments.device is not None:
        return f"runtime_{arguments.device.removeprefix('sim:').casefold()}"
    if not asked:
        return str(arguments.name)
    if arguments.name != "serving":
        raise InputError(f"--{asked[0]} is a benchmark of serving, not of {arguments.name}")
    if len(asked) > 1:
        raise InputError("--day and --shared are two benchmarks; choose one")
    return f"serving_{asked[0]}"


def _report(step: str) -> None:
    print(f"heddle: {step}", file=sys.stderr)


def record_text(record: Record) -> str:
    """Return machine, rows part by part, and figures with their targets."""
    where = ", ".join(f"{name} {value}" for name, value in machine().items())
    what = ", ".join(f"{name} {number}" for name, number in versions().items())
    parts = [f"bench {record.bench}, seed {record.seed}\n{where}\n{what}"]
    parts.extend(
        rows_text([row for row in record.rows if row.get("part", "") == part])
        for part in dict.fromkeys(str(row.get("part", "")) for row in record.rows)
    )
    columns = [
        Column("figure"),
        number_column("value"),
        Column("unit"),
        Column("target"),
        Column("met"),
    ]
    figures = [
        (f.name, f"{f.value:,.6g}", f.unit, f.target, "yes" if f.is_met else "NO")
        for f in record.figures
    ]
    parts.append(table_text(columns, figures))
    return "\n\n".join(parts)


def rows_text(rows: list[Row]) -> str:
    """Return rows of equal keys as a table; the keys are the headings."""
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "part"]
    columns = [
        number_column(key.replace("_", " "))
        if any(isinstance(row.get(key), int | float) for row in rows)
        else Column(key.replace("_", " "))
        for key in keys
    ]
    return table_text(columns, [[_cell(row.get(key)) for key in keys] for row in rows])


def _cell(value: float | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:,.6g}"
