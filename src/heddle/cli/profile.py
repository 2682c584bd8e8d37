"""``heddle profile``: measures networks on this machine, into a performance table."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.networks import read_networks
from heddle.cli.outputs import require_outputs
from heddle.cli.profile_text import comments, points, profile_text
from heddle.cli.running import Screen, counting_number, natural_number, positive_number
from heddle.clock import WallClock
from heddle.cluster.gpu_type import GpuType
from heddle.errors import InterruptedRunError
from heddle.optimizer.solver import Progress
from heddle.server.profiling import open_bench
from heddle.server.slice_bench import SliceBench
from heddle.serving.profiler.campaign import Outcome, Plan, profile
from heddle.serving.profiler.samples import Precision
from heddle.settings import default_state_folder, load_settings
from heddle.workload.workload_writer import performance_csv

_FOLDER = "profile"
_BAR = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``profile``."""
    parser.add_argument(
        "networks", nargs="+", metavar="MODEL", help="FILE.onnx, NAME=FILE.onnx or zoo:NAME"
    )
    parser.add_argument(
        "--device", default="cpu", metavar="DEVICE", help="cpu, cuda:0, … (default: cpu)"
    )
    parser.add_argument(
        "--cpu-devices", type=counting_number, default=1, metavar="N",
        help="divide the cores into N devices, as heddle up will (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--profiles", type=_words, metavar="P,…", help="only these profiles (default: all)"
    )
    parser.add_argument(
        "--batches", type=_numbers, default=[1, 2, 4, 8], metavar="N,…",
        help="requests in a batch (default: 1,2,4,8)",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=_numbers, default=[1], metavar="N,…",
        help="copies of the network in one instance (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=positive_number, default=3.0, metavar="S",
        help="measure each point for at most so long (default: 3)",
    )  # fmt: skip
    parser.add_argument(
        "--confidence", type=_part, default=0.95, metavar="P",
        help="of the interval of the rate (default: 0.95)",
    )  # fmt: skip
    parser.add_argument(
        "--within", type=_part, default=0.05, metavar="P",
        help="stop when the interval is as narrow, as a part of the rate (default: 0.05)",
    )  # fmt: skip
    parser.add_argument(
        "--no-neighbour", action="store_true",
        help="do not measure what a neighbour at full load takes away",
    )  # fmt: skip
    parser.add_argument("--seed", type=natural_number, default=0, metavar="N", help="of the inputs")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the performance table"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table, write the file."""
    networks = read_networks(arguments.networks)
    read = [Path(network.path) for network in networks if not network.path.startswith("zoo:")]
    require_outputs([arguments.output], read)
    screen = Screen(load_settings(), WallClock(), "profile")
    folder = default_state_folder() / _FOLDER
    with open_bench(arguments.device, arguments.cpu_devices, folder) as bench:
        gpu_type, description = bench.device.gpu_type, bench.device.description
        plan = Plan(
            networks=networks,
            profiles=_profiles(arguments.profiles, gpu_type),
            batches=arguments.batches,
            processes=arguments.processes,
            precision=_precision(arguments),
            seed=arguments.seed,
            with_neighbour=not arguments.no_neighbour,
        )
        try:
            outcome = asyncio.run(_profiled(bench, plan, screen))
        finally:
            screen.clear()
    if arguments.output is not None:
        lines = comments(outcome, plan, description)
        write_text(arguments.output, performance_csv(points(outcome, gpu_type), lines))
    print(profile_text(outcome, plan, description))
    return 0


async def _profiled(bench: SliceBench, plan: Plan, screen: Screen) -> Outcome:
    """Run until the end; Ctrl-C and SIGTERM end it, and nothing is left behind."""

    def tell(phase: str, num_done: int, num_steps: int) -> None:
        filled = _BAR * num_done // num_steps
        bar = "#" * filled + "." * (_BAR - filled)
        screen.show(Progress(f"[{bar}] {num_done + 1} of {num_steps}: {phase}"))

    work = asyncio.ensure_future(profile(bench, plan, tell))
    refreshing = asyncio.ensure_future(_refreshed(screen.refresh))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        raise InterruptedRunError("interrupted; nothing was written") from None
    finally:
        refreshing.cancel()


async def _refreshed(refresh: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(0.1)
        refresh()


def _precision(arguments: argparse.Namespace) -> Precision:
    usual = Precision()
    return Precision(
        confidence=arguments.confidence,
        within=arguments.within,
        least_s=min(usual.least_s, arguments.seconds),
        most_s=arguments.seconds,
        warm_up_s=min(usual.warm_up_s, arguments.seconds),
    )


def _profiles(wanted: Sequence[str] | None, gpu_type: GpuType) -> Sequence[str]:
    return [gpu_type.profile(name).name for name in wanted or gpu_type.profile_names]


def _words(text: str) -> list[str]:
    """Read ``a,b,c``, each once."""
    words = text.split(",")
    if not all(words) or len(set(words)) < len(words):
        raise argparse.ArgumentTypeError(f"expected different names such as 1c,2c, found {text!r}")
    return words


def _numbers(text: str) -> list[int]:
    return [counting_number(word) for word in _words(text)]


def _part(text: str) -> float:
    part = positive_number(text)
    if part >= 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, found {text}")
    return part
