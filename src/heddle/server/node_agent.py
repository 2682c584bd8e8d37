"""The process of the node agent: ``python -m heddle.server.node_agent --state DIR``.

Started by the daemon, which it outlives. It wires devices, launcher and router to
``runtime.agent`` and listens on ``DIR/run/agent.sock``; it keeps the local runtime running
where there is to be one.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from heddle.cluster.line_server import LineServer
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import HeddleError, HostError
from heddle.runtime.agent.agent import Agent
from heddle.runtime.agent.answers import Answers
from heddle.runtime.agent.book import Book
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.routing import Routing
from heddle.runtime.cpu.discovery import cpu_devices
from heddle.runtime.device import Device
from heddle.runtime.nvidia.discovery import nvidia_devices
from heddle.server.launcher import EngineLauncher
from heddle.server.runtime_child import RuntimeChild
from heddle.server.traffic import RouterTraffic

#: The name of the only node.
NODE = "local"


def main() -> int:
    """Run until SIGTERM or a shutdown; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m heddle.server.node_agent")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--device", choices=["cpu", "nvidia"], default="cpu")
    parser.add_argument("--cpu-devices", type=int, default=1)
    parser.add_argument("--runtime", default="", metavar="DEVICE")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    try:
        return asyncio.run(_serve(parser.parse_args()))
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code


async def _serve(arguments: argparse.Namespace) -> int:
    state: Path = arguments.state.absolute()
    book = Book(SqliteLedger(state / "node.db"))
    patience = Patience()
    agent = Agent(
        Equipment(
            node=NODE,
            devices={device.gpu.id: device for device in _devices(arguments)},
            book=book,
            routing=Routing(RouterTraffic(state / "run" / "router.sock"), book, patience),
            launcher=EngineLauncher(),
            folder=state,
            patience=patience,
        )
    )
    has_ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, has_ended.set)
    runtime = RuntimeChild(state, arguments.runtime) if arguments.runtime else None
    answer = Answers(agent, has_ended).answer
    server = LineServer(state / "run" / "agent.sock", runtime.around(answer) if runtime else answer)
    await agent.begin()
    await server.start()
    if runtime is not None:
        await runtime.begin()
    await has_ended.wait()
    if runtime is not None:
        await runtime.close()
    await agent.close()
    await server.close()
    book.close()
    return 0


def _devices(arguments: argparse.Namespace) -> Sequence[Device]:
    if arguments.device == "cpu":
        return cpu_devices(arguments.state, arguments.cpu_devices, NODE)
    found = nvidia_devices(arguments.state, NODE)
    for sentence in found.left_out:
        print(f"heddle: {sentence}", file=sys.stderr)
    if not found.devices:
        raise HostError("this machine has no NVIDIA GPU that can be used; see above why")
    return found.devices


if __name__ == "__main__":
    sys.exit(main())
