"""``heddle cms``: configurable machine scheduling, in general form."""

from __future__ import annotations

import argparse
from pathlib import Path

from heddle.cli.outputs import require_outputs
from heddle.cli.running import add_run_arguments, watched_run
from heddle.optimizer.cms.algorithms import ALGORITHMS
from heddle.optimizer.cms.file import read_problem
from heddle.optimizer.cms.result_file import result_text, write_result


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``cms``."""
    parser.add_argument("problem", type=Path, metavar="PROBLEM", help="problem.json")
    parser.add_argument(
        "--algorithm", required=True, metavar="NAME", help=f"one of {', '.join(ALGORITHMS)}"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the schedule")
    add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Solve the problem; print the schedule, or a summary when it is written to a file."""
    require_outputs([arguments.output], [arguments.problem])
    algorithm = ALGORITHMS.create(arguments.algorithm)
    problem = read_problem(arguments.problem)
    with watched_run(arguments.time_limit, arguments.seed) as limits:
        result = algorithm.solve(problem, limits)
    if arguments.output is None:
        print(result_text(problem, result, arguments.seed), end="")
        return 0
    write_result(arguments.output, problem, result, arguments.seed)
    machines = result.schedule.num_machines
    print(f"{machines} machines, at least {result.lower_bound} needed; {result.guarantee.formula}")
    return 0
