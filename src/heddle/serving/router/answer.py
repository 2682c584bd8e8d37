"""Answers as they are written to clients: those of instances, and the router's own.

``exchange`` writes them. The router's own are JSON ``{"error": …}``, the form of the
Open Inference Protocol.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from heddle.serving.router.headers import Header, passed_on, values_of
from heddle.serving.router.request import Request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
#: Said by an instance of an answer to a request that it did not execute.
NOT_EXECUTED_HEADER = b"heddle-not-executed"
_RETRY_AFTER = frozenset({429, 503})
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status and headers of an instance's answer; names of headers in small letters.

    ``length`` is None when only the end tells it.
    """

    status: int
    reason: bytes
    headers: Sequence[Header]
    length: int | None

    @property
    def is_not_executed(self) -> bool:
        """Whether the instance says that another one may have the request."""
        return self.status in {429, 503} and bool(values_of(self.headers, NOT_EXECUTED_HEADER))

    def has_body(self, request: Request) -> bool:
        """Whether a body follows it."""
        return not request.is_head and self.status not in _BODILESS

    def written(self, request: Request, *, is_last: bool) -> bytes:
        """Return it as it goes to the client; ``is_last`` on its connection."""
        lines = passed_on(self.headers)
        if self.length is not None and self.status != 204:
            lines.append(b"content-length: %d\r\n" % self.length)
        elif self.has_body(request) and not request.is_http_10:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(_connection_line(request.is_http_10, is_last=is_last))
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (self.status, self.reason, b"".join(lines))


def chunk(piece: bytes) -> bytes:
    """Return a piece of a body as one chunk."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def refusal(status: int, message: str, request: Request | None, *, is_last: bool) -> bytes:
    """Return an answer of the router's own; ``request`` is None when there was no whole one."""
    body = json.dumps({"error": message}).encode()
    lines = [
        b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode()),
        b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body),
        b"retry-after: 1\r\n" if status in _RETRY_AFTER else b"",
        _connection_line(request is not None and request.is_http_10, is_last=is_last),
        b"\r\n",
        b"" if request is not None and request.is_head else body,
    ]
    return b"".join(lines)


def _connection_line(is_http_10: bool, *, is_last: bool) -> bytes:  # noqa: FBT001 (a version)
    if is_last:
        return b"connection: close\r\n"
    return b"connection: keep-alive\r\n" if is_http_10 else b""
