"""Whether a server on this machine says that it is ready: one small GET, no library."""

from __future__ import annotations

import asyncio
import contextlib

#: A server that takes a connection and says nothing is not ready.
_PATIENCE_S = 2.0


async def is_ready(port: int, path: str) -> bool:
    """Whether 127.0.0.1:``port`` answers 200 to a GET of a path."""
    request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request.encode())
            status_line = await reader.readline()
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    return status_line.split(b" ", 2)[1:2] == [b"200"]
