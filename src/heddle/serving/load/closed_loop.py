"""Keeps a number of requests under way: what a service delivers at most.

The benchmarks use it. Latency here is that of a full service, not of one that keeps
its limit; for that there is ``open_loop``.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from heddle.serving.load.connection import Address, ConnectionPool
from heddle.serving.load.open_loop import Sent, sent_of
from heddle.serving.load.requests import Request, in_turn

_PATIENCE_S = 60.0


async def saturate(
    address: Address, requests: Sequence[Request], num_in_flight: int, duration_s: float
) -> list[Sent]:
    """Ask without a pause for some seconds and return what became of every request.

    Raises
    ------
    HostError
        Nobody listens at the address; nothing was sent.
    """
    pool = ConnectionPool(address, num_in_flight)
    await pool.require()
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    numbers = itertools.count()
    ended: list[Sent] = []

    async def ask() -> None:
        while (due_s := loop.time() - begin_s) < duration_s:
            request = in_turn(requests, next(numbers))
            answer = await pool.ask(request.wire, _PATIENCE_S)
            ended.append(sent_of(request, answer, due_s, loop.time() - begin_s))

    async with asyncio.TaskGroup() as together:
        for _ in range(num_in_flight):
            together.create_task(ask())
    pool.close()
    return ended
