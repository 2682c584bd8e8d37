"""``heddle simulate``: a simulated cluster in a process of its own, behind a socket."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from types import FrameType

from heddle.cli.running import natural_number
from heddle.cli.simulation_arguments import (
    add_simulation_arguments,
    read_subject,
    simulated_cluster,
)
from heddle.simulator.answers import Answers
from heddle.simulator.listener import Listener

_MAX_EXTRA_GPUS = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``simulate``."""
    parser.add_argument(
        "subject",
        type=Path,
        metavar="DEPLOYMENT|TRANSITION",
        help="deployment.json that runs, or transition.json that is about to begin",
    )
    parser.add_argument(
        "--listen", type=Path, required=True, metavar="SOCKET", help="unix socket to serve on"
    )
    parser.add_argument(
        "--extra-gpus",
        type=_number_of_gpus,
        default=0,
        metavar="N",
        help="so many empty GPUs more of every type that runs",
    )
    add_simulation_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal, or until a controller asks for the end."""
    subject = read_subject(arguments.subject)
    cluster = simulated_cluster(arguments, subject, arguments.extra_gpus)
    listener = Listener(arguments.listen, Answers(cluster))

    def stop(_number: int, _frame: FrameType | None) -> None:
        listener.stop()

    try:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        print(f"listening on {arguments.listen}", flush=True)
        listener.serve()
    finally:
        listener.close()
    return 0


def _number_of_gpus(word: str) -> int:
    number = natural_number(word)
    if number > _MAX_EXTRA_GPUS:
        raise argparse.ArgumentTypeError(f"expected at most {_MAX_EXTRA_GPUS}, found {number}")
    return number
