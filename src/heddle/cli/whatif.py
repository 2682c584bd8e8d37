"""``heddle whatif``: plans side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heddle.cli.main import INTERRUPTED
from heddle.cli.plan import add_solver_arguments
from heddle.cli.running import add_run_arguments, watched_run
from heddle.cli.workload_arguments import add_workload_arguments, catalogue_of, with_fitted_points
from heddle.drawing.whatif import PlanColumn, whatif_text
from heddle.errors import (
    HeddleError,
    InputError,
    InterruptedRunError,
    listed,
    nearest,
)
from heddle.optimizer.problem import Objective, build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.workload.change import parse_change
from heddle.workload.files import load_workload
from heddle.workload.fleet import GpuPool
from heddle.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Case:
    """One plan to make."""

    name: str
    workload: Workload


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``whatif``."""
    add_workload_arguments(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="SERVICE.KEY=VALUE",
        help="change a key of a service, of all ('*'), of 'defaults' or of a GPU type in the fleet",
    )
    parser.add_argument(
        "--forbid", action="append", default=[], metavar="PROFILE", help="plan without a profile"
    )
    parser.add_argument(
        "--gpus",
        action="append",
        default=[],
        metavar="TYPE[,TYPE]",
        help="plan with these GPU types in place of the fleet, as many as needed",
    )
    add_solver_arguments(parser)
    add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan as it is, with each change by itself, and with all together.

    Returns 1 when there is no plan at all.
    """
    cases = _cases(arguments)
    columns: list[PlanColumn] = []
    was_interrupted = False
    for case in cases:
        column, was_interrupted = _column(case, arguments)
        columns.append(column)
        if was_interrupted:
            break
    print(whatif_text(columns))
    if was_interrupted:
        return INTERRUPTED
    return 0 if any(column.deployment for column in columns) else 1


def _cases(arguments: argparse.Namespace) -> list[Case]:
    """Return the plans to make; what is wrong with a change is said before any of them."""
    base = load_workload(arguments.workload)
    path: Path = arguments.workload
    changes = [parse_change(words) for words in arguments.changes]
    cases = [Case("as it is", base)]
    cases += [
        Case(words, load_workload(path, [change]))
        for words, change in zip(arguments.changes, changes, strict=True)
    ]
    cases += [Case(f"without {name}", _without(base, [name])) for name in arguments.forbid]
    cases += [Case(f"on {words}", _on(base, words)) for words in arguments.gpus]
    if len(cases) > 2 and len(arguments.gpus) <= 1:
        together = load_workload(path, changes)
        together = _on(together, arguments.gpus[0]) if arguments.gpus else together
        offered = _offered(together)
        cases.append(
            Case("all together", _without(together, [n for n in arguments.forbid if n in offered]))
        )
    return cases


def _without(workload: Workload, forbidden: Sequence[str]) -> Workload:
    """Return the workload with every service kept off the forbidden profiles."""
    offered = _offered(workload)
    for name in forbidden:
        if name not in offered:
            raise InputError(
                f"--forbid: the fleet has no profile {name!r}{nearest(name, offered)}; "
                f"it has {listed(offered, 30)}"
            )
    left = tuple(name for name in offered if name not in forbidden)
    services = tuple(
        replace(
            service,
            profiles=tuple(name for name in service.profiles or left if name not in forbidden),
        )
        for service in workload.services
    )
    return replace(workload, services=services) if forbidden else workload


def _offered(workload: Workload) -> tuple[str, ...]:
    """Return the profiles of the fleet, each once."""
    names = (name for pool in workload.fleet for name in pool.gpu_type.profile_names)
    return tuple(dict.fromkeys(names))


def _on(workload: Workload, words: str) -> Workload:
    """Return the workload on other GPU types; one that the fleet has keeps its price."""
    pools: dict[str, GpuPool] = {}
    for word in words.split(","):
        gpu_type = catalogue_of(workload).get(word.strip())
        gpu_type.require_plannable()
        if gpu_type.name in pools:
            raise InputError(f"--gpus: {gpu_type.name} stands twice in {words!r}")
        known = workload.pool_of(gpu_type.name) or GpuPool(gpu_type)
        pools[gpu_type.name] = replace(known, count=None)
    return replace(workload, fleet=tuple(pools.values()))


def _column(case: Case, arguments: argparse.Namespace) -> tuple[PlanColumn, bool]:
    """Make one plan; why there is none becomes its note."""
    try:
        workload = with_fitted_points(case.workload) if arguments.fitted else case.workload
        problem = build_problem(workload, Objective(arguments.objective))
        with watched_run(arguments.time_limit, arguments.seed, label=case.name) as limits:
            result = optimize(problem, arguments.solver, limits)
    except InterruptedRunError as error:
        return PlanColumn(case.name, None, None, str(error)), True
    except HeddleError as error:
        return PlanColumn(case.name, None, None, str(error)), False
    price = _price_per_hour(workload, result)
    return PlanColumn(case.name, result.deployment, price), result.was_interrupted


def _price_per_hour(workload: Workload, result: Result) -> float:
    prices = {pool.gpu_type.name: pool.price_per_hour for pool in workload.fleet}
    return sum(prices[gpu.gpu_type] for gpu in result.deployment.configurations)
