"""The process of the local runtime: ``python -m heddle.server.runtime_service --socket PATH``.

Started by the node agent where ``heddle up --runtime DEVICE`` asked for it, or by hand. It opens
one device and offers it on a unix socket to the other processes of this user: ``runtime.local``.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from heddle.cluster.line_server import LineServer
from heddle.errors import HeddleError
from heddle.runtime.core.backend import DEFAULT_POLICY, BackendOptions
from heddle.runtime.local.owner import Owner
from heddle.runtime.local.service import RuntimeService
from heddle.runtime.replay.backends import open_backend, require_policy

#: No kernel of a healthy network takes so long.
_LIMIT_S = 10.0


def main() -> int:
    """Serve until SIGTERM; return the exit code."""
    arguments = _parser().parse_args()
    try:
        require_policy(arguments.policy)
        return asyncio.run(_serve(arguments))
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m heddle.server.runtime_service")
    parser.add_argument("--device", default="cpu", help="as for heddle run (default: cpu)")
    parser.add_argument("--policy", default=DEFAULT_POLICY, help=f"(default: {DEFAULT_POLICY})")
    parser.add_argument("--level", type=int, default=0, help="preemption level (default: its own)")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument(
        "--limit-s", type=float, default=_LIMIT_S, help="a kernel never ends after so long"
    )
    return parser


async def _serve(arguments: argparse.Namespace) -> int:
    has_ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, has_ended.set)
    options = BackendOptions(policy=arguments.policy, level=arguments.level)
    # It answers from now on; what needs the device waits until that is open.
    owner = Owner(partial(open_backend, arguments.device, options), arguments.limit_s)
    server = LineServer.with_sessions(arguments.socket, RuntimeService(owner).begin)
    try:
        await server.start()
        await _until_the_end(owner, has_ended)
        return 0
    finally:
        await server.close()
        await asyncio.to_thread(owner.close)


async def _until_the_end(owner: Owner, has_ended: asyncio.Event) -> None:
    """Wait for a signal, or for the end of the device, which raises why."""
    asked: asyncio.Future[Any] = asyncio.ensure_future(has_ended.wait())
    ended: asyncio.Future[Any] = asyncio.wrap_future(owner.is_ended)
    await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        ended.result()


if __name__ == "__main__":
    sys.exit(main())
