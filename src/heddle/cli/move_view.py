"""Watches a transition of the daemon until its end: for the verbs that cause one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from heddle.cli.progress_line import ProgressLine
from heddle.clock import WallClock, sleep_s
from heddle.server.client import DaemonClient
from heddle.settings import load_settings

_POLL_S = 0.2
_ENDS = {"done": 0, "aborted": 0, "stopped": 1}


def add_wait_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--no-wait``."""
    parser.add_argument(
        "--no-wait", action="store_true", help="return once the transition is accepted"
    )


def told_move(daemon: DaemonClient, accepted: Mapping[str, Any], *, is_waiting: bool) -> int:
    """Say what was accepted, wait for its end, and return the exit code."""
    move = accepted["transition"]
    if move is None:
        print(f"{accepted['sentence']}; nothing has to move")
        return 0
    if not is_waiting:
        print(f"transition {move} was accepted: {accepted['sentence']}")
        return 0
    clock = WallClock()
    begin_s = clock.now_s()
    view = ProgressLine(load_settings(), clock)
    while True:
        found = daemon.status()["transition"]
        if found["id"] != move or found["state"] in _ENDS:
            break
        view.show(f"transition {move}: {found['num_done']} of {found['num_steps']} steps done")
        sleep_s(_POLL_S)
    view.clear()
    seconds = clock.now_s() - begin_s
    print(f"{found['state']}: transition {move}, {found['num_done']} steps in {seconds:.1f} s")
    if found["state"] != "done":
        print(f"heddle: {found['message']}", file=sys.stderr)
    return _ENDS.get(found["state"], 1)
