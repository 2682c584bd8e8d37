"""The logs of instances: where they are, how they end, and how many are kept.

``launch`` has processes write to them and quotes their ends; the agent's socket shows them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from heddle.errors import HostError

#: Of one service; an instance that dies in a loop would fill the disk with them.
MAX_KEPT = 20
_MAX_TAIL_BYTES = 1 << 20
_QUOTED_LINES = 8
_MAX_QUOTED = 1500
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


class Logs:
    """The folder ``services``: one folder a service, one file a start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, service: str, name: str) -> Path:
        """Return the log of one start, its folder made; HostError when that cannot be."""
        folder = self._folder / _file_name(service)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise HostError(f"{folder}: cannot be made: {reason}", is_retryable=True) from error
        return folder / f"{name}.log"

    def where(self, service: str, name: str) -> Path:
        """Return where the log of a start is, or would be."""
        return self._folder / _file_name(service) / f"{name}.log"

    def prune(self, service: str) -> None:
        """Remove the oldest logs of a service."""
        for path in self._of(self._folder / _file_name(service))[:-MAX_KEPT]:
            path.unlink(missing_ok=True)

    def latest(self, service: str) -> Path | None:
        """Return the log of a service that was written to last."""
        found = self._of(self._folder / _file_name(service))
        return found[-1] if found else None

    def of_instance(self, name: str) -> Path | None:
        """Return the log of an instance, also when it is gone; the name is only compared."""
        for folder in sorted(self._folder.glob("*/")):
            for path in self._of(folder):
                if path.name == f"{name}.log":
                    return path
        return None

    @staticmethod
    def _of(folder: Path) -> list[Path]:
        """Return the logs of a service, the oldest first."""
        found = []
        for path in folder.glob("*.log"):
            try:
                found.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
        return [path for _, path in sorted(found)]


def last_lines(path: Path, num_lines: int) -> list[str]:
    """Return the last lines of a log as text without control characters."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MAX_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [_CONTROLS.sub(" ", line) for line in text.splitlines()[-num_lines:]]


def quoted_end(path: Path) -> str:
    """Return the end of a log as part of a sentence."""
    lines = [line.strip() for line in last_lines(path, _QUOTED_LINES)]
    text = " | ".join(line for line in lines if line)
    if not text:
        return f"it wrote nothing to {path}"
    return f"its last lines: {text[-_MAX_QUOTED:]} (all in {path})"


def _file_name(service: str) -> str:
    """Return a service's name as a folder's, another one for every service."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02x}", service)
