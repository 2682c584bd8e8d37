"""The daemon's API from Python's standard library: what the command line uses."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from heddle.errors import HostError, InputError, NoPlanError
from heddle.server.state_folder import StateFolder

_SILENCE_S = 180.0
_REFUSED = {
    400: InputError,
    404: InputError,
    413: InputError,
    415: InputError,
    422: InputError,
    401: InputError,
    421: InputError,
    409: NoPlanError,
}


class DaemonClient:
    """Asks one daemon.

    Parameters
    ----------
    url
        ``http://127.0.0.1:8765``.
    token
        The secret, where one is needed.
    certificate
        The daemon's own, for TLS: whoever has it is believed, whatever name it has. None
        believes what this machine believes (``SSL_CERT_FILE``).
    """

    def __init__(self, url: str, token: str = "", certificate: Path | None = None) -> None:
        self.url = url
        self._token = token
        self._certificate = certificate
        self._is_tls, self._host, self._port = _address(url)

    def status(self) -> dict[str, Any]:
        """Return the state of the machine."""
        return self._asked("GET", "/v1/status")

    def apply(
        self, files: Mapping[str, str], workload: str, links: Mapping[str, str], *, is_dry_run: bool
    ) -> dict[str, Any]:
        """Apply a workload; with a dry run only plan it."""
        body = {"files": files, "workload": workload, "links": links, "dry_run": is_dry_run}
        return self._asked("POST", "/v1/apply", body)

    def carry_out(self, transition: Mapping[str, Any], *, is_dry_run: bool) -> dict[str, Any]:
        """Carry out a transition file."""
        return self._asked(
            "POST", "/v1/transitions", {"transition": transition, "dry_run": is_dry_run}
        )

    def abort(self, move: str) -> dict[str, Any]:
        """Let a transition lead back."""
        return self._asked("POST", f"/v1/transitions/{quote(move, safe='')}/abort", {})

    def suspend(self, service: str) -> dict[str, Any]:
        """Free a service's instances."""
        return self._asked("POST", f"/v1/services/{quote(service, safe='')}/suspend", {})

    def resume(self, service: str) -> dict[str, Any]:
        """Bring them back."""
        return self._asked("POST", f"/v1/services/{quote(service, safe='')}/resume", {})

    def logs(self, kind: str, name: str, num_lines: int) -> dict[str, Any]:
        """Return the end of the log of one of ``services`` or ``instances``."""
        return self._asked("GET", f"/v1/{kind}/{quote(name, safe='')}/logs?lines={num_lines}")

    def events(self, after: int) -> list[dict[str, Any]]:
        """Return the events with a number above ``after``."""
        found: list[dict[str, Any]] = []
        while True:
            query = urlencode({"after": found[-1]["number"] if found else after})
            page = self._asked("GET", f"/v1/events?{query}")
            found += page["events"]
            if not page["events"] or found[-1]["number"] >= page["last"]:
                return found

    def stream(self, after: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the kind and members of everything that is told, until the daemon ends."""
        connection = self._connected(60.0)
        headers = {**self._headers(), "Last-Event-ID": str(after)}
        try:
            connection.request("GET", "/v1/stream", headers=headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                self._understood(answer.status, answer.read().decode("utf-8", "replace"))
            kind = ""
            for raw in answer:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield kind, json.loads(line.removeprefix("data: "))
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def shut_down(self) -> None:
        """Take everything down."""
        self._asked("POST", "/v1/shutdown", {})

    def _asked(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        connection = self._connected(_SILENCE_S)
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, path, content, self._headers())
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        return self._understood(answer.status, text)

    def _understood(self, status: int, text: str) -> dict[str, Any]:
        members = _members(text)
        if members is not None and status < 300:
            return members
        try:
            message = str((members or {})["error"]["message"])
        except (KeyError, TypeError) as error:
            raise HostError(f"{self.url}: said something else: status {status}") from error
        raise _REFUSED.get(status, HostError)(message)

    def _connected(self, silence_s: float) -> http.client.HTTPConnection:
        if not self._is_tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=silence_s)
        trusted = self._trusted()
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=silence_s, context=trusted
        )

    def _trusted(self) -> ssl.SSLContext:
        if self._certificate is None:
            return ssl.create_default_context()
        try:
            trusted = ssl.create_default_context(cafile=str(self._certificate))
        except OSError as error:
            raise HostError(f"cannot read {self._certificate}: {error}") from error
        # A certificate of an authority, in whose place stands the daemon's own.
        trusted.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        trusted.check_hostname = False
        return trusted

    def _headers(self) -> dict[str, str]:
        more = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Content-Type": "application/json", **more}

    def _unreachable(self, error: Exception) -> HostError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, TimeoutError | socket.timeout):
            reason = "it does not answer"
        return HostError(f"{self.url}: {(reason or type(error).__name__).lower()}")


def _members(text: str) -> dict[str, Any] | None:
    """Return the object that a text spells; None when it spells none."""
    try:
        members = json.loads(text)
    except ValueError:
        return None
    return members if isinstance(members, dict) else None


def _address(url: str) -> tuple[bool, str, int]:
    """Return whether it is TLS, the host, and the port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https"):
        raise InputError(f"expected a URL such as http://127.0.0.1:8765, found {url!r}")
    is_tls = parts.scheme == "https"
    return is_tls, host, port or (443 if is_tls else 80)


def client_of(state: Path) -> DaemonClient:
    """Return a client of the daemon on a state folder; HostError when none runs there."""
    folder = StateFolder(state)
    daemon = folder.daemon()
    if daemon is None:
        raise HostError(f"no daemon runs on {state}; start one with heddle up --state {state}")
    token = folder.token() if daemon.token_file else ""
    return DaemonClient(daemon.url, token, daemon.certificate)
