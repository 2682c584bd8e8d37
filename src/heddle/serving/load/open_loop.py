"""Sends requests when they are due, whatever became of those before.

Called by ``heddle load`` and the benchmarks. Latency counts from when a request was
due, so time that it waited for the generator itself is in it (no coordinated
omission).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.serving.load.arrivals import Times
from heddle.serving.load.connection import Address, Answer, ConnectionPool
from heddle.serving.load.requests import Request, in_turn

#: Requests due this soon are sent together: a timer is no better.
_GRAIN_S = 0.0005


class Sent(NamedTuple):
    """What became of one request.

    ``due_s`` and ``done_s`` are seconds from the begin of the load. ``status`` is that
    of the answer, 0 where there was none; ``is_right`` whether it was a 200 that passed
    its check; ``reason`` what was said otherwise.
    """

    due_s: float
    done_s: float
    status: int
    is_right: bool
    reason: str = ""

    @property
    def latency_ms(self) -> float:
        """From when it was due until it was answered."""
        return (self.done_s - self.due_s) * 1000


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent where.

    Attributes
    ----------
    address
        Of the service.
    due_s
        When requests are due, sorted, seconds from the begin.
    requests
        Asked in turn.
    patience_s
        A request without an answer by then has failed.
    """

    address: Address
    due_s: Times
    requests: Sequence[Request]
    patience_s: float = 60.0


async def drive(
    load: Load, tell: Callable[[Sent], None] = lambda _: None, stop: asyncio.Event | None = None
) -> list[Sent]:
    """Send everything, wait for every answer, and return them in the order they came.

    ``tell`` hears of each as it ends. When ``stop`` is set nothing more is sent.

    Raises
    ------
    HostError
        Nobody listens at the address; nothing was sent.
    """
    pool = ConnectionPool(load.address)
    await pool.require()
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    ended: list[Sent] = []

    async def ask(number: int, due_s: float) -> None:
        request = in_turn(load.requests, number)
        answer = await pool.ask(request.wire, load.patience_s)
        sent = sent_of(request, answer, due_s, loop.time() - begin_s)
        ended.append(sent)
        tell(sent)

    async with asyncio.TaskGroup() as under_way:
        for number, due_s in enumerate(load.due_s.tolist()):
            ahead_s = begin_s + due_s - loop.time()
            if ahead_s > _GRAIN_S:
                await _pause(ahead_s, stop)
            if stop is not None and stop.is_set():
                break
            under_way.create_task(ask(number, due_s))
    pool.close()
    return ended


def sent_of(request: Request, answer: Answer, due_s: float, done_s: float) -> Sent:
    """Return the record of a request and its answer; times from the begin, seconds."""
    is_right = request.is_right(answer)
    if is_right:
        return Sent(due_s, done_s, answer.status, is_right)
    reason = "another answer than expected" if answer.status == 200 else _said(answer)
    return Sent(due_s, done_s, answer.status, is_right, reason)


def _said(answer: Answer) -> str:
    return answer.body[:200].decode("utf-8", "replace").strip()


async def _pause(seconds: float, stop: asyncio.Event | None) -> None:
    if stop is None:
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
