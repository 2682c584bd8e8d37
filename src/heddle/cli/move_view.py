"""Watches a transition of the daemon until its end: for the verbs that cause one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from heddle.clock import WallClock, sleep_s
from heddle.server.client import DaemonClient
from heddle.settings import load_settings

_POLL_S = 0.2
_LINE_EVERY_S = 5.0
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
    view = _View()
    while True:
        found = daemon.status()["transition"]
        if found["id"] != move or found["state"] in _ENDS:
            break
        view.show(f"transition {move}: {found['num_done']} of {found['num_steps']} steps done")
        sleep_s(_POLL_S)
    view.clear()
    seconds = view.elapsed_s()
    print(f"{found['state']}: transition {move}, {found['num_done']} steps in {seconds:.1f} s")
    if found["state"] != "done":
        print(f"heddle: {found['message']}", file=sys.stderr)
    return _ENDS.get(found["state"], 1)


class _View:
    """One line on stderr: in place on a terminal, now and then elsewhere."""

    def __init__(self) -> None:
        self._clock = WallClock()
        self._begin_s = self._shown_s = self._clock.now_s()
        self._is_interactive = load_settings().is_interactive
        self._width = 0

    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return self._clock.now_s() - self._begin_s

    def show(self, line: str) -> None:
        """Show a line, if it is due."""
        if self._is_interactive:
            sys.stderr.write("\r" + line.ljust(self._width))
            self._width = len(line)
        elif self._clock.now_s() - self._shown_s >= _LINE_EVERY_S:
            self._shown_s = self._clock.now_s()
            sys.stderr.write(f"heddle: {line}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Wipe what is shown in place."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
