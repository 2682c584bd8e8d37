"""A scripted daemon for the dashboard: its files, and states and events as a test says.

It speaks what the page needs of the daemon's API, under the same security headers, and
it can die and come back at the same address, as a daemon does.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from heddle.server.api.guard import _HEADERS
from heddle.server.dashboard.pages import pages

_LOGS = re.compile(r"/v1/instances/([^/]+)/logs")
_SAY_AT_LEAST_S = 5.0


class DashboardServer:
    """A daemon that says what it is told to say.

    Attributes
    ----------
    status
        What ``/v1/status`` answers; set by :meth:`publish`.
    events
        All events so far.
    logs
        Lines of an instance's log by its name.
    token
        What a request has to carry; None lets everybody in.
    """

    def __init__(self, status: Mapping[str, Any], token: str | None = None) -> None:
        self.status = dict(status)
        self.events: list[dict[str, Any]] = []
        self.logs: dict[str, list[str]] = {}
        self.token = token
        self.num_streams = 0
        self.pages = pages()
        self.news = threading.Condition()
        self.version = 0
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it is, also while it is down."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Come up; at the same port as before, if there was one."""
        self._http = _Http(("127.0.0.1", self._port), self)
        self._port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Go down; every open stream breaks."""
        http, self._http = self._http, None
        if http is None or self._thread is None:
            return
        http.is_ending.set()
        with self.news:
            self.news.notify_all()
        http.shutdown()
        self._thread.join()
        http.server_close()

    def publish(self, status: Mapping[str, Any]) -> None:
        """Let all pages know a new state."""
        with self.news:
            self.status = {**status, "last_event": self.last_event}
            self.version += 1
            self.news.notify_all()

    def tell(self, kind: str, message: str, reason: str = "asked_for", **where: str) -> None:
        """Let all pages know an event."""
        with self.news:
            event = {"number": self.last_event + 3, "at_unix_s": 1.76e9 + len(self.events)}
            self.events.append(
                {**event, "kind": kind, "reason": reason, "message": message, **where}
            )
            self.status["last_event"] = self.last_event
            self.news.notify_all()

    @property
    def last_event(self) -> int:
        """The number of the last event, 0 before the first."""
        return int(self.events[-1]["number"]) if self.events else 0


@contextmanager
def serving(status: Mapping[str, Any], token: str | None = None) -> Iterator[DashboardServer]:
    """Run a scripted daemon for the time of a block."""
    server = DashboardServer(status, token)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Http(ThreadingHTTPServer):
    """The listener; its threads end with it."""

    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], daemon: DashboardServer) -> None:
        self.daemon = daemon
        self.is_ending = threading.Event()
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: _Http

    def do_GET(self) -> None:
        """Answer."""
        daemon = self.server.daemon
        address = urlsplit(self.path)
        page = daemon.pages.get(address.path)
        if page is not None:
            self._answer(200, page.content, page.content_type)
        elif not self._is_known(daemon.token):
            self._json(401, {"error": {"message": "a token is needed"}})
        elif address.path == "/v1/status":
            self._json(200, daemon.status)
        elif address.path == "/v1/events":
            self._events(parse_qs(address.query))
        elif address.path == "/v1/stream":
            self._stream()
        else:
            self._logs(address.path)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def _is_known(self, token: str | None) -> bool:
        return token is None or self.headers["Authorization"] == f"Bearer {token}"

    def _events(self, query: Mapping[str, list[str]]) -> None:
        daemon = self.server.daemon
        after, limit = int(query["after"][0]), int(query["limit"][0])
        found = [event for event in daemon.events if event["number"] > after][:limit]
        self._json(200, {"events": found, "last": daemon.last_event})

    def _logs(self, path: str) -> None:
        match = _LOGS.fullmatch(path)
        name = unquote(match[1]) if match else ""
        lines = self.server.daemon.logs.get(name)
        if lines is None:
            self._json(404, {"error": {"message": f"{path} has no log"}})
            return
        self._json(200, {"file": f"/state/logs/{name}.log", "lines": lines})

    def _stream(self) -> None:
        daemon = self.server.daemon
        after, version = int(self.headers.get("Last-Event-ID", daemon.last_event)), -1
        self._begin(200, "text/event-stream")
        with daemon.news:
            daemon.num_streams += 1
        while not self.server.is_ending.is_set():
            with daemon.news:
                events = [event for event in daemon.events if event["number"] > after]
                if not events and version == daemon.version:
                    daemon.news.wait(_SAY_AT_LEAST_S)
                    continue
                version, status = daemon.version, dict(daemon.status)
            try:
                for event in events:
                    after = event["number"]
                    self.wfile.write(f"id: {after}\nevent: event\n{_data(event)}".encode())
                self.wfile.write(f"event: status\n{_data(status)}".encode())
            except OSError:
                return  # the page is gone

    def _json(self, code: int, members: Mapping[str, Any]) -> None:
        self._answer(code, json.dumps(members).encode(), "application/json")

    def _answer(self, code: int, content: bytes, content_type: str) -> None:
        self._begin(code, content_type)
        self.wfile.write(content)

    def _begin(self, code: int, content_type: str) -> None:
        self.send_response(code)
        self.send_header("content-type", content_type)
        for name, value in _HEADERS:
            self.send_header(name.decode(), value.decode())
        self.end_headers()


def _data(members: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(members)}\n\n"
