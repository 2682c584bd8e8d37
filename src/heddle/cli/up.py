"""``heddle up``: start the daemon of this machine, in the foreground or detached."""

from __future__ import annotations

import argparse
import asyncio
import sys

from heddle.cli.daemon_arguments import add_state_argument, state_of
from heddle.clock import WallClock, sleep_s
from heddle.errors import HeddleError, HostError, InputError
from heddle.runtime.process import ProcessId, is_alive, spawn
from heddle.server.running import serve
from heddle.server.state_folder import StateFolder
from heddle.server.up_arguments import add_up_arguments, require_consistent, words_of
from heddle.settings import child_environment

_READY_WITHIN_S = 30.0
_POLL_S = 0.02
_NUM_LOG_LINES = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``up``."""
    add_state_argument(parser)
    parser.add_argument("--detach", action="store_true", help="return once it is ready")
    add_up_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Start it; return once it is ready, or when it has ended."""
    require_consistent(arguments)
    arguments.state = state_of(arguments)
    folder = StateFolder(arguments.state)
    running = folder.daemon()
    if running is not None:
        raise InputError(
            f"a daemon runs on {folder.path} already, at {running.url}; "
            "heddle down ends it, --state names another folder"
        )
    folder.prepare()
    if arguments.detach:
        return _detached(arguments, folder)
    told = f"heddle: state in {folder.path}; Ctrl-C ends the daemon, services go on"
    print(told, file=sys.stderr)
    return asyncio.run(serve(arguments))


def _detached(arguments: argparse.Namespace, folder: StateFolder) -> int:
    log = folder.log("daemon")
    begins_at = log.stat().st_size if log.exists() else 0
    words = [sys.executable, "-m", "heddle.server", "--state", str(folder.path)]
    process = spawn([*words, *words_of(arguments)], child_environment({}), log)
    clock = WallClock()
    until_s = clock.now_s() + _READY_WITHIN_S
    while (running := folder.daemon()) is None or running.process != process:
        _require_alive(process, folder, begins_at, is_late=clock.now_s() > until_s)
        sleep_s(_POLL_S)
    print(f"up: {running.url} (state in {folder.path})")
    return 0


def _require_alive(
    process: ProcessId, folder: StateFolder, begins_at: int, *, is_late: bool
) -> None:
    if is_alive(process) and not is_late:
        return
    said = folder.log("daemon").read_bytes()[begins_at:].decode("utf-8", "replace")
    lines = [line for line in said.splitlines() if line.strip()][-_NUM_LOG_LINES:]
    if is_late:
        raise HostError(f"the daemon is not ready in {_READY_WITHIN_S:g} s: {' | '.join(lines)}")
    own = [line.removeprefix("heddle: ") for line in lines if line.startswith("heddle: ")]
    if own:
        raise _RefusedError(own[-1])
    raise HostError(f"the daemon ended at once: {' | '.join(lines)}")


class _RefusedError(HeddleError):
    """What the daemon said before it ended; it was something that the user asked for."""

    exit_code = 2
