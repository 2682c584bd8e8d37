"""The daemon's folder: where everything lies, and who runs on it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cluster.json_object import load_json
from heddle.cluster.line_server import require_address
from heddle.errors import HeddleError, InputError, Location
from heddle.runtime.process import ProcessId, is_alive

_TOKEN_BYTES = 32
_MAX_PID = 1 << 40
_FOLDERS = ("run", "router", "instances", "logs", "workloads")


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon as ``daemon.json`` has it; its certificate when it speaks TLS."""

    process: ProcessId
    url: str
    token_file: str
    certificate: Path | None = None


class StateFolder:
    """Paths in one folder.

    Parameters
    ----------
    path
        Made, with what is in it, by :meth:`prepare`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def ledger(self) -> Path:
        """The daemon's ledger."""
        return self.path / "heddle.db"

    @property
    def node_ledger(self) -> Path:
        """The node agent's book."""
        return self.path / "node.db"

    @property
    def agent_socket(self) -> Path:
        """Where the node agent listens."""
        return self.path / "run" / "agent.sock"

    @property
    def router_socket(self) -> Path:
        """Where the router is controlled."""
        return self.path / "run" / "router.sock"

    @property
    def runtime_socket(self) -> Path:
        """Where the local runtime listens, if there is one."""
        return self.path / "run" / "runtime.sock"

    @property
    def token_file(self) -> Path:
        """The secret of the API."""
        return self.path / "token"

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.path / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make what is missing.

        Raises
        ------
        InputError
            It cannot be written, or its path is too long for sockets.
        """
        require_address(self.agent_socket)
        require_address(self.router_socket)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in _FOLDERS:
                (self.path / name).mkdir(exist_ok=True)
            if not self.token_file.exists():
                self._write_token()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"cannot keep state here: {reason}", Location(self.path)) from error

    def token(self) -> str:
        """Return the secret; InputError when it cannot be read."""
        try:
            return self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"cannot read the token: {error}", Location(self.token_file)
            ) from error

    def write_daemon(self, daemon: RunningDaemon) -> None:
        """Say who runs here."""
        members = {
            "pid": daemon.process.pid,
            "start_ticks": daemon.process.start_ticks,
            "url": daemon.url,
            "token_file": daemon.token_file,
            "certificate": str(daemon.certificate or ""),
        }
        write_text(self._daemon_file, json.dumps(members) + "\n")

    def forget_daemon(self) -> None:
        """Say that nobody runs here."""
        self._daemon_file.unlink(missing_ok=True)

    def keep_agent_options(self, words: Sequence[str]) -> None:
        """Remember how the node agent is started, for :mod:`heddle.server.leftovers`."""
        write_text(self.path / "agent.json", json.dumps({"words": list(words)}) + "\n")

    def agent_options(self) -> list[str]:
        """Return the words with which the node agent was started last."""
        try:
            return list(load_json(self.path / "agent.json", 1).words("words"))
        except HeddleError:
            return []

    def daemon(self) -> RunningDaemon | None:
        """Return the daemon that runs here, if one does."""
        said = self._said()
        if said is None or not is_alive(said.process):
            return None
        return said

    def was_running(self) -> bool:
        """Whether a daemon ran here and did not say that it ended."""
        return self._daemon_file.exists()

    @property
    def _daemon_file(self) -> Path:
        return self.path / "daemon.json"

    def _said(self) -> RunningDaemon | None:
        try:
            entry = load_json(self._daemon_file, 1)
            process = ProcessId(
                entry.integer("pid", 1, _MAX_PID), entry.integer("start_ticks", 0, _MAX_PID)
            )
            certificate = entry.sentence("certificate")
            return RunningDaemon(
                process,
                entry.text("url"),
                entry.sentence("token_file"),
                Path(certificate) if certificate else None,
            )
        except HeddleError:
            return None

    def _write_token(self) -> None:
        descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
