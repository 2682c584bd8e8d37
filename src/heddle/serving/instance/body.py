"""Reads the body of a request, up to a limit, and unpacks it where it is packed.

``application`` calls :func:`read_body`.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from heddle.errors import InputError
from heddle.serving.instance.reply import RejectedError

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

#: Of zlib: gzip's frame, and zlib's own.
_WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}


class ClientGoneError(Exception):
    """Nobody waits for the reply any more."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], max_bytes: int) -> bytes:
    """Return the whole body, unpacked.

    Raises
    ------
    RejectedError
        It is larger than ``max_bytes``, packed or not, or packed in another way than gzip
        or deflate.
    InputError
        It cannot be unpacked.
    ClientGoneError
        The client went away in the middle.
    """
    if int(headers.get(b"content-length", b"0")) > max_bytes:
        raise _too_large(max_bytes)
    packing = headers.get(b"content-encoding", b"identity").lower()
    if packing != b"identity" and packing not in _WINDOWS:
        word = packing.decode("latin-1")
        raise RejectedError(415, f"expected a content-encoding of gzip or deflate, found {word!r}")
    body = await _received(receive, max_bytes)
    return body if packing == b"identity" else _unpacked(body, packing, max_bytes)


async def _received(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    num_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        chunks.append(chunk)
        num_bytes += len(chunk)
        if num_bytes > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _unpacked(body: bytes, packing: bytes, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_WINDOWS[packing])
    try:
        found = unpacker.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise InputError(f"the body is not {packing.decode()}: {error}") from error
    if len(found) > max_bytes:
        raise _too_large(max_bytes)
    if not unpacker.eof:
        raise InputError(f"the {packing.decode()} of the body ends in the middle")
    return found


def _too_large(max_bytes: int) -> RejectedError:
    message = f"the body is larger than {max_bytes} bytes, which is the limit here"
    return RejectedError(413, message)
