"""Reads the requests of one client connection, strictly.

``client_connection`` feeds it. Where two readers of the same bytes could disagree about
where a request ends (two lengths, a length and chunks), the request is refused: that is
how requests are smuggled past a proxy (RFC 9112, section 11.2).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import httptools

from heddle.serving.router.headers import Header, named_in, values_of
from heddle.serving.router.limits import Limits
from heddle.serving.router.request import Request

#: What may come in one piece beside the head that is being read.
_SLACK_BYTES = 1 << 19
#: A chunk of one byte takes six.
_CHUNK_OVERHEAD = 8


class Rejection(NamedTuple):
    """The status and the reason of a request that is not passed on."""

    status: int
    message: str


class _RejectedError(Exception):
    """Stops the parser; never leaves this module."""


class RequestReader:
    """Turns bytes into requests; after a rejection it reads no more.

    Attributes
    ----------
    requests
        Whole ones that nobody has taken yet.
    rejection
        Why nothing after them is read, or None.
    wants_continue
        The client waits for "100 Continue" before it sends the body.
    """

    def __init__(self, limits: Limits) -> None:
        self.requests: deque[Request] = deque()
        self.rejection: Rejection | None = None
        self.wants_continue = False
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    @property
    def is_within_request(self) -> bool:
        """Whether a request has begun that is not whole."""
        return self._is_begun

    @property
    def num_held_bytes(self) -> int:
        """The size of the body read so far, and of those that wait to be taken."""
        return self._num_body_bytes + sum(len(request.body) for request in self.requests)

    def feed(self, piece: bytes) -> None:
        """Read on."""
        if self.rejection is not None:
            return
        try:
            self._parser.feed_data(piece)
            self._require_overhead(len(piece))
        except httptools.HttpParserUpgrade:
            self.rejection = Rejection(501, "connections are not upgraded here; ask without")
        except (httptools.HttpParserError, _RejectedError) as error:
            self.rejection = self.rejection or Rejection(400, f"not a request: {error}")

    def on_message_begin(self) -> None:
        """Of the parser: another request begins."""
        self._begin()
        self._is_begun = True

    def on_url(self, piece: bytes) -> None:
        """Of the parser: a piece of the target."""
        self._target += piece
        self._count_head(len(piece))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the parser: a header; those after the body are dropped."""
        if not self._has_head:
            self._headers.append((name.lower(), value))
            self._count_head(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """Of the parser: the head is whole."""
        self._has_head = True
        self._num_bytes = 0
        self._require_sound()
        lengths = values_of(self._headers, b"content-length")
        length = int(lengths[0]) if lengths else 0
        if length > self._limits.max_body_bytes:
            self._too_large()
        has_body = length > 0 or bool(values_of(self._headers, b"transfer-encoding"))
        expected = [named_in(value) for value in values_of(self._headers, b"expect")]
        self.wants_continue = has_body and any(b"100-continue" in words for words in expected)

    def on_body(self, piece: bytes) -> None:
        """Of the parser: a piece of the body."""
        self.wants_continue = False
        self._num_body_bytes += len(piece)
        if self._num_body_bytes > self._limits.max_body_bytes:
            self._too_large()
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """Of the parser: the request is whole."""
        if self._parser.should_upgrade():
            return  # the end of the feed says so
        request = Request(
            method=self._parser.get_method(),
            target=self._target,
            headers=self._headers,
            body=b"".join(self._body),
            is_http_10=self._parser.get_http_version() == "1.0",
            keeps_alive=self._parser.should_keep_alive(),
        )
        self.requests.append(request)
        self._begin()

    def _begin(self) -> None:
        self._is_begun = False
        self._has_head = False
        self._target = b""
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._num_body_bytes = 0
        self._num_head_bytes = 0
        self._num_bytes = 0
        self.wants_continue = False

    def _count_head(self, num_bytes: int) -> None:
        self._num_head_bytes += num_bytes
        if self._num_head_bytes > self._limits.max_head_bytes:
            self._reject(431, f"a head has at most {self._limits.max_head_bytes} bytes here")

    def _require_overhead(self, num_bytes: int) -> None:
        """Bound what is not seen in parts: a header without end, chunks of one byte."""
        if not self._is_begun:
            return
        self._num_bytes += num_bytes
        allowed = self._limits.max_head_bytes + _SLACK_BYTES
        if self._num_bytes > allowed + _CHUNK_OVERHEAD * self._num_body_bytes:
            self._reject(431, f"a head has at most {self._limits.max_head_bytes} bytes here")

    def _require_sound(self) -> None:
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            self._reject(505, f"HTTP/1.0 and 1.1 are spoken here, not {version}")
        codings = values_of(self._headers, b"transfer-encoding")
        lengths = values_of(self._headers, b"content-length")
        if len(lengths) > 1 or (lengths and codings):
            self._reject(400, "the request has more than one length; send one")
        if lengths and not lengths[0].isdigit():
            self._reject(400, f"not a length: {lengths[0].decode('latin-1')!r}")
        if codings and [coding.lower() for coding in codings] != [b"chunked"]:
            self._reject(501, "the only transfer coding understood here is chunked")
        if codings and version == "1.0":
            self._reject(400, "HTTP/1.0 has no transfer codings")
        num_hosts = len(values_of(self._headers, b"host"))
        if num_hosts > 1 or (num_hosts == 0 and version == "1.1"):
            self._reject(400, f"a request has one Host header, this one {num_hosts}")

    def _too_large(self) -> None:
        limit = self._limits.max_body_bytes
        self._reject(413, f"a body has at most {limit} bytes here; send less")

    def _reject(self, status: int, message: str) -> None:
        self.rejection = Rejection(status, message)
        raise _RejectedError
