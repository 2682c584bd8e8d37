"""The workload argument that most verbs share, and how it is read."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from heddle.cluster.catalogue import Catalogue, builtin_catalogue
from heddle.workload.files import load_workload
from heddle.workload.gaps import fitted_points
from heddle.workload.workload import Workload


def add_workload_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the workload file and ``--fitted``."""
    parser.add_argument("workload", type=Path, metavar="WORKLOAD", help="workload.yaml")
    parser.add_argument(
        "--fitted",
        action="store_true",
        help="also use operating points that a fitted model predicts between measured ones; "
        "they are marked in the plan",
    )


def load(arguments: argparse.Namespace) -> Workload:
    """Return the workload, with fitted points if they are asked for."""
    workload = load_workload(arguments.workload)
    return with_fitted_points(workload) if arguments.fitted else workload


def with_fitted_points(workload: Workload) -> Workload:
    """Return the workload with the points that a fitted model adds to its table."""
    points = fitted_points(workload.performance, catalogue_of(workload))
    return replace(workload, performance=workload.performance.with_points(points))


def catalogue_of(workload: Workload) -> Catalogue:
    """Return the built-in GPU types and those that only this workload knows."""
    catalogue = builtin_catalogue()
    own = [pool.gpu_type for pool in workload.fleet if pool.gpu_type.name not in catalogue.names]
    return catalogue.with_types(own)
