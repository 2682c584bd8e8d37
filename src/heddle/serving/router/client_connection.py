"""A connection of a client: reads its requests, answers them one after the other.

``address`` makes one for every connection that comes. Requests that are sent ahead
(pipelined) wait in it; a client that does not read its answer is not sent more, and one
that goes away has its request cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Protocol, cast

from heddle.serving.router.answer import CONTINUE, refusal
from heddle.serving.router.exchange import Exchange
from heddle.serving.router.gate import Gate
from heddle.serving.router.request import Request
from heddle.serving.router.request_reader import Rejection, RequestReader
from heddle.serving.router.routed_service import RoutedService

#: Closing sends a reset instead of an end.
_RESET = struct.pack("ii", 1, 0)
#: How long a client may take to close its end after the last answer.
_FAREWELL_S = 2.0


class Door(Protocol):
    """Where the connection came in."""

    @property
    def service(self) -> RoutedService:
        """What is served there now."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether nothing is served there any more."""
        ...


class ClientConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: Door, gate: Gate) -> None:
        self._door = door
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader(gate.limits)
        self._request: Request | None = None
        self._exchange: Exchange | None = None
        self._peer = b""
        self._num_held_bytes = 0
        self._heard_s = self._loop.time()
        self._blocked_s: float | None = None  # since when the client reads nothing
        self._farewell_s: float | None = None  # since when nothing more is answered
        self._is_going_on = False
        self._has_paused_reading = False

    @property
    def is_last(self) -> bool:
        """Whether the connection is closed after the answer under way."""
        keeps_alive = self._request is not None and self._request.keeps_alive
        return not keeps_alive or self._is_retiring

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of the loop: it is open."""
        # Not asserted: the transports of uvloop are not derived from it.
        self._transport = cast("asyncio.Transport", transport)
        if not self._gate.enter(self):
            self._transport.abort()
            return
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]).encode() if peer else b"unknown"

    def data_received(self, data: bytes) -> None:
        """Of the loop: more has come."""
        if self._farewell_s is not None:
            return
        self._heard_s = self._loop.time()
        self._reader.feed(data)
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Of the loop: it is closed. Who closes while being answered has gone away."""
        del exc
        self._farewell_s = self._loop.time()
        self._gate.leave(self)
        exchange, self._exchange = self._exchange, None
        self._request = None
        self._reader.requests.clear()
        self._hold(0)
        if exchange is not None:
            exchange.cancel()

    def pause_writing(self) -> None:
        """Of the loop: the client is slow to read."""
        self._blocked_s = self._loop.time()
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        """Of the loop: it has read."""
        self._blocked_s = None
        if self._exchange is not None:
            self._exchange.resume()
        else:
            self._go_on()

    def write(self, piece: bytes) -> None:
        """Send a piece of an answer."""
        if not self._transport.is_closing():
            self._transport.write(piece)

    def exchange_ended(self, *, must_close: bool) -> None:
        """Go on with the next request, if there may be one."""
        is_last = must_close or self.is_last
        self._exchange = self._request = None
        self._heard_s = self._loop.time()
        if is_last:
            self._say_farewell()
        else:
            self._go_on()

    def cut(self) -> None:
        """Reset the connection."""
        if self._transport.is_closing():
            return
        connection = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def retire(self) -> None:
        """Close after the answer that is under way, now when there is none."""
        is_idle = self._exchange is None and not self._reader.is_within_request
        if is_idle and self._is_retiring and self._farewell_s is None:
            self._transport.close()

    def sweep(self, now_s: float) -> None:
        """End what has taken too long."""
        limit_s = self._gate.limits.client_s
        if self._farewell_s is not None:
            is_read = self._transport.get_write_buffer_size() == 0
            if now_s - self._farewell_s > (_FAREWELL_S if is_read else limit_s):
                self._transport.abort()
        elif self._exchange is not None:
            self._exchange.sweep(now_s)
        elif self._reader.is_within_request and now_s - self._heard_s > limit_s:
            self._refuse(Rejection(408, f"the request was not whole after {limit_s:g} s"))
        if self._blocked_s is not None and now_s - self._blocked_s > limit_s:
            self.cut()

    def _go_on(self) -> None:
        """Begin the next request when the one before is answered, and the answer read."""
        if self._is_going_on:
            return  # an exchange that ends at once comes here again
        self._is_going_on = True
        while self._can_begin and self._reader.requests:
            self._request = self._reader.requests.popleft()
            self._request.peer = self._peer
            self._exchange = Exchange(self._request, self._door.service, self)
            self._exchange.start()
        self._is_going_on = False
        self._hold(self._reader.num_held_bytes + len(self._request.body if self._request else b""))
        if self._can_begin:
            self._meet_reader()
        if self._farewell_s is None:
            self._read_on(is_wanted=not self._reader.requests)

    @property
    def _is_retiring(self) -> bool:
        return self._gate.is_closing or self._door.is_closed

    @property
    def _can_begin(self) -> bool:
        return self._exchange is None and self._blocked_s is None and self._farewell_s is None

    def _meet_reader(self) -> None:
        """Answer what is no request, and who waits to send the body."""
        if self._reader.rejection is not None:
            self._refuse(self._reader.rejection)
        elif self._gate.is_overfull and self._num_held_bytes:
            self._refuse(Rejection(503, "too many large requests at once"))
        elif self._reader.wants_continue:
            self._reader.wants_continue = False
            self.write(CONTINUE)

    def _refuse(self, rejection: Rejection) -> None:
        is_for_room = rejection.status == 503
        tally = self._door.service.tally
        tally.num_arrived += is_for_room
        tally.num_refused += is_for_room
        tally.num_rejected += not is_for_room
        self.write(refusal(*rejection, None, is_last=True))
        self._say_farewell()

    def _say_farewell(self) -> None:
        """End our side; closing at once would reset what the client has not read yet."""
        self._farewell_s = self._loop.time()
        self._hold(0)
        self._read_on(is_wanted=True)
        if not self._transport.is_closing():
            self._transport.write_eof()

    def _read_on(self, *, is_wanted: bool) -> None:
        if self._transport.is_closing() or is_wanted is not self._has_paused_reading:
            return
        self._has_paused_reading = not is_wanted
        if is_wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _hold(self, num_bytes: int) -> None:
        self._gate.num_held_bytes += num_bytes - self._num_held_bytes
        self._num_held_bytes = num_bytes
