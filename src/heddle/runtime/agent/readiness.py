"""Asks a process over HTTP whether it is ready; no library, one small request.

``launch`` asks until the answer is yes, the process has ended, or its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

_ANSWER_S = 5.0
_MAX_HEAD_BYTES = 65_536
_OK = 200


class Reply(NamedTuple):
    """What was answered: the status, 0 when there was none, and who says to have answered."""

    status: int
    instance: str = ""

    def is_yes(self, instance: str) -> bool:
        """Whether an instance of this name is ready; servers may leave their names out."""
        return self.status == _OK and self.instance in ("", instance)

    def __str__(self) -> str:
        if self.status == 0:
            return "nobody answered"
        if self.status == _OK:
            return f"{self.instance} answered in its place"
        return f"the answer was {self.status}"


async def ask(port: int, path: str) -> Reply:
    """Return what a server at a port of 127.0.0.1 answers to GET."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            head = await _head(port, path)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Reply(0)
    return _reply(head)


async def _head(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_MAX_HEAD_BYTES)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _reply(head: bytes) -> Reply:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdecimal():
        return Reply(0)
    fields = (line.partition(":") for line in lines)
    named = (value.strip() for name, _, value in fields if name.lower() == "heddle-instance")
    return Reply(int(words[1]), next(named, ""))
