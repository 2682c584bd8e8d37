"""``heddle suspend``: free a service's instances until it is resumed."""

from __future__ import annotations

import argparse

from heddle.cli.daemon_arguments import add_daemon_arguments, daemon_of
from heddle.cli.move_view import add_wait_argument, told_move


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``suspend``."""
    parser.add_argument("service", metavar="SERVICE", help="its name")
    add_wait_argument(parser)
    add_daemon_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Free them, and wait until it is done."""
    daemon = daemon_of(arguments)
    return told_move(daemon, daemon.suspend(arguments.service), is_waiting=not arguments.no_wait)
