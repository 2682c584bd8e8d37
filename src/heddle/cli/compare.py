"""``heddle compare``: every solver on one workload."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.main import INTERRUPTED
from heddle.cli.outputs import require_outputs
from heddle.cli.plan import result_document
from heddle.cli.running import add_run_arguments, watched_run
from heddle.cli.workload_arguments import add_workload_arguments, load
from heddle.drawing.compare import CompareRow, compare_svg, compare_text
from heddle.errors import InterruptedRunError, NoPlanError, UnsupportedError
from heddle.optimizer.problem import Objective, RmsProblem, build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.optimizer.solvers import SOLVERS


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compare``."""
    add_workload_arguments(parser)
    parser.add_argument(
        "--solvers", metavar="A,B", help=f"only these, of {', '.join(SOLVERS)} (default: all)"
    )
    parser.add_argument(
        "--objective",
        default=Objective.GPUS.value,
        choices=[objective.value for objective in Objective],
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the comparison")
    parser.add_argument("--json", action="store_true", help="print every result as JSON")
    add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the solvers one by one and print what each found; return 1 when none has a plan."""
    require_outputs([arguments.svg], [arguments.workload])
    names = _names(arguments.solvers)
    problem = build_problem(load(arguments), Objective(arguments.objective))
    rows: list[CompareRow] = []
    results: list[Result] = []
    was_interrupted = False
    for name in names:
        row, result = _row(problem, name, arguments)
        rows.append(row)
        if result is not None:
            results.append(result)
        was_interrupted = row.note == _STOPPED or (result is not None and result.was_interrupted)
        if was_interrupted:
            break
    _show(arguments, rows, results)
    if was_interrupted:
        return INTERRUPTED
    return 0 if results else 1


def _names(words: str | None) -> list[str]:
    """Return the solvers asked for, each once; InputError for one that does not exist."""
    if words is None:
        return list(SOLVERS)
    names = list(dict.fromkeys(word.strip() for word in words.split(",")))
    for name in names:
        SOLVERS.create(name)
    return names


_STOPPED = "stopped before there was a plan"


def _row(
    problem: RmsProblem, name: str, arguments: argparse.Namespace
) -> tuple[CompareRow, Result | None]:
    """Run one solver; what it refuses or cannot find becomes its note."""
    try:
        with watched_run(arguments.time_limit, arguments.seed, label=name) as limits:
            result = optimize(problem, name, limits)
    except (UnsupportedError, NoPlanError) as error:
        return CompareRow(name, None, None, None, None, str(error)), None
    except InterruptedRunError:
        return CompareRow(name, None, None, None, None, _STOPPED), None
    row = CompareRow(name, result.objective, result.lower_bound, result.gap, result.wall_s)
    return row, result


def statistics_text(result: Result) -> str:
    """Return a solver's own figures as text: ``rollouts 4,000, expansions 812``."""
    parts = []
    for name, value in result.statistics.items():
        words = name.replace("_", " ")
        if isinstance(value, list):
            parts.append(f"{words} {_runs_text(value)}")
        elif isinstance(value, float):
            parts.append(f"{words} {value:,.6g}")
        else:
            parts.append(f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}")
    return ", ".join(parts)


def _runs_text(values: list[int]) -> str:
    """Return a series with repetitions counted: ``144 → 142 → 140 (11 times)``."""
    runs = [(value, len(list(group))) for value, group in itertools.groupby(values)]
    return " → ".join(f"{v:,}" if n == 1 else f"{v:,} ({n} times)" for v, n in runs)


def _show(arguments: argparse.Namespace, rows: list[CompareRow], results: list[Result]) -> None:
    if arguments.svg is not None:
        title = f"{arguments.workload.name}: every solver"
        write_text(arguments.svg, compare_svg(rows, title, arguments.objective))
    if arguments.json:
        documents = [result_document(result) for result in results]
        json.dump({"version": 1, "results": documents}, sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        print(compare_text(rows, arguments.objective))
        figures = [f"{r.solver}: {statistics_text(r)}" for r in results if r.statistics]
        if figures:
            print("", *figures, sep="\n")
