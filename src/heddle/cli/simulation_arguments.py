"""The arguments that describe a simulated cluster, and the cluster that they describe."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from heddle.cli.running import natural_number
from heddle.cluster.catalogue import Catalogue, builtin_catalogue, load_gpu_types
from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import MAX_MIB, deployment_of
from heddle.cluster.json_object import load_json
from heddle.errors import InputError
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.durations import DEFAULT_VARIATION, Durations, distribution_of
from heddle.simulator.extra_gpus import extra_gpus
from heddle.simulator.fault_file import load_faults
from heddle.simulator.world import World
from heddle.transition.action_times import ActionTimes, builtin_times, find_times
from heddle.transition.gpu_room import gpus_of
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_of

_DEFAULT_TIMES = "direct"
_MAX_VARIATION = 10.0


def add_simulation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--faults``, ``--seed``, ``--times``, ``--variation`` and ``--gpu-types``."""
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what goes wrong, YAML")
    parser.add_argument(
        "--seed", type=natural_number, default=0, metavar="N", help="of every duration"
    )
    parser.add_argument(
        "--times",
        metavar="NAME|FILE",
        help="how long actions take on the average (default: as the transition was planned, "
        f"or {_DEFAULT_TIMES})",
    )
    parser.add_argument(
        "--variation",
        type=_variation,
        default=DEFAULT_VARIATION,
        metavar="CV",
        help="standard deviation over mean of every duration; 0 for exact ones (default: 0.2)",
    )
    parser.add_argument("--gpu-types", type=Path, metavar="FILE", help="GPU types of your own")


def read_subject(path: Path) -> Deployment | Transition:
    """Return the deployment or the transition of a file, whichever it holds."""
    document = load_json(path, MAX_MIB)
    return transition_of(document) if "steps" in document else deployment_of(document)


def simulated_cluster(
    arguments: argparse.Namespace, subject: Deployment | Transition, num_extra_gpus: int = 0
) -> SimulatedDriver:
    """Return the cluster in which a deployment runs, or a transition begins.

    Raises
    ------
    InputError
        A file is wrong, an instance cannot be on its GPU, a GPU type is unknown.
    """
    catalogue = gpu_type_catalogue(arguments)
    own = list(subject.gpus.values()) if isinstance(subject, Transition) else gpus_of(subject)
    extra = extra_gpus(own, num_extra_gpus)
    if isinstance(subject, Transition):
        world = World.of(subject, extra, catalogue.get, arguments.seed)
    else:
        world = World.running(subject, extra, catalogue.get, arguments.seed)
    durations = Durations(
        action_times(arguments, subject), distribution_of(arguments.variation), arguments.seed
    )
    script = None if arguments.faults is None else load_faults(arguments.faults, world.nodes)
    return SimulatedDriver(world, durations, script)


def gpu_type_catalogue(arguments: argparse.Namespace) -> Catalogue:
    """Return the GPU types that are known, with those of ``--gpu-types``."""
    catalogue = builtin_catalogue()
    if arguments.gpu_types is None:
        return catalogue
    return catalogue.with_types(load_gpu_types(arguments.gpu_types))


def action_times(arguments: argparse.Namespace, subject: Deployment | Transition) -> ActionTimes:
    """Return the action times of ``--times``, or those that a transition was planned with."""
    word: str | None = arguments.times
    planned = subject.times if isinstance(subject, Transition) else ""
    if word is not None or not planned:
        return find_times(word or _DEFAULT_TIMES)
    if planned not in builtin_times():
        raise InputError(
            f"the transition was planned with the action times {planned!r}, which heddle does "
            "not have; name their file with --times FILE"
        )
    return find_times(planned)


def _variation(word: str) -> float:
    """Read a coefficient of variation; argparse turns the error into a message."""
    try:
        variation = float(word)
    except ValueError:
        variation = math.nan
    if not 0.0 <= variation <= _MAX_VARIATION:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 10, found {word!r}")
    return variation
