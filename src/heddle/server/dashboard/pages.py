"""The files of the dashboard, by the paths under which the daemon serves them.

No build step and nothing from elsewhere: what is in ``static`` is what browsers get.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_STATIC = Path(__file__).with_name("static")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Page(NamedTuple):
    """A file, and what it is."""

    content: bytes
    content_type: str


def pages() -> dict[str, Page]:
    """Return every file by its path: ``/`` and ``/static/NAME``."""
    found = {
        f"/static/{path.name}": Page(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(_STATIC.iterdir())
    }
    return {"/": found["/static/index.html"], **found}
