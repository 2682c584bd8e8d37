"""``heddle load``: ask a running service at a stated rate, and tell how it answered."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path
from typing import NamedTuple

import numpy as np

from heddle.atomic_file import write_text
from heddle.cli.daemon_arguments import add_daemon_arguments, daemon_of
from heddle.cli.load_text import load_chart, load_text
from heddle.cli.outputs import require_outputs
from heddle.cli.progress_line import ProgressLine
from heddle.cli.running import counting_number, natural_number, positive_number
from heddle.clock import WallClock
from heddle.drawing.load import load_html, load_svg
from heddle.errors import InputError, listed, nearest
from heddle.server.reference import reference_of
from heddle.serving.load.arrivals import Times, constant, from_trace, poisson
from heddle.serving.load.connection import Address, address_of
from heddle.serving.load.inference import Reference, inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.summary import Summary, summary_of
from heddle.settings import load_settings

_ARRIVALS = ("poisson", "constant", "trace")
_HTML = (".html", ".htm")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``load``."""
    parser.add_argument("service", metavar="SERVICE", help="the name of a running service")
    parser.add_argument(
        "--rate", type=positive_number, metavar="RPS", help="requests/s (not for a trace)"
    )
    parser.add_argument(
        "--arrivals",
        nargs="+",
        default=["poisson"],
        metavar="KIND",
        help="poisson, constant, or: trace FILE (default: poisson)",
    )
    parser.add_argument(
        "--duration", type=positive_number, default=30.0, metavar="S", help="seconds (default: 30)"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="an answer counts only if it equals what the network gives here",
    )
    parser.add_argument(
        "--inputs", type=counting_number, default=16, metavar="N", help="different inputs"
    )
    parser.add_argument(
        "--patience",
        type=positive_number,
        default=60.0,
        metavar="S",
        help="a request without an answer by then has failed (default: 60)",
    )
    parser.add_argument("--seed", type=natural_number, default=0, metavar="N", help="of chance")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw them; .html for a page")
    add_daemon_arguments(parser)


class _Target(NamedTuple):
    """The service: its address, the name of its network, its limit, what is right."""

    address: Address
    network: str
    slo_ms: float
    reference: Reference | None


def run(arguments: argparse.Namespace) -> int:
    """Send it all, print, write; return 1 when a request failed."""
    require_outputs([arguments.json, arguments.svg], [])
    kind, due_s, duration_s = _arrivals(arguments)
    target = _target(arguments)
    sent = asyncio.run(_driven(arguments, target, due_s))
    if len(sent) < len(due_s) and sent:
        duration_s = max(one.due_s for one in sent) or duration_s
    summary = summary_of(sent, duration_s, target.slo_ms)
    _write(arguments, kind, summary)
    print(load_text(arguments.service, kind, summary))
    return 1 if summary.num_failed else 0


def _arrivals(arguments: argparse.Namespace) -> tuple[str, Times, float]:
    """Return the arrivals in words, when they are due, and how long they last."""
    kind, *more = arguments.arrivals
    generator = np.random.default_rng(arguments.seed)
    if kind not in _ARRIVALS:
        raise InputError(f"unknown arrivals {kind!r}{nearest(kind, _ARRIVALS)}; {_known()}")
    if kind == "trace":
        if len(more) != 1:
            raise InputError("--arrivals trace needs one file: --arrivals trace FILE")
        due_s = from_trace(Path(more[0]), generator)
        last_s = float(due_s[-1]) if len(due_s) else 0.0
        return f"the trace {more[0]}", due_s, last_s or 1.0
    if more or arguments.rate is None:
        raise InputError(f"--arrivals {kind} needs --rate RPS and no file")
    rate_rps, duration_s = arguments.rate, arguments.duration
    in_words = f"{kind} arrivals, {rate_rps:g}/s for {duration_s:g} s"
    if kind == "constant":
        return in_words, constant(rate_rps, duration_s), duration_s
    return in_words, poisson(rate_rps, duration_s, generator), duration_s


def _known() -> str:
    return f"known: {listed(_ARRIVALS)}"


def _target(arguments: argparse.Namespace) -> _Target:
    services = {entry["name"]: entry for entry in daemon_of(arguments).status()["services"]}
    found = services.get(arguments.service)
    if found is None:
        raise InputError(
            f"no service {arguments.service!r} runs{nearest(arguments.service, services)}; "
            f"running: {listed(services) or 'none'}"
        )
    reference = reference_of(found) if arguments.check else None
    return _Target(address_of(found["url"]), found["name"], found["latency_ms"], reference)


async def _driven(arguments: argparse.Namespace, target: _Target, due_s: Times) -> list[Sent]:
    requests = await inference_requests(
        target.address, target.network, arguments.inputs, arguments.seed, target.reference
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    progress = _Progress(len(due_s))
    load = Load(target.address, due_s, requests, arguments.patience)
    try:
        return await drive(load, progress.tell, stop)
    finally:
        progress.clear()


class _Progress:
    """Counts what has ended."""

    def __init__(self, num_due: int) -> None:
        self._num_due = num_due
        self._num_ended = self._num_failed = 0
        self._line = ProgressLine(load_settings(), WallClock())

    def tell(self, one: Sent) -> None:
        """Count one request, and show the counts."""
        self._num_ended += 1
        self._num_failed += not one.is_right
        self._line.show(
            f"{self._num_ended:,} of {self._num_due:,} requests, {self._num_failed:,} failed"
        )

    def clear(self) -> None:
        """Wipe what is shown in place."""
        self._line.clear()


def _write(arguments: argparse.Namespace, kind: str, summary: Summary) -> None:
    if arguments.json is not None:
        members = {"service": arguments.service, "arrivals": kind, **summary.members()}
        write_text(arguments.json, json.dumps(members, indent=1) + "\n")
    if arguments.svg is not None:
        chart = load_chart(arguments.service, kind, summary)
        is_page = arguments.svg.suffix.lower() in _HTML
        write_text(arguments.svg, load_html(chart) if is_page else load_svg(chart))
