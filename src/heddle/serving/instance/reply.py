"""Replies over HTTP, and what each error of ours is there.

``application`` sends them. The headers are those that the router reads; they stand in
``docs/reference/serving-protocol.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from heddle.cluster.json_text import encode
from heddle.errors import HeddleError, InputError
from heddle.serving.batching.job import NotExecutedError, Refusal
from heddle.serving.protocol.response import error_body

Header = tuple[bytes, bytes]

_JSON: Header = (b"content-type", b"application/json")
_NOT_EXECUTED: Header = (b"heddle-not-executed", b"1")
_RETRY_AFTER: Header = (b"retry-after", b"1")
_CLOSE: Header = (b"connection", b"close")
_REFUSALS: Mapping[Refusal, tuple[int, tuple[Header, ...]]] = {
    Refusal.FULL: (429, (_NOT_EXECUTED, _RETRY_AFTER)),
    Refusal.DRAINING: (503, (_NOT_EXECUTED, _CLOSE)),
    Refusal.UNREADY: (503, (_NOT_EXECUTED, _RETRY_AFTER)),
    Refusal.TOO_LATE: (504, (_NOT_EXECUTED,)),
}


class Reply(NamedTuple):
    """A status, a body, and headers besides its length."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = (_JSON,)


class RejectedError(HeddleError):
    """A request that HTTP has a status of its own for."""

    def __init__(self, status: int, message: str, headers: tuple[Header, ...] = ()) -> None:
        self.status = status
        self.headers = headers
        super().__init__(message)


def json_reply(members: Mapping[str, Any]) -> Reply:
    """Return a 200 with an object."""
    return Reply(200, encode(members).encode())


def reply_of(error: HeddleError) -> Reply:
    """Return what a client is told of an error."""
    body = error_body(str(error))
    if isinstance(error, NotExecutedError):
        status, headers = _REFUSALS[error.refusal]
        return Reply(status, body, (_JSON, *headers))
    if isinstance(error, RejectedError):
        return Reply(error.status, body, (_JSON, *error.headers))
    return Reply(400 if isinstance(error, InputError) else 500, body)
