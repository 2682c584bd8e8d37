"""``heddle logs``: the end of a log of a service, an instance, or heddle's own processes."""

from __future__ import annotations

import argparse

from heddle.cli.daemon_arguments import add_daemon_arguments, daemon_of, state_of
from heddle.cli.running import counting_number
from heddle.errors import InputError
from heddle.server.state_folder import StateFolder

_OWN = ("daemon", "agent", "router", "runtime")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``logs``."""
    parser.add_argument(
        "name", metavar="NAME", help=f"a service, an instance, or one of {', '.join(_OWN)}"
    )
    parser.add_argument(
        "--lines", type=counting_number, default=50, metavar="N", help="so many (default: 50)"
    )
    add_daemon_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the lines."""
    if arguments.name in _OWN:
        print("\n".join(_own_lines(arguments)))
        return 0
    daemon = daemon_of(arguments)
    names = {one["name"] for one in daemon.status()["services"]}
    kind = "services" if arguments.name in names else "instances"
    print("\n".join(daemon.logs(kind, arguments.name, arguments.lines)["lines"]))
    return 0


def _own_lines(arguments: argparse.Namespace) -> list[str]:
    path = StateFolder(state_of(arguments)).log(arguments.name)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: {reason}") from error
    return lines[-arguments.lines :]
