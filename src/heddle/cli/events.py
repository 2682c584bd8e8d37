"""``heddle events``: what happened on this machine, and why."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from heddle.cli.daemon_arguments import add_daemon_arguments, daemon_of
from heddle.cli.running import natural_number
from heddle.clock import clock_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``events``."""
    parser.add_argument("--follow", action="store_true", help="go on with new ones, until Ctrl-C")
    parser.add_argument(
        "--after", type=natural_number, default=0, metavar="N", help="only those numbered above N"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_daemon_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print them in their order."""
    daemon = daemon_of(arguments)
    last = arguments.after
    for event in daemon.events(last):
        last = event["number"]
        print(_line(event, is_json=arguments.json))
    if arguments.follow:
        for kind, event in daemon.stream(last):
            if kind == "event":
                print(_line(event, is_json=arguments.json), flush=True)
    return 0


def _line(event: Mapping[str, Any], *, is_json: bool) -> str:
    if is_json:
        return json.dumps(event, ensure_ascii=False)
    where = event.get("instance") or event.get("service") or event.get("transition") or ""
    told = f"{event['number']:>6}  {clock_text(event['at_unix_s'])}  {event['kind']}"
    told += f" ({event['reason']})" + (f" {where}" if where else "")
    return f"{told}: {event['message']}"
