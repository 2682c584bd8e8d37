"""What the command line makes of the daemon's answers, also of answers that are none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from heddle.errors import HeddleError, HostError, InputError, NoPlanError
from heddle.server.client import DaemonClient, client_of
from one_machine import free_port


class Scripted(ThreadingHTTPServer):
    """Answers whatever it is told to, and keeps the requests."""

    daemon_threads = True
    status = 200
    content_type = "application/json"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.bodies: Callable[[str], bytes] = lambda _path: b"{}"
        self.requests: list[tuple[str, str, bytes]] = []
        self.tokens: list[str | None] = []

    def client(self, token: str = "") -> DaemonClient:
        """Return a client of it."""
        return DaemonClient(f"http://127.0.0.1:{self.server_port}", token)


class _Answering(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        self.server.requests.append((self.command, self.path, self.rfile.read(length)))
        self.server.tokens.append(self.headers.get("authorization"))
        self.send_response(self.server.status)
        self.send_header("content-type", self.server.content_type)
        self.end_headers()
        self.wfile.write(self.server.bodies(self.path))

    do_POST = do_GET  # noqa: N815 (the library's name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InputError),
        (401, InputError),
        (404, InputError),
        (413, InputError),
        (415, InputError),
        (421, InputError),
        (422, InputError),
        (409, NoPlanError),
        (405, HostError),
        (429, HostError),
        (500, HostError),
        (503, HostError),
    ],
)
def test_a_refusal_is_the_error_that_the_daemon_had(
    server: Scripted, status: int, kind: type[HeddleError]
) -> None:
    server.status = status
    server.bodies = lambda _path: json.dumps({"error": {"message": "so it is"}}).encode()
    with pytest.raises(HeddleError) as caught:
        server.client().status()
    assert type(caught.value) is kind
    assert str(caught.value) == "so it is"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b"\xff", b"null"])
def test_an_answer_of_somebody_else_is_said_to_be_one(server: Scripted, body: bytes) -> None:
    server.status = 502
    server.bodies = lambda _path: body
    with pytest.raises(HostError, match="said something else: status 502"):
        server.client().status()


@pytest.mark.parametrize("body", [b"<html>", b"null", b"[]"])
def test_a_page_where_the_daemon_should_be_is_said_to_be_one(server: Scripted, body: bytes) -> None:
    server.bodies = lambda _path: body
    with pytest.raises(HostError, match="said something else: status 200"):
        server.client().status()


def test_nobody_at_the_address_is_said_with_the_address() -> None:
    port = free_port()
    with pytest.raises(HostError, match=rf"http://127\.0\.0\.1:{port}: connection refused"):
        DaemonClient(f"http://127.0.0.1:{port}").status()


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8765", "ftp://here", "http://", "http://[::1", "http://h:99999", "http://h:x"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected a URL"):
        DaemonClient(url)


def test_names_are_quoted_into_one_part_of_the_path(server: Scripted) -> None:
    client = server.client()
    client.suspend("../../shutdown?x=1#ü")
    client.logs("instances", "a/b", 7)
    client.abort("t/1")
    assert [path for _, path, _ in server.requests] == [
        "/v1/services/..%2F..%2Fshutdown%3Fx%3D1%23%C3%BC/suspend",
        "/v1/instances/a%2Fb/logs?lines=7",
        "/v1/transitions/t%2F1/abort",
    ]


def test_the_token_goes_along(server: Scripted) -> None:
    server.client("secret").status()
    server.client().status()
    assert server.tokens == ["Bearer secret", None]


def test_events_are_read_page_by_page(server: Scripted) -> None:
    pages = {
        "/v1/events?after=3": {"events": [{"number": 4}, {"number": 6}], "last": 9},
        "/v1/events?after=6": {"events": [{"number": 9}], "last": 9},
    }
    server.bodies = lambda path: json.dumps(pages[path]).encode()
    assert [event["number"] for event in server.client().events(3)] == [4, 6, 9]


def test_a_stream_is_told_until_its_end(server: Scripted) -> None:
    text = 'id: 4\nevent: event\ndata: {"number": 4}\n\nevent: status\ndata: {"x": "ü"}\n\n'
    server.bodies = lambda _path: text.encode()
    assert list(server.client().stream(3)) == [("event", {"number": 4}), ("status", {"x": "ü"})]


def test_a_stream_that_is_refused_is_an_error(server: Scripted) -> None:
    server.status = 401
    server.bodies = lambda _path: b'{"error": {"message": "a token is needed"}}'
    with pytest.raises(InputError, match="a token is needed"):
        list(server.client().stream(0))


def test_without_a_daemon_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="start one with heddle up --state"):
        client_of(tmp_path / "nothing")
