"""``heddle down``: take this machine down; nothing is left but the state folder."""

from __future__ import annotations

import argparse
import signal

from heddle.cli.daemon_arguments import add_state_argument, state_of
from heddle.clock import WallClock, sleep_s
from heddle.errors import HeddleError, HostError
from heddle.runtime.process import is_alive, terminate
from heddle.server.client import client_of
from heddle.server.leftovers import take_down
from heddle.server.state_folder import StateFolder

_END_WITHIN_S = 30.0
_POLL_S = 0.05


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``down``."""
    add_state_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Drain and stop every service, remove every instance, end every process."""
    folder = StateFolder(state_of(arguments))
    running = folder.daemon()
    if running is None:
        was_there = folder.path.exists() and take_down(folder)
        print(
            "down: what a daemon that had ended left behind is gone"
            if was_there
            else f"nothing runs on {folder.path}"
        )
        return 0
    try:
        client_of(folder.path).shut_down()
    except HeddleError:
        terminate(running.process, signal.SIGTERM)
    clock = WallClock()
    until_s = clock.now_s() + _END_WITHIN_S
    while is_alive(running.process):
        if clock.now_s() > until_s:
            raise HostError(f"the daemon (process {running.process.pid}) does not end")
        sleep_s(_POLL_S)
    take_down(folder)
    print("down")
    return 0
