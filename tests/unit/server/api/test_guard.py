"""Who may ask, how much, and how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from starlette.exceptions import HTTPException

from heddle.clock import ManualClock
from heddle.server.api.guard import MAX_BODY_BYTES, Access, Guard

LOCAL = Access(None, frozenset({"127.0.0.1", "localhost", "::1", "[::1]"}))
SECRET = Access("secret", None)
HERE = {"host": "127.0.0.1:8765"}
JSON = {**HERE, "content-type": "application/json"}


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """The sentence of a refusal."""
        found: str = json.loads(self.body)["error"]["message"]
        return found


class Application:
    """Reads the whole body and says how long it was."""

    def __init__(self) -> None:
        self.num_requests = 0

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        self.num_requests += 1
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})


class Rig:
    """A guard before an application, and a clock that stands still."""

    def __init__(self, access: Access) -> None:
        self.clock = ManualClock()
        self.app = Application()
        self._guard = Guard(self.app, access, self.clock)

    def ask(self, method: str, path: str, headers: Mapping[str, str], *body: bytes) -> Reply:
        """Return the answer to one request whose body comes in parts."""
        sent: list[dict[str, Any]] = []
        parts = [*body] or [b""]

        async def receive() -> dict[str, Any]:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": raw}
        asyncio.run(self._guard(scope, receive, send))
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], found, sent[1]["body"])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "LocalHost:1", "[::1]:8765"])
def test_a_request_to_this_machine_passes(host: str) -> None:
    assert Rig(LOCAL).ask("GET", "/v1/status", {"host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "[::1", "\xff"]
)
def test_a_request_to_another_name_is_refused(host: str) -> None:
    rig = Rig(LOCAL)
    assert rig.ask("GET", "/v1/status", {"host": host}).status in (200, 421)
    assert rig.app.num_requests == (host == "[::1")


def test_without_a_host_it_is_refused() -> None:
    reply = Rig(LOCAL).ask("GET", "/v1/status", {})
    assert reply.status == 421
    assert "a host without a name" in reply.message


@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer ", "Bearer wrong", "secret", "Basic secret"]
)
def test_without_the_token_nothing_but_the_pages_is_served(said: str) -> None:
    rig = Rig(SECRET)
    headers = {"host": "anywhere", "authorization": said}
    for path in ("/v1/status", "/metrics", "/openapi.json", "/static", "/healthz/../v1/status"):
        reply = rig.ask("GET", path, headers)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    assert rig.app.num_requests == 0
    for path in ("/", "/healthz", "/static/page.css"):
        assert rig.ask("GET", path, headers).status == 200


def test_with_the_token_everything_is_served() -> None:
    headers = {"host": "anywhere", "authorization": "Bearer secret"}
    assert Rig(SECRET).ask("GET", "/v1/status", headers).status == 200


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; b=1"]
)
def test_a_post_that_a_form_could_send_is_refused(kind: str) -> None:
    rig = Rig(LOCAL)
    assert rig.ask("POST", "/v1/shutdown", {**HERE, "content-type": kind}).status == 415
    assert rig.app.num_requests == 0


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_post_of_json_passes(kind: str) -> None:
    reply = Rig(LOCAL).ask("POST", "/v1/apply", {**HERE, "content-type": kind}, b"{", b"}")
    assert (reply.status, reply.body) == (200, b"2")


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "-1", "1e3", "", "9" * 5000])
def test_a_length_that_is_too_much_or_no_number_is_refused(length: str) -> None:
    rig = Rig(LOCAL)
    assert rig.ask("POST", "/v1/apply", {**JSON, "content-length": length}).status == 413
    assert rig.app.num_requests == 0


def test_a_body_that_grows_too_large_is_cut_off() -> None:
    part = bytes(MAX_BODY_BYTES // 2)
    rig = Rig(LOCAL)
    assert rig.ask("POST", "/v1/apply", JSON, part, part).status == 200
    with pytest.raises(HTTPException) as caught:
        rig.ask("POST", "/v1/apply", JSON, part, part, b"x")
    assert caught.value.status_code == 413


def test_too_many_requests_are_refused_until_time_has_passed() -> None:
    rig = Rig(LOCAL)
    statuses = [rig.ask("GET", "/v1/status", HERE).status for _ in range(210)]
    assert statuses == [200] * 200 + [429] * 10
    assert rig.ask("GET", "/v1/status", HERE).headers["retry-after"] == "1"
    rig.clock.advance(0.05)
    assert [rig.ask("GET", "/v1/status", HERE).status for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize("headers", [HERE, {"host": "evil.example"}])
def test_every_answer_tells_browsers_what_they_may_do(headers: Mapping[str, str]) -> None:
    reply = Rig(LOCAL).ask("GET", "/", headers)
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
