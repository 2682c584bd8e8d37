"""Whether what was written to a connection had reached the other end.

``instance_connection`` asks when a connection has ended without an answer: bytes that
the peer's system never acknowledged cannot have been executed. Linux keeps the count
after a reset (``SIOCOUTQ``: ``write_seq - snd_una`` in tcp_ioctl).
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios

_INT = struct.Struct("i")


def num_undelivered_bytes(transport: asyncio.WriteTransport) -> int:
    """Return how many written bytes the peer has not acknowledged; 0 when unknown.

    0 is the careful answer: all may have arrived, and have been executed.
    """
    waiting = transport.get_write_buffer_size()
    socket = transport.get_extra_info("socket")
    if socket is None:
        return waiting
    try:
        answer = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(_INT.size))
    except (OSError, ValueError):
        return waiting
    return waiting + int(_INT.unpack(answer)[0])
