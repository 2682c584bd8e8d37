"""The last lines of a log, for error messages and for ``heddle logs``."""

from __future__ import annotations

import os
from pathlib import Path

_LINE_BYTES = 400


def last_lines(path: Path, num_lines: int) -> list[str]:
    """Return at most so many lines from the end of a file; none when it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - num_lines * _LINE_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return lines[-num_lines:]
