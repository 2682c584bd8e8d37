"""What is asked: a few different requests, and how to know that an answer is right.

``payloads`` makes them of a network's metadata; ``open_loop`` sends them in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from heddle.serving.load.connection import Address, Answer

#: Whether an answer is the right one for its request.
Check = Callable[[Answer], bool]


class Request(NamedTuple):
    """The bytes of an HTTP request, and the check of its answer (None: any 200)."""

    wire: bytes
    check: Check | None = None

    def is_right(self, answer: Answer) -> bool:
        """Whether this answer counts."""
        return answer.status == 200 and (self.check is None or self.check(answer))


def http_request(
    method: str, path: str, address: Address, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """Return a whole HTTP/1.1 request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"host: {address.host}:{address.port}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if body or method == "POST":
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def in_turn(requests: Sequence[Request], number: int) -> Request:
    """Return the request that the arrival of that number asks."""
    return requests[number % len(requests)]
