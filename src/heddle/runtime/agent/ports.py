"""Free ports of this machine for instances to listen at."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

from heddle.errors import HostError

_HOST = "127.0.0.1"
_MAX_TRIES = 100


def free_port(avoid: Collection[int]) -> int:
    """Return a port that nobody listens at and that is not among those to avoid.

    Another process may take it before it is used; who uses it has to expect that.
    """
    for _ in range(_MAX_TRIES):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((_HOST, 0))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise HostError(f"no port is free: {reason}", is_retryable=True) from error
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port
    raise HostError("no port is free that no instance has", is_retryable=True)


def is_taken(port: int) -> bool:
    """Whether somebody listens at a port; connections that linger there do not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
