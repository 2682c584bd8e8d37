"""Passes one answer on to a client: held until it is whole, or as it comes.

An ``exchange`` makes one for every attempt. An answer of known length that is not large
is held, so that nothing of it is with the client when its instance dies.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from heddle.serving.router.answer import LAST_CHUNK, AnswerHead, chunk
from heddle.serving.router.request import Request


class Client(Protocol):
    """Who asked."""

    @property
    def is_last(self) -> bool:
        """Whether the connection is closed after this answer."""
        ...

    def write(self, piece: bytes) -> None:
        """Send a piece of the answer."""
        ...

    def exchange_ended(self, *, must_close: bool) -> None:
        """Hear that the answer is whole; ``must_close`` when only the end tells its end."""
        ...

    def cut(self) -> None:
        """Reset the connection: the answer cannot be finished."""
        ...


class Relay:
    """The answer of one attempt.

    Attributes
    ----------
    head
        Status and headers, once they came.
    first_written_s
        When the client was first sent anything, on the loop's clock; None until then.
    """

    def __init__(self, request: Request, client: Client, max_held_bytes: int) -> None:
        self.head: AnswerHead | None = None
        self.first_written_s: float | None = None
        self._request = request
        self._client = client
        self._max_held_bytes = max_held_bytes
        self._held: list[bytes] | None = None

    @property
    def has_written(self) -> bool:
        """Whether the client has been sent anything of it."""
        return self.first_written_s is not None

    @property
    def is_dropped(self) -> bool:
        """Whether it says that the request was not executed, which the client need not know."""
        return self.head is not None and self.head.is_not_executed

    @property
    def is_stream(self) -> bool:
        """Whether its length was not known when it began."""
        return self.head is not None and self.head.length is None and self._held is None

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the end of the connection tells the client the end of the answer."""
        return self.is_stream and self._request.is_http_10

    def begin(self, head: AnswerHead) -> bool:
        """Take status and headers; False when no body follows, whatever they say."""
        self.head = head
        has_body = head.has_body(self._request)
        is_small = head.length is not None and head.length <= self._max_held_bytes
        if is_small or not has_body or self.is_dropped:
            self._held = []
        else:
            self._write(self._written_head(head))
        return has_body

    def part(self, piece: bytes) -> None:
        """Take a piece of the body."""
        if self.is_dropped:
            return
        if self._held is not None:
            self._held.append(piece)
        else:
            self._write(chunk(piece) if self._is_chunked else piece)

    def end(self) -> None:
        """Take the end of the answer."""
        if self._held is not None and self.head is not None:
            self._write(b"".join([self._written_head(self.head), *self._held]))
        elif self._is_chunked:
            self._write(LAST_CHUNK)

    @property
    def _is_chunked(self) -> bool:
        return self.is_stream and not self._request.is_http_10

    def _written_head(self, head: AnswerHead) -> bytes:
        is_last = self._client.is_last or self.ends_with_connection
        return head.written(self._request, is_last=is_last)

    def _write(self, piece: bytes) -> None:
        if self.first_written_s is None:
            self.first_written_s = asyncio.get_running_loop().time()
        self._client.write(piece)
