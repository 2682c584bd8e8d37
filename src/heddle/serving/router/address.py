"""The TCP port of one service: open for as long as the service is known.

``table`` opens and closes it; connections that come become ``client_connection``s.
"""

from __future__ import annotations

import asyncio

from heddle.errors import HostError
from heddle.serving.router.client_connection import ClientConnection
from heddle.serving.router.gate import Gate
from heddle.serving.router.routed_service import RoutedService

_BACKLOG = 1024


class Address:
    """One port.

    Attributes
    ----------
    service
        What is served there now.
    port
        Of the host.
    is_closed
        Nobody is let in any more.
    """

    def __init__(self, service: RoutedService, port: int, gate: Gate) -> None:
        self.service = service
        self.port = port
        self.is_closed = False
        self._gate = gate
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    async def open(self, host: str) -> None:
        """Let clients in; HostError, which may pass, when the port cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: ClientConnection(self, self._gate), host, self.port, backlog=_BACKLOG
            )
        except OSError as error:
            name = self.service.spec.name
            raise HostError(
                f"port {self.port} of {host}, the address of service {name!r}, cannot be opened:"
                f" {_reason(error)}; end the process that has it, or give the service another port",
                is_retryable=True,
            ) from error

    def close(self) -> None:
        """Let nobody in; connections that do nothing are closed. May be called again."""
        self.is_closed = True
        if self._server is not None:
            self._server.close()
            self._server = None


def _reason(error: OSError) -> str:
    """Return the system's words; uvloop and asyncio put an address around them."""
    text = error.strerror or str(error)
    return text.rpartition(": ")[2].lower()
