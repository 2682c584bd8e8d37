"""``heddle plan``: from a workload file to a deployment with a certificate."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.main import INTERRUPTED
from heddle.cli.outputs import require_outputs
from heddle.cli.running import add_run_arguments, watched_run
from heddle.cli.workload_arguments import add_workload_arguments, catalogue_of, load
from heddle.cluster.deployment_file import deployment_text, write_deployment
from heddle.drawing.plan import plan_svg
from heddle.drawing.plan_text import plan_text
from heddle.optimizer.guests import with_guests
from heddle.optimizer.problem import Objective, build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.optimizer.solvers import SOLVERS
from heddle.workload.workload import Workload


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``plan``."""
    add_workload_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write deployment.json")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the plan")
    add_solver_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_solver_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--solver`` and ``--objective``."""
    parser.add_argument(
        "--solver", default="exact", metavar="NAME", help=f"one of {', '.join(SOLVERS)}"
    )
    add_objective_argument(parser)


def add_objective_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--objective``."""
    parser.add_argument(
        "--objective",
        default=Objective.GPUS.value,
        choices=[objective.value for objective in Objective],
        help="what to minimise: the number of GPUs, or their price per hour",
    )


def run(arguments: argparse.Namespace) -> int:
    """Plan, write what was asked for, print, and return the exit code."""
    require_outputs([arguments.output, arguments.svg], [arguments.workload])
    workload = load(arguments)
    problem = build_problem(workload, Objective(arguments.objective))
    with watched_run(arguments.time_limit, arguments.seed) as limits:
        result = optimize(problem, arguments.solver, limits)
    result = replace(result, deployment=with_guests(workload, result.deployment))
    _write(arguments, workload, result)
    if arguments.json:
        print(json.dumps(result_document(result), indent=1, ensure_ascii=False))
    else:
        print(plan_text(result.deployment, result.whole))
    return INTERRUPTED if result.was_interrupted else 0


def _write(arguments: argparse.Namespace, workload: Workload, result: Result) -> None:
    if arguments.output is not None:
        write_deployment(arguments.output, result.deployment)
    if arguments.svg is not None:
        title = arguments.workload.stem
        if title == "workload":
            title = arguments.workload.resolve().parent.name
        picture = plan_svg(result.deployment, catalogue_of(workload).get, title, whole=result.whole)
        write_text(arguments.svg, picture)


def result_document(result: Result) -> dict[str, object]:
    """Return a result as JSON values; the deployment as in deployment.json."""
    return {
        "version": 1,
        "objective_kind": result.certificate.objective_kind,
        "objective": result.objective,
        "lower_bound": result.lower_bound,
        "gap": result.gap,
        "is_proved_optimal": result.is_proved_optimal,
        "whole": result.whole,
        "solver": result.solver,
        "seed": result.seed,
        "wall_s": result.wall_s,
        "was_interrupted": result.was_interrupted,
        "service_prices": dict(result.service_prices),
        "statistics": dict(result.statistics),
        "deployment": json.loads(deployment_text(result.deployment)),
    }
