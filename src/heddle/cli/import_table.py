"""``heddle import``: other tools' measurements as performance tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heddle.atomic_file import make_folder
from heddle.cli.outputs import require_outputs
from heddle.cli.running import counting_number, positive_number
from heddle.cluster.catalogue import builtin_catalogue, load_gpu_types
from heddle.workload.importers.imported import write_table
from heddle.workload.importers.parvagpu import import_parvagpu, write_parvagpu
from heddle.workload.importers.triton import TritonSettings, import_triton
from heddle.workload.workload_writer import performance_csv


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the formats and their arguments."""
    formats = parser.add_subparsers(dest="format", required=True, metavar="FORMAT")
    parvagpu = formats.add_parser(
        "parvagpu", help="the folder of the ParvaGPU SC24 artefact: a table and its scenarios"
    )
    parvagpu.add_argument("folder", type=Path, metavar="DIR")
    parvagpu.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("parvagpu"),
        metavar="DIR",
        help="folder for the table and the workloads (default: parvagpu)",
    )
    triton = formats.add_parser(
        "triton", help="a CSV file of Triton's perf_analyzer or Model Analyzer"
    )
    _configure_triton(triton)


def _configure_triton(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--gpu", required=True, metavar="TYPE")
    parser.add_argument("--profile", required=True, metavar="NAME")
    parser.add_argument("--model", required=True, metavar="NAME")
    parser.add_argument("--gpu-types", type=Path, metavar="FILE", help="GPU types of your own")
    parser.add_argument("--batch", type=counting_number, default=1, help="if not in the file")
    parser.add_argument("--processes", type=counting_number, default=1, help="if not in the file")
    percentile = parser.add_mutually_exclusive_group()
    percentile.add_argument("--percentile", type=positive_number, default=99.0, metavar="P")
    percentile.add_argument("--mean", action="store_true", help="read the mean latency instead")
    parser.add_argument("--latency-limit-ms", type=positive_number, metavar="MS")
    parser.add_argument("-o", "--output", type=Path, metavar="CSV", help="printed if left out")


def run(arguments: argparse.Namespace) -> int:
    """Convert, write, and say how many rows were read and kept."""
    return _run_parvagpu(arguments) if arguments.format == "parvagpu" else _run_triton(arguments)


def _run_parvagpu(arguments: argparse.Namespace) -> int:
    imported = import_parvagpu(arguments.folder)
    comment = f"Imported from {arguments.folder.resolve().name} by heddle import parvagpu."
    make_folder(arguments.output)
    written = write_parvagpu(imported, arguments.output, comments=[comment])
    print(imported.table.summary)
    print("\n".join(str(path) for path in written))
    return 0


def _run_triton(arguments: argparse.Namespace) -> int:
    require_outputs([arguments.output], [arguments.file, arguments.gpu_types])
    catalogue = builtin_catalogue()
    if arguments.gpu_types is not None:
        catalogue = catalogue.with_types(load_gpu_types(arguments.gpu_types))
    settings = TritonSettings(
        gpu=arguments.gpu,
        profile=arguments.profile,
        model=arguments.model,
        batch=arguments.batch,
        processes=arguments.processes,
        percentile=None if arguments.mean else arguments.percentile,
        latency_limit_ms=arguments.latency_limit_ms,
    )
    table = import_triton(arguments.file, settings, catalogue)
    if arguments.output is None:
        print(f"heddle: {table.summary}", file=sys.stderr)
        print(performance_csv(table.points), end="")
        return 0
    write_table(table, arguments.output)
    print(table.summary)
    print(arguments.output)
    return 0
