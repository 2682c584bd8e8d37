"""``heddle status``: devices, services and the running transition, once or again and again."""

from __future__ import annotations

import argparse
import json
import sys

from heddle.cli.daemon_arguments import add_daemon_arguments, daemon_of
from heddle.cli.status_text import status_text
from heddle.clock import sleep_s

_EVERY_S = 1.0
_CLEAR = "\x1b[H\x1b[2J"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``status``."""
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
    add_daemon_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    daemon = daemon_of(arguments)
    while True:
        status = daemon.status()
        text = json.dumps(status, indent=1) if arguments.json else status_text(status)
        if arguments.watch and sys.stdout.isatty():
            print(_CLEAR, end="")
        print(text, flush=True)
        if not arguments.watch:
            return 0
        sleep_s(_EVERY_S)
