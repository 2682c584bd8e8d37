"""``heddle run``: a DISB workload on one device, under one policy."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.outputs import require_outputs
from heddle.cli.progress_line import ProgressLine
from heddle.cli.run_text import run_text
from heddle.cli.run_timeline import run_timeline
from heddle.cli.running import StopSignal, natural_number, positive_number
from heddle.clock import WallClock
from heddle.drawing.device_timeline import device_timeline_svg
from heddle.errors import InputError
from heddle.runtime.core.backend import DEFAULT_POLICY, Backend, BackendOptions
from heddle.runtime.core.policies import POLICIES
from heddle.runtime.replay.backends import compiles_first, open_backend, require_policy
from heddle.runtime.replay.result_file import write_result
from heddle.runtime.replay.results import RunResult
from heddle.runtime.replay.runner import Play, play
from heddle.runtime.replay.standalone import alone_ms
from heddle.runtime.replay.window import Window, window_of
from heddle.settings import load_settings
from heddle.units import plural
from heddle.workload.disb.files import load_disb
from heddle.workload.disb.workload import DisbWorkload

_DEFAULT_DEVICE = "sim:MI50"
_WINDOW = re.compile(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``run``."""
    parser.add_argument("workload", type=Path, metavar="WORKLOAD.json", help="a DISB workload")
    parser.add_argument(
        "--device",
        default=_DEFAULT_DEVICE,
        metavar="NAME",
        help=f"sim:TYPE, cpu or cuda:INDEX (default: {_DEFAULT_DEVICE})",
    )
    parser.add_argument(
        "--policy",
        default=DEFAULT_POLICY,
        metavar="NAME",
        help=f"{', '.join(POLICIES)} (default: {DEFAULT_POLICY})",
    )
    parser.add_argument(
        "--level",
        type=int,
        choices=(1, 2, 3),
        default=0,
        help="hold the device to a lower preemption level than it has",
    )
    parser.add_argument(
        "--seconds", type=positive_number, metavar="S", help="how long (default: as the file says)"
    )
    parser.add_argument("--seed", type=natural_number, default=0, metavar="N", help="of chance")
    parser.add_argument(
        "--skip-late",
        action="store_true",
        help="a client that is late takes the newest request that is due, and no other",
    )
    parser.add_argument(
        "--network", default="", metavar="NAME", help="for clients that name no network"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the blocks over time")
    parser.add_argument(
        "--window-ms", metavar="A:B", help="what --svg shows, ms since the start (default: found)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    """Measure every network alone, play the workload, print, write; 1 when a request failed."""
    require_outputs([arguments.json, arguments.svg], [arguments.workload])
    require_policy(arguments.policy)
    asked = _asked_window(arguments)
    workload = load_disb(arguments.workload)
    watch = _Watch(is_quiet=arguments.quiet)
    previous = signal.signal(signal.SIGINT, watch.stop.receive)
    try:
        # 1. The yardstick: each network alone, on a device of its own.
        if compiles_first(arguments.device):
            watch.tell("compiling the device's loop, once for this installation: up to a minute")
        watch.show(0.0, 0)
        alone = alone_ms(lambda: _opened(arguments, None), workload, arguments.network)
        # 2. The workload itself.
        duration_s = arguments.seconds or workload.duration_s
        watch.begin(duration_s)
        window = asked or window_of(workload, alone, arguments.seed, duration_s)
        result = _played(arguments, workload, alone, window, watch)
    finally:
        signal.signal(signal.SIGINT, previous)
        watch.clear()
    # 3. What it showed.
    print(run_text(result))
    if arguments.json is not None:
        write_result(arguments.json, result)
    if arguments.svg is not None:
        write_text(arguments.svg, device_timeline_svg(run_timeline(result, window)))
    return 1 if any(client.num_failed for client in result.clients) else 0


class _Watch:
    """How far the run is, on stderr; the first Ctrl-C ends it with what there is."""

    def __init__(self, *, is_quiet: bool) -> None:
        self.stop = StopSignal()
        self._line = None if is_quiet else ProgressLine(load_settings(), WallClock())
        self._duration_s = 0.0

    def begin(self, duration_s: float) -> None:
        """The networks are measured alone; now comes the workload."""
        self._duration_s = duration_s

    def tell(self, line: str) -> None:
        """Says something that takes long before it begins."""
        if self._line is not None:
            print(f"heddle: {line}", file=sys.stderr, flush=True)

    def show(self, now_s: float, num_answered: int) -> None:
        """Tells the device's time and how many requests were answered."""
        if self._line is None:
            return
        if not self._duration_s:
            self._line.show("each network alone on the device")
            return
        self._line.show(f"{now_s:.1f} of {self._duration_s:g} s, {plural(num_answered, 'request')}")

    def clear(self) -> None:
        """Wipes what is shown in place."""
        if self._line is not None:
            self._line.clear()


def _played(
    arguments: argparse.Namespace,
    workload: DisbWorkload,
    alone: dict[str, float],
    window: Window,
    watch: _Watch,
) -> RunResult:
    how = Play(
        seconds=arguments.seconds,
        seed=arguments.seed,
        policy=arguments.policy,
        is_late_skipped=arguments.skip_late,
        default_network=arguments.network,
        alone_ms=alone,
        window=window if arguments.svg is not None else None,
        should_stop=watch.stop.poll,
        on_progress=watch.show,
    )
    device = _opened(arguments, how.window)
    try:
        return play(device, workload, how)
    finally:
        device.close()


def _opened(arguments: argparse.Namespace, window: Window | None) -> Backend:
    options = BackendOptions(
        policy=arguments.policy,
        level=arguments.level,
        seed=arguments.seed,
        is_recording=window is not None,
        record_from_ns=window.from_ns if window else 0,
        record_until_ns=window.until_ns if window else 0,
    )
    return open_backend(arguments.device, options)


def _asked_window(arguments: argparse.Namespace) -> Window | None:
    if arguments.window_ms is None:
        return None
    found = _WINDOW.fullmatch(arguments.window_ms)
    if not found or float(found[1]) >= float(found[2]):
        raise InputError(
            f"--window-ms needs two times, the first before the second, such as 20:22.5; "
            f"found {arguments.window_ms!r}"
        )
    return Window(round(float(found[1]) * 1e6), round(float(found[2]) * 1e6))
