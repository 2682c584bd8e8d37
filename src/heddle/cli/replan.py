"""``heddle replan``: plan and move over a day of demand, with hysteresis."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heddle.atomic_file import make_folder, write_text
from heddle.cli.outputs import require_outputs
from heddle.cli.replan_chart import day_chart
from heddle.cli.replan_text import day_document, day_report
from heddle.cli.running import add_run_arguments, natural_number, positive_number, watched_run
from heddle.cli.transition import add_times_argument, fraction, node_spread_of
from heddle.cli.transition_inventory import with_inventory
from heddle.cli.workload_arguments import add_workload_arguments, catalogue_of, load
from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import write_deployment
from heddle.drawing.day import day_svg
from heddle.errors import InterruptedRunError
from heddle.optimizer.problem import Objective
from heddle.optimizer.rate_planner import RatePlanner
from heddle.optimizer.solver import Progress, Run
from heddle.transition.action_times import find_times
from heddle.transition.day import HOUR_S, Day, clock_text
from heddle.transition.day_comparison import Alternative, alternatives
from heddle.transition.day_file import load_day
from heddle.transition.hysteresis import Hysteresis
from heddle.transition.replan import ReplannedDay, Replanning, replan
from heddle.transition.request import TransitionRequest
from heddle.transition.transition_file import write_transition
from heddle.workload.workload import Workload


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``replan``."""
    add_workload_arguments(parser)
    parser.add_argument(
        "day", type=Path, metavar="DAY", help="demand over the day, a CSV: time,service,rate_rps"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="write deployment.json and transition.json of every interval",
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the GPUs over the day")
    parser.add_argument("--json", action="store_true", help="print the day as JSON")
    parser.add_argument(
        "--objective",
        default=Objective.GPUS.value,
        choices=[objective.value for objective in Objective],
        help="what to save: GPUs, or their price per hour",
    )
    add_times_argument(parser)
    parser.add_argument(
        "--slack",
        type=fraction,
        default=0.0,
        metavar="PART",
        help="let a plan cost so much more than the least, to stay nearer to what runs "
        "(default: 0)",
    )
    parser.add_argument(
        "--spare-gpus",
        type=natural_number,
        metavar="N",
        help="GPUs that may be borrowed on the way (default: as few as give an order)",
    )
    _add_policy_arguments(parser)
    add_run_arguments(parser)


def _add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    usual = Hysteresis()
    parser.add_argument(
        "--factor",
        type=positive_number,
        default=usual.factor,
        metavar="X",
        help=f"a move must save so many times what it costs (default: {usual.factor:g})",
    )
    parser.add_argument(
        "--horizon",
        type=positive_number,
        default=usual.horizon_s / HOUR_S,
        metavar="HOURS",
        help="the longest time for which a saving is counted "
        f"(default: {usual.horizon_s / HOUR_S:g})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Plan the day, write what was asked for, print, and return the exit code."""
    require_outputs([arguments.svg], [arguments.workload, arguments.day])
    workload = load(arguments)
    day = load_day(arguments.day, [service.name for service in workload.services])
    if arguments.output is not None:
        make_folder(arguments.output)
    with _replanning(arguments, workload) as replanning:
        replanned = replan(day, replanning)
        others = alternatives(day, replanning)
    prices = _prices(workload)
    _write(arguments, day, replanned, others)
    if arguments.json:
        document = day_document(replanned, others, prices)
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        print(day_report(replanned, others, prices))
    return 0


@contextmanager
def _replanning(arguments: argparse.Namespace, workload: Workload) -> Iterator[Replanning]:
    """Yield what the day is planned with, while progress is shown and Ctrl-C is heard."""
    times, objective = find_times(arguments.times), Objective(arguments.objective)
    node_spread, type_of = node_spread_of(workload), catalogue_of(workload).get

    def request_of(origin: Deployment, wanted: Deployment) -> TransitionRequest:
        request = TransitionRequest(
            origin=origin,
            wanted=wanted,
            type_of=type_of,
            times=times,
            spare_gpus=arguments.spare_gpus,
            node_spread=node_spread,
        )
        return with_inventory(request, workload.fleet)

    with watched_run(None, arguments.seed) as watched:
        turns = _Turns(watched, arguments.time_limit)
        by_price = objective is Objective.PRICE
        yield Replanning(
            planner=RatePlanner(workload, objective, arguments.slack, turns.new_run),
            request_of=request_of,
            weights=_prices(workload) if by_price else dict.fromkeys(_prices(workload), 1.0),
            unit="of price" if by_price else "GPU-hours",
            policy=Hysteresis(arguments.horizon * HOUR_S, arguments.factor),
            report=turns.begin,
        )


class _Turns:
    """Gives every plan of the day its own time limit, within one run that is watched."""

    def __init__(self, watched: Run, time_limit_s: float) -> None:
        self._watched = watched
        self._time_limit_s = time_limit_s
        self._what = ""

    def begin(self, what: str) -> None:
        """Take note of what is planned next; raise when the user asked for the end."""
        if self._watched.was_stopped():
            raise InterruptedRunError(f"stopped before the day was planned: {what} was next")
        self._what = what
        self._watched.report(what)

    def new_run(self) -> Run:
        """Return the limits of the next plan."""
        return Run(
            seed=self._watched.seed,
            time_limit_s=self._time_limit_s,
            should_stop=self._watched.was_stopped,
            on_progress=self._show,
        )

    def _show(self, progress: Progress) -> None:
        self._watched.report(f"{self._what}: {progress.phase}", progress.best, progress.bound)


def _prices(workload: Workload) -> dict[str, float]:
    """Return the price per hour of every GPU type of the fleet."""
    return {pool.gpu_type.name: pool.price_per_hour for pool in workload.fleet}


def _write(
    arguments: argparse.Namespace,
    day: Day,
    replanned: ReplannedDay,
    others: tuple[Alternative, ...],
) -> None:
    if arguments.svg is not None:
        write_text(arguments.svg, day_svg(day_chart(day, replanned, others, arguments.day.stem)))
    if arguments.output is None:
        return
    for outcome in replanned.outcomes:
        folder = arguments.output / clock_text(outcome.interval.begin_s).replace(":", "-")
        make_folder(folder)
        write_deployment(folder / "deployment.json", outcome.running)
        if outcome.move is not None:
            write_transition(folder / "transition.json", outcome.move.transition)
