"""What compiled threads need of the system: addresses of C functions, event descriptors.

Made when the device opens and closed after its threads have ended; ``workshop.Calls`` carries the
numbers into compiled code.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct

import numpy as np

from heddle.runtime.workers.workshop import LINE, ONE, POLLED, Calls

_POLLFD = "ihh"  # descriptor, what is asked for, what is told


class Wires:
    """Event descriptors of one device and the addresses of what its loops call.

    Parameters
    ----------
    num_workers
        One descriptor is made for each, one for the dispatcher, one for clients.
    """

    def __init__(self, num_workers: int) -> None:
        self._library = ctypes.CDLL(None, use_errno=False)
        self._descriptors = [_new_event() for _ in range(num_workers + 2)]
        self.wakers = np.array(self._descriptors[:num_workers], dtype=np.int64)
        self.scratch = np.zeros((num_workers + 1) * LINE, dtype=np.int64)
        dispatcher_event, self._client_event = self._descriptors[num_workers:]
        self.scratch[num_workers * LINE + ONE] = 1
        struct.pack_into(
            _POLLFD,
            self.scratch.data,
            (num_workers * LINE + POLLED) * 8,
            dispatcher_event,
            select.POLLIN,
            0,
        )
        self.calls = Calls(
            clock=self._address("clock_gettime"),
            read=self._address("read"),
            write=self._address("write"),
            poll=self._address("poll"),
            dispatcher_event=dispatcher_event,
            client_event=self._client_event,
            scratch=self.scratch.ctypes.data,
        )

    def wake_dispatcher(self) -> None:
        """Rings the dispatcher, whether it sleeps or not."""
        os.eventfd_write(self.calls.dispatcher_event, 1)

    def wake_client(self) -> None:
        """Wakes the client that waits, or the next one that would."""
        os.eventfd_write(self._client_event, 1)

    def wake_everybody(self) -> None:
        """Rings every thread and every client that waits."""
        for descriptor in self._descriptors:
            os.eventfd_write(descriptor, 1)

    def wait_for_end(self, limit_ms: float) -> None:
        """Sleeps until the dispatcher tells clients something, ``limit_ms`` at most."""
        waiter = select.poll()
        waiter.register(self._client_event, select.POLLIN)
        if waiter.poll(limit_ms):
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._client_event)

    def close(self) -> None:
        """Closes the descriptors; no thread may use them any more. Again is harmless."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _address(self, name: str) -> int:
        address = ctypes.cast(getattr(self._library, name), ctypes.c_void_p).value
        assert address is not None  # noqa: S101 (a function of the C library has one)
        return address


def _new_event() -> int:
    return os.eventfd(0, os.EFD_CLOEXEC)
