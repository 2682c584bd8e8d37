"""A request as a client sent it, whole, and as it is sent to an instance.

``request_reader`` makes it; an ``exchange`` may send it to more than one instance, each
time with the same bytes but for the deadline, of which waiting has used a part.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from heddle.serving.router.headers import Header, passed_on, values_of

#: Milliseconds from its arrival within which a request is worth answering.
DEADLINE_HEADER = b"heddle-deadline-ms"
_FORWARDED_FOR = b"x-forwarded-for"
_REWRITTEN = frozenset({DEADLINE_HEADER, _FORWARDED_FOR})
#: Methods whose requests have a length even when it is nought (RFC 9110, section 8.6).
_WITH_BODY = frozenset({b"POST", b"PUT", b"PATCH"})
_MAX_DEADLINE_MS = 1e9


@dataclass(slots=True)
class Request:
    """One request.

    Attributes
    ----------
    method, target
        As they came.
    headers
        Names in small letters with values, in their order.
    body
        Whole.
    is_http_10
        The client speaks HTTP/1.0: it does not know chunks.
    keeps_alive
        The client will use its connection again.
    peer
        The client's address.
    """

    method: bytes
    target: bytes
    headers: list[Header]
    body: bytes
    is_http_10: bool
    keeps_alive: bool
    peer: bytes = b""
    _head: bytes = field(default=b"", init=False)

    @property
    def is_head(self) -> bool:
        """Whether the answer has no body, whatever its length says."""
        return self.method == b"HEAD"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition(b"?")[0].decode("latin-1")

    @property
    def deadline_ms(self) -> float | None:
        """How long the client gives, from the arrival; None when it does not say."""
        values = values_of(self.headers, DEADLINE_HEADER)
        try:
            stated_ms = float(values[0]) if values else _MAX_DEADLINE_MS
        except ValueError:
            return None
        return stated_ms if 0.0 <= stated_ms < _MAX_DEADLINE_MS else None

    def for_instance(self, remaining_ms: float | None) -> bytes:
        """Return it as an instance is sent it, with what is left of the deadline."""
        self._head = self._head or self._written()
        deadline = b""
        if remaining_ms is not None:
            deadline = b"%b: %.3f\r\n" % (DEADLINE_HEADER, max(0.0, remaining_ms))
        return b"".join([self._head, deadline, b"\r\n", self.body])

    def _written(self) -> bytes:
        hops = [*values_of(self.headers, _FORWARDED_FOR), self.peer]
        lines = passed_on(self.headers, _REWRITTEN)
        if self.body or self.method in _WITH_BODY:
            lines.append(b"content-length: %d\r\n" % len(self.body))
        lines.append(b"%b: %b\r\n" % (_FORWARDED_FOR, b", ".join(hops)))
        return b"%b %b HTTP/1.1\r\n%b" % (self.method, self.target, b"".join(lines))
