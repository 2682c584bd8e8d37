"""A program: the node agent of a state folder, killed by SIGKILL at a write to its book.

Right before the write when the number is negative, as soon as it is on disk otherwise.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dying_controllers import KillingLedger
from heddle.cluster.line_server import LineServer
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.runtime.agent.agent import Agent
from heddle.runtime.agent.answers import Answers
from heddle.runtime.agent.book import Book
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.routing import Routing
from heddle.runtime.cpu.discovery import cpu_devices
from heddle.server.launcher import EngineLauncher
from heddle.server.traffic import RouterTraffic


async def live(state: Path, at: int) -> None:
    """Be the agent until the write."""
    book = Book(KillingLedger(SqliteLedger(state / "node.db"), at))
    devices = {device.gpu.id: device for device in cpu_devices(state)}
    routing = Routing(RouterTraffic(state / "run" / "router.sock"), book, Patience())
    agent = Agent(Equipment("local", devices, book, routing, EngineLauncher(), state))
    await agent.begin()
    server = LineServer(state / "run" / "agent.sock", Answers(agent, asyncio.Event()).answer)
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), int(sys.argv[2])))
