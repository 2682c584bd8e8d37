"""``heddle transition``: plan the way from what runs to what is wanted, and prove it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.main import INTERRUPTED
from heddle.cli.outputs import require_outputs
from heddle.cli.plan import add_objective_argument
from heddle.cli.running import add_run_arguments, natural_number, watched_run
from heddle.cli.transition_chart import gantt_chart
from heddle.cli.transition_inventory import with_inventory
from heddle.cli.transition_text import transition_report
from heddle.cli.workload_arguments import catalogue_of, with_fitted_points
from heddle.cluster.catalogue import Catalogue, builtin_catalogue, load_gpu_types
from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_check import require_possible
from heddle.cluster.deployment_file import read_deployment
from heddle.cluster.gpu_type import GpuType
from heddle.drawing.gantt import gantt_svg
from heddle.errors import InputError
from heddle.optimizer.nearest.search import nearest
from heddle.optimizer.problem import Objective, build_problem
from heddle.optimizer.result import Result
from heddle.transition.action_times import ActionTimes, builtin_times, find_times
from heddle.transition.lower_bound import bound_beside_s
from heddle.transition.plan import plan_transition
from heddle.transition.planners import PLANNERS
from heddle.transition.request import TransitionRequest
from heddle.transition.transition_file import transition_text, write_transition
from heddle.workload.files import load_workload
from heddle.workload.service import Spread
from heddle.workload.workload import Workload


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``transition``."""
    parser.add_argument("origin", type=Path, metavar="FROM", help="what runs, a deployment.json")
    parser.add_argument(
        "wanted", type=Path, nargs="?", metavar="TO", help="what is wanted, a deployment.json"
    )
    _add_workload_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write transition.json")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw steps and rates over time")
    parser.add_argument("--json", action="store_true", help="print the transition as JSON")
    parser.add_argument(
        "--strategy", default="joint", metavar="NAME", help=f"one of {', '.join(PLANNERS)}"
    )
    parser.add_argument(
        "--spare-gpus",
        type=natural_number,
        metavar="N",
        help="GPUs that may be borrowed on the way (default: as few as give an order)",
    )
    add_times_argument(parser)
    parser.add_argument(
        "--fleet",
        type=Path,
        metavar="FILE",
        help="a workload file whose gpus say how many GPUs there are",
    )
    parser.add_argument("--gpu-types", type=Path, metavar="FILE", help="GPU types of your own")


def _add_workload_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says how a wanted deployment is planned, where none is given."""
    parser.add_argument(
        "--workload",
        type=Path,
        metavar="FILE",
        help="instead of TO: plan this workload, as near to what runs as the fewest GPUs allow",
    )
    parser.add_argument(
        "--slack",
        type=fraction,
        default=0.0,
        metavar="PART",
        help="with --workload: let the plan cost so much more than the least, to stay nearer "
        "(default: 0)",
    )
    parser.add_argument(
        "--fitted",
        action="store_true",
        help="with --workload: also use operating points that a fitted model predicts",
    )
    add_objective_argument(parser)
    add_run_arguments(parser)


def add_times_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--times``."""
    parser.add_argument(
        "--times",
        default="direct",
        metavar="NAME|FILE",
        help=f"how long actions take: {', '.join(builtin_times())}, or a YAML file "
        "(default: direct)",
    )


def fraction(word: str) -> float:
    """Read a number in [0, 1]; argparse turns the error into a message."""
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, found {word!r}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Plan, write what was asked for, print, and return the exit code."""
    inputs = [arguments.origin, arguments.wanted, arguments.workload, arguments.fleet]
    require_outputs([arguments.output, arguments.svg], inputs)
    if (arguments.wanted is None) == (arguments.workload is None):
        raise InputError("name what is wanted: either a deployment TO or --workload FILE")
    # A misspelt word is refused before a workload is planned, which may take a minute.
    PLANNERS.create(arguments.strategy)
    request, was_interrupted = _request(arguments, find_times(arguments.times))
    transition = plan_transition(request, arguments.strategy)
    bound_s = bound_beside_s(request, transition)
    if arguments.output is not None:
        write_transition(arguments.output, transition)
    if arguments.svg is not None:
        goal = arguments.wanted or arguments.workload
        title = f"{arguments.origin.stem} to {goal.stem}"
        write_text(
            arguments.svg, gantt_svg(gantt_chart(transition, request.type_of, title, bound_s))
        )
    if arguments.json:
        print(transition_text(transition), end="")
    else:
        print(transition_report(transition, bound_s))
    return INTERRUPTED if was_interrupted else 0


def _request(arguments: argparse.Namespace, times: ActionTimes) -> tuple[TransitionRequest, bool]:
    """Return what is asked, and whether Ctrl-C ended the search for what is wanted."""
    workload = load_workload(arguments.workload) if arguments.workload else None
    fleet = load_workload(arguments.fleet) if arguments.fleet else workload
    catalogue = _catalogue(arguments, workload, fleet)
    origin = _read(arguments.origin, catalogue)
    was_interrupted = False
    if workload is None:
        wanted = _read(arguments.wanted, catalogue)
    else:
        result = _planned(arguments, workload, origin)
        wanted, was_interrupted = result.deployment, result.was_interrupted
    request = TransitionRequest(
        origin=origin,
        wanted=wanted,
        type_of=catalogue.get,
        times=times,
        spare_gpus=arguments.spare_gpus,
        node_spread=None if workload is None else node_spread_of(workload),
    )
    if fleet is not None:
        request = with_inventory(request, fleet.fleet)
    return request, was_interrupted


def node_spread_of(workload: Workload) -> frozenset[str]:
    """Return the services that must be spread over nodes."""
    return frozenset(s.name for s in workload.services if s.spread is Spread.NODE)


def _catalogue(arguments: argparse.Namespace, *workloads: Workload | None) -> Catalogue:
    """Return the GPU types that come with heddle, with workloads, and in ``--gpu-types``."""
    catalogue = builtin_catalogue()
    own = [gpu_type for workload in workloads if workload for gpu_type in catalogue_of(workload)]
    if arguments.gpu_types is not None:
        own += load_gpu_types(arguments.gpu_types)
    for gpu_type in own:
        if gpu_type.name not in catalogue.names or catalogue.get(gpu_type.name) != gpu_type:
            catalogue = catalogue.with_types([gpu_type])
    return catalogue


def _read(path: Path, catalogue: Catalogue) -> Deployment:
    """Return a deployment that could exist, with GPU types by their names, not their aliases."""
    deployment = read_deployment(path)
    require_possible(deployment, _known_in(catalogue), path)
    return replace(
        deployment,
        configurations=tuple(
            replace(entry, gpu_type=catalogue.get(entry.gpu_type).name)
            for entry in deployment.configurations
        ),
    )


def _known_in(catalogue: Catalogue) -> Callable[[str], GpuType]:
    def type_of(word: str) -> GpuType:
        try:
            return catalogue.get(word)
        except InputError as error:
            raise InputError(f"{error.message}; --gpu-types FILE brings your own") from error

    return type_of


def _planned(arguments: argparse.Namespace, workload: Workload, origin: Deployment) -> Result:
    if arguments.fitted:
        workload = with_fitted_points(workload)
    problem = build_problem(workload, Objective(arguments.objective))
    with watched_run(arguments.time_limit, arguments.seed) as limits:
        return nearest(problem, origin, arguments.slack, limits)
