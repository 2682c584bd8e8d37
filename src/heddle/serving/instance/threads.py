"""Work of seconds, such as loading a network, beside the event loop of an instance."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run something in a thread that nobody waits for when the process is to end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        # The loop is closed when the process is to end.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if ended.done() else settled())

    def body() -> None:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 (it is raised again where it is awaited)
            failure = error
            settle(lambda: ended.set_exception(failure))
        else:
            settle(lambda: ended.set_result(found))

    threading.Thread(target=body, name="opening", daemon=True).start()
    return ended
