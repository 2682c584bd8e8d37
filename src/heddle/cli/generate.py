"""``heddle generate``: reproducible synthetic workloads."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from heddle.atomic_file import make_folder, write_text
from heddle.cli.running import counting_number, natural_number, positive_number
from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.optimizer.synthetic import Distribution, Recipe, generate, paper_workloads
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload
from heddle.workload.workload_writer import performance_csv, workload_yaml

_TABLE_NAME = "performance.csv"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``generate``."""
    size = parser.add_argument_group("what to generate")
    size.add_argument("--services", type=counting_number, metavar="N", help="number of services")
    size.add_argument(
        "--gpus", type=counting_number, metavar="M", help="GPUs that the linear relaxation needs"
    )
    size.add_argument(
        "--distribution",
        choices=[distribution.value for distribution in Distribution],
        default=Distribution.LOGNORMAL.value,
        help="of the demands (default: lognormal)",
    )
    size.add_argument(
        "--latency",
        type=positive_number,
        metavar="MS",
        help="one latency limit for all; drawn from 20 to 480 ms if left out",
    )
    size.add_argument(
        "--paper",
        action="store_true",
        help="in place of the above: four workloads of the sizes of MIG-serving's, two normal "
        "and two lognormal, 24 services each",
    )
    parser.add_argument("--seed", type=natural_number, default=0, metavar="S")
    parser.add_argument(
        "--performance",
        type=Path,
        default=PARVAGPU_A100_80GB,
        metavar="CSV",
        help="measurements to draw from (default: the ParvaGPU table that comes with heddle)",
    )
    parser.add_argument(
        "--gpu-type", metavar="TYPE", help="where the table has several: the one to use"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder")


def run(arguments: argparse.Namespace) -> int:
    """Write the workloads and their table into a folder."""
    table, pool = _table(arguments)
    workloads = _workloads(arguments, table, pool)
    make_folder(arguments.output)
    write_text(arguments.output / _TABLE_NAME, performance_csv(table))
    for name, workload in workloads.items():
        path = arguments.output / f"{name}.yaml"
        title = f"Synthetic, made by heddle generate with seed {arguments.seed}."
        text = workload_yaml(workload.fleet, [_TABLE_NAME], workload.services, comments=[title])
        write_text(path, text)
        print(path)
    return 0


def _table(arguments: argparse.Namespace) -> tuple[PerformanceTable, GpuPool]:
    """Return the measurements of one GPU type, and an endless pool of it."""
    points = load_performance(arguments.performance, builtin_catalogue())
    measured = sorted({point.gpu for point in points})
    if arguments.gpu_type is not None:
        name = builtin_catalogue().get(arguments.gpu_type).name
        if name not in measured:
            raise InputError(f"the table has no rows of {name}; it has {', '.join(measured)}")
    elif len(measured) > 1:
        raise InputError(f"the table has {', '.join(measured)}: choose one with --gpu-type")
    else:
        name = measured[0]
    table = PerformanceTable(point for point in points if point.gpu == name)
    return table, GpuPool(builtin_catalogue().get(name))


def _workloads(
    arguments: argparse.Namespace, table: PerformanceTable, pool: GpuPool
) -> dict[str, Workload]:
    if arguments.paper:
        if arguments.services or arguments.gpus or arguments.latency:
            raise InputError("--paper fixes services, GPUs and latency: leave those options out")
        return paper_workloads(table, pool, arguments.seed)
    if arguments.services is None or arguments.gpus is None:
        raise InputError("say how large: --services N and --gpus M, or --paper")
    recipe = Recipe(
        arguments.services, arguments.gpus, Distribution(arguments.distribution), arguments.seed
    )
    if arguments.latency is not None:
        recipe = replace(recipe, latency_range_ms=(arguments.latency, arguments.latency))
    return {"workload": generate(table, pool, recipe)}
