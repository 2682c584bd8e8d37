"""Threads that hold the interpreter lock while a round runs: is preemption slower for it?"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator
from typing import Final

_HELD_US = 50_000


def _sleep_with_lock(stop: threading.Event) -> None:
    library = ctypes.PyDLL(None)  # its calls keep the lock
    while not stop.is_set():
        library.usleep(_HELD_US)


def _compute_with_lock(stop: threading.Event) -> None:
    total = 0
    while not stop.is_set():
        total += sum(range(10_000))


#: Who holds the lock: nobody; a thread that sleeps with it for 50 ms at a time, without using a
#: core; a thread that computes, which also takes time from the dispatcher's core.
HOLDERS: Final[dict[str, Callable[[threading.Event], None] | None]] = {
    "nobody": None,
    "50 ms at a time": _sleep_with_lock,
    "computing": _compute_with_lock,
}


@contextlib.contextmanager
def lock_held_by(name: str) -> Iterator[None]:
    """Holds the lock as ``HOLDERS`` says while the body runs."""
    hold = HOLDERS[name]
    if hold is None:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=hold, args=(stop,), name="lock-holder", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
