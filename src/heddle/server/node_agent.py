"""The process of the node agent: ``python -m heddle.server.node_agent --state DIR``.

Started by the daemon, which it outlives. It wires devices, launcher and router to
``runtime.agent`` and listens on ``DIR/run/agent.sock``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from heddle.clock import WallClock
from heddle.cluster.line_server import LineServer
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import HeddleError
from heddle.runtime.agent.agent import NodeAgent, Surroundings
from heddle.runtime.agent.answers import NodeAnswers
from heddle.runtime.agent.book import NodeBook
from heddle.runtime.cpu.discovery import cpu_devices
from heddle.runtime.device import Device
from heddle.runtime.nvidia.discovery import nvidia_devices
from heddle.runtime.process import identify
from heddle.server.launcher import ServiceLauncher
from heddle.server.traffic import RouterTraffic

NODE = "local"


def main() -> int:
    """Run until SIGTERM or a shutdown; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m heddle.server.node_agent")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--device", choices=["cpu", "nvidia"], default="cpu")
    parser.add_argument("--cpu-devices", type=int, default=1)
    arguments = parser.parse_args()
    try:
        return asyncio.run(_serve(arguments))
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code


async def _serve(arguments: argparse.Namespace) -> int:
    state: Path = arguments.state
    clock = WallClock()
    ledger = SqliteLedger(state / "node.db")
    around = Surroundings(
        state,
        _devices(arguments),
        ServiceLauncher(),
        RouterTraffic(state / "run" / "router.sock"),
        clock,
    )
    agent = NodeAgent(around, NodeBook(ledger))
    answers = NodeAnswers(agent, NODE, _boot_id(), clock)
    server = LineServer(state / "run" / "agent.sock", answers.answer)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, answers.is_ending.set)
    await agent.begin()
    await server.start()
    await answers.is_ending.wait()
    await agent.close()
    await server.close()
    ledger.close()
    return 0


def _devices(arguments: argparse.Namespace) -> Sequence[Device]:
    if arguments.device == "cpu":
        return cpu_devices(arguments.state, arguments.cpu_devices, NODE)
    found = nvidia_devices(arguments.state, NODE)
    for sentence in found.left_out:
        print(f"heddle: {sentence}", file=sys.stderr)
    return found.devices


def _boot_id() -> str:
    """Return what no other agent of this machine has: its id and time of birth."""
    own = identify(os.getpid())
    return f"{os.getpid()}-{own.start_ticks if own else 0}"


if __name__ == "__main__":
    sys.exit(main())
