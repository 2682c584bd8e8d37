"""A connection to an instance: one request at a time, kept for the next one.

``routed_instance`` opens and keeps it; an ``exchange`` is told of the answer as it comes.
"""

from __future__ import annotations

import asyncio
import select
from typing import Protocol, cast

import httptools

from heddle.serving.router.answer import AnswerHead
from heddle.serving.router.headers import Header, values_of
from heddle.serving.router.undelivered import num_undelivered_bytes
from heddle.serving.router.verdict import AttemptEnd

_NO_WAIT_MS = 0
_SWITCHING_PROTOCOLS = 101


class Asker(Protocol):
    """Who sent the request and hears the answer."""

    def answer_begun(self, head: AnswerHead) -> bool:
        """Hear status and headers; False when no body follows, whatever they say."""
        ...

    def answer_part(self, piece: bytes) -> None:
        """Hear a piece of the body."""
        ...

    def answer_ended(self) -> None:
        """Hear that it is whole; the connection is free or closed."""
        ...

    def attempt_ended(self, end: AttemptEnd, reason: str) -> None:
        """Hear that there will be no whole answer; the connection is closed."""
        ...


class Home(Protocol):
    """Where a connection belongs."""

    def freed(self, connection: InstanceConnection) -> None:
        """Take it back for the next request."""
        ...

    def lost(self, connection: InstanceConnection) -> None:
        """Forget it."""
        ...


class InstanceConnection(asyncio.Protocol):
    """One connection.

    Attributes
    ----------
    is_used
        It has carried a request before, so that the instance may have closed it for
        having been idle.
    heard_s
        When anything was last sent or heard, on the loop's clock.
    """

    def __init__(self, home: Home) -> None:
        self.is_used = False
        self.heard_s = 0.0
        self._is_paused = False
        self._has_head = False
        self._is_whole = False
        self._home = home
        self._loop = asyncio.get_running_loop()
        self._asker: Asker | None = None
        self._is_until_close = False
        self._is_bodiless = False
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    @property
    def is_fresh(self) -> bool:
        """Whether it can take a request: open, and nothing has come from the other end.

        The loop may not have seen yet that the instance has closed it; the system has.
        """
        if self._transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(_NO_WAIT_MS)

    def send(self, asker: Asker, request: bytes) -> None:
        """Send a request; the asker hears of its answer."""
        self._asker = asker
        self.heard_s = self._loop.time()
        self._transport.write(request)

    def pause(self) -> None:
        """Hear nothing more for now."""
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on hearing."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self.heard_s = self._loop.time()
            self._transport.resume_reading()

    def close(self) -> None:
        """Hang up at once; the asker hears no more."""
        self._asker = None
        self._transport.abort()

    def fail(self, end: AttemptEnd, reason: str) -> None:
        """Hang up and tell the asker why."""
        asker, self._asker = self._asker, None
        self._transport.abort()
        if asker is not None:
            asker.attempt_ended(end, reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of the loop: it is open."""
        # Not asserted: the transports of uvloop are not derived from it.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Of the loop: more has come."""
        self.heard_s = self._loop.time()
        if self._asker is None:
            self.close()  # nothing was asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(AttemptEnd.DIED, f"its answer is not HTTP: {error}")
            return
        if self._is_whole:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Of the loop: it is closed, by whichever end."""
        self._home.lost(self)
        asker, self._asker = self._asker, None
        if asker is None:
            return
        if self._is_until_close and exc is None:
            asker.answer_ended()
        elif num_undelivered_bytes(self._transport) > 0:
            asker.attempt_ended(AttemptEnd.UNDELIVERED, "it closed the connection")
        else:
            asker.attempt_ended(AttemptEnd.DIED, str(exc or "it closed the connection").lower())

    def on_message_begin(self) -> None:
        """Of the parser: an answer begins; a second one was not asked for."""
        self._is_spoiled = self._is_whole

    def on_status(self, reason: bytes) -> None:
        """Of the parser: a piece of the reason."""
        if not self._is_whole:
            self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the parser: a header; those after the body are dropped."""
        if not self._has_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Of the parser: the head is whole."""
        status = self._parser.get_status_code()
        if status < 200 or self._has_head or self._asker is None:
            return  # an interim answer; the real one follows
        self._has_head = True
        head = AnswerHead(status, self._reason, self._headers, self._length())
        if self._asker.answer_begun(head):
            is_chunked = bool(values_of(self._headers, b"transfer-encoding"))
            self._is_until_close = head.length is None and not is_chunked
        else:
            self._is_whole = True  # the parser would wait for a body

    def on_body(self, piece: bytes) -> None:
        """Of the parser: a piece of the body."""
        if self._asker is not None and not self._is_whole:
            self._asker.answer_part(piece)

    def on_message_complete(self) -> None:
        """Of the parser: the answer is whole."""
        if self._has_head:
            # A head without its body leaves the parser in the middle of an answer.
            self._keeps_alive = not self._is_whole and self._parser.should_keep_alive()
            self._is_whole = True
        else:
            self._begin()

    def _begin(self) -> None:
        self._reason = b""
        self._headers: list[Header] = []
        self._has_head = False
        self._is_until_close = False
        self._is_whole = False
        self._is_spoiled = False
        self._keeps_alive = False

    def _length(self) -> int | None:
        lengths = values_of(self._headers, b"content-length")
        if values_of(self._headers, b"transfer-encoding") or not lengths:
            return None
        return int(lengths[0])

    def _end(self) -> None:
        """Free the connection, then tell the asker, who may send the next request on it."""
        asker, self._asker = self._asker, None
        has_sent = self._transport.get_write_buffer_size() == 0
        if self._keeps_alive and has_sent and not self._is_spoiled:
            self.is_used = True
            self.resume()
            self._begin()
            self._home.freed(self)
        else:
            self._transport.close()
        if asker is not None:
            asker.answer_ended()
