"""``python -m heddle.serving.router --state DIR``: the process that clients talk to.

The daemon starts it, detached; it outlives the daemon. SIGTERM ends it when what is
under way has been answered, a second one at once.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from heddle.errors import HeddleError
from heddle.serving.router.router import Router


def main() -> int:
    """Serve until a signal comes; return the exit code."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(arguments.state, arguments.host))
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code
    return 0


async def _serve(state: Path, host: str) -> None:
    router = Router(state, host)
    is_over = [asyncio.Event(), asyncio.Event()]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _hear, is_over)
    await router.start()
    try:
        await is_over[0].wait()
        stopping = loop.create_task(router.stop())
        at_once = loop.create_task(is_over[1].wait())
        await asyncio.wait((stopping, at_once), return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, at_once):
            task.cancel()
    finally:
        await router.close()


def _hear(is_over: list[asyncio.Event]) -> None:
    """Set the first event at the first signal, the second one at the next."""
    next(event for event in (*is_over, is_over[-1]) if not event.is_set()).set()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m heddle.serving.router", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the state folder")
    parser.add_argument("--host", default="127.0.0.1", help="where services have their addresses")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
