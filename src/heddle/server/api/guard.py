"""Who may ask, how much, and how often: before any route sees a request.

On loopback a token is not needed unless that was asked for; then a page in a browser
must not reach the API either, so the Host header has to name this machine, and a POST
has to be JSON, which no form can send. Plain ASGI: it sees requests as they come.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

from heddle.clock import Clock

MAX_BODY_BYTES = 32 << 20
#: Requests that may come at once, and how many more each second.
_BURST = 200.0
_RATE_RPS = 100.0
_TOO_LARGE = f"a request has at most {MAX_BODY_BYTES} bytes"
_OPEN_PATHS = frozenset({"/healthz", "/"})
_OPEN_FOLDER = "/static/"
_POLICY = (
    b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    b"frame-ancestors 'none'; form-action 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked of requests.

    Attributes
    ----------
    token
        The secret; None where none is needed.
    hosts
        Names that the Host header may have; None for any.
    """

    token: str | None
    hosts: frozenset[str] | None


class Guard:
    """Wraps the application."""

    def __init__(self, app: App, access: Access, clock: Clock) -> None:
        self._app = app
        self._access = access
        self._clock = clock
        self._room = _BURST
        self._filled_s = clock.now_s()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self._app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        if not self._has_room():
            return 429, "too many requests; try again in a second"
        host = _host(headers.get(b"host", b""))
        if self._access.hosts is not None and host not in self._access.hosts:
            return 421, f"this is not {host or 'a host without a name'}"
        if not self._is_known(scope["path"], headers):
            return 401, "a token is needed: Authorization: Bearer TOKEN; it stands in STATE/token"
        if _is_too_long(headers.get(b"content-length", b"0")):
            return 413, _TOO_LARGE
        if scope["method"] == "POST" and not _is_json(headers.get(b"content-type", b"")):
            return 415, "a POST has the content type application/json"
        return None

    def _is_known(self, path: str, headers: Mapping[bytes, bytes]) -> bool:
        if self._access.token is None or path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER):
            return True
        said = headers.get(b"authorization", b"")
        return hmac.compare_digest(said, b"Bearer " + self._access.token.encode())

    def _has_room(self) -> bool:
        now_s = self._clock.now_s()
        self._room = min(_BURST, self._room + (now_s - self._filled_s) * _RATE_RPS)
        self._filled_s = now_s
        if self._room < 1:
            return False
        self._room -= 1
        return True


def _host(value: bytes) -> str:
    text = value.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


def _is_too_long(length: bytes) -> bool:
    # Python refuses to read numbers of thousands of digits.
    return not length.isdigit() or len(length) > 18 or int(length) > MAX_BODY_BYTES


def _is_json(content_type: bytes) -> bool:
    return content_type.split(b";")[0].strip().lower() == b"application/json"


def _limited(receive: Receive) -> Receive:
    """Return a receiver that refuses a body which is too large and did not say so."""
    size = 0

    async def receive_limited() -> MutableMapping[str, Any]:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return receive_limited


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return send_with_headers


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *_HEADERS,
    ]
    if status == 429:
        headers.append((b"retry-after", b"1"))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
