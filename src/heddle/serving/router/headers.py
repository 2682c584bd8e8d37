"""Headers of HTTP messages as they are passed on: without those of one connection only.

``request`` and ``answer`` write messages with it (RFC 9110, section 7.6.1).
"""

from __future__ import annotations

from collections.abc import Sequence

Header = tuple[bytes, bytes]

#: Always of one connection only. The router frames bodies itself, and asks for them
#: itself, so that lengths and expectations end here too.
_OF_ONE_CONNECTION = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate",
        b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade",
        b"http2-settings", b"content-length", b"expect",
    }
)  # fmt: skip


def passed_on(headers: Sequence[Header], besides: frozenset[bytes] = frozenset()) -> list[bytes]:
    """Return the lines of the headers that are passed on.

    Parameters
    ----------
    headers
        Names in small letters with values.
    besides
        More names to leave out.
    """
    left_out = _OF_ONE_CONNECTION | besides
    for name, value in headers:
        if name == b"connection":
            left_out |= named_in(value)
    return [b"%b: %b\r\n" % header for header in headers if header[0] not in left_out]


def named_in(value: bytes) -> frozenset[bytes]:
    """Return the words of a list in a header, in small letters."""
    return frozenset(word.strip().lower() for word in value.split(b",") if word.strip())


def values_of(headers: Sequence[Header], name: bytes) -> list[bytes]:
    """Return the values of all headers of a name, in their order."""
    return [value for found, value in headers if found == name]
