"""The one thread that owns a backend: it opens it, calls the desk, lets the device go on.

A board is not for several threads, so every other thread hands its calls over. Between calls the
thread waits in ``advance``; a device that can be interrupted there takes the next call at once,
others within a short slice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from heddle.errors import HeddleError, HostError
from heddle.runtime.core.backend import Backend
from heddle.runtime.local.desk import Desk

T = TypeVar("T")

_SLICE_NS: Final = 2_000_000
_LONG_SLICE_NS: Final = 500_000_000
#: Virtual time is let go on so often while work waits that the policy never runs.
_NOTHING_ENDED_S: Final = 0.01
_JOIN_S: Final = 10.0


@runtime_checkable
class Interruptible(Protocol):
    """A device whose ``advance`` another thread can make return."""

    def interrupt(self) -> None:
        """Lets ``advance`` return now, or when it is called next."""


class _Call(Generic[T]):
    """Something to do with the desk, and where its result goes."""

    def __init__(self, work: Callable[[Desk], T]) -> None:
        self._work = work
        self.future: Future[T] = Future()

    def do(self, desk: Desk) -> None:
        """Does it, unless nobody wants it any more."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._work(desk)
        except HeddleError as error:
            self.future.set_exception(error)
        except BaseException as error:
            self.future.set_exception(error)
            raise  # a mistake of ours: the thread ends, and whoever watches it hears why
        else:
            self.future.set_result(result)

    def refuse(self) -> None:
        """It is never done."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(HostError("the runtime is ending", is_retryable=True))


class Owner:
    """A thread with a backend, and the desk of it.

    Parameters
    ----------
    open_backend
        Opens the device; called in the thread. Calls wait until it is open.
    limit_s
        As for :class:`~heddle.runtime.local.desk.Desk`.
    """

    def __init__(self, open_backend: Callable[[], Backend], limit_s: float = 0.0) -> None:
        self._open_backend = open_backend
        self._limit_s = limit_s
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        self._is_closing = False
        self._num_ended = 0
        # What stands between a call and the end of the device that it would interrupt.
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] = _nothing
        self._is_over = False
        #: Set once the device is open.
        self.is_open = threading.Event()
        #: Resolved when the thread is over; fails with what ended it, or kept the device shut.
        self.is_ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="heddle-owner", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[Desk], T]) -> Future[T]:
        """Has the thread do something with the desk; the future has what it returned or raised.

        Calls are done in the order in which they were handed over; one whose future was cancelled
        before its turn is left out.
        """
        call = _Call(work)
        with self._lock:
            if self._is_over:
                call.refuse()
            else:
                self._calls.put(call)
                self._interrupt()
        return call.future

    def close(self) -> None:
        """Ends the thread and closes the device; may be called again."""
        with self._lock:
            self._is_closing = True
            self._calls.put(None)
            self._interrupt()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            self._live()
        except BaseException as error:  # noqa: BLE001 (told to who watches the thread)
            self._refuse_the_rest()
            self.is_ended.set_exception(error)
        else:
            self.is_ended.set_result(None)

    def _live(self) -> None:
        backend = self._open_backend()
        if isinstance(backend, Interruptible):
            self._interrupt = backend.interrupt
        try:
            self.is_open.set()
            self._serve(Desk(backend, self._limit_s))
        finally:
            self._refuse_the_rest()
            backend.close()

    def _serve(self, desk: Desk) -> None:
        while not self._is_closing:
            # 1. What other threads want of the desk, as much as there is.
            self._do_calls(desk)
            if len(desk.tasks) == 0 or self._is_closing:
                continue
            # 2. The device goes on until a task is over, a call comes, or for a slice.
            _advance(desk)
            # 3. What is over is told; a device that is stuck or lost ends everything.
            self._num_ended = desk.collect()
            desk.look()

    def _do_calls(self, desk: Desk) -> None:
        try:
            call = self._first_call(desk)
            while call is not None:
                call.do(desk)
                call = self._calls.get_nowait()
        except queue.Empty:
            return

    def _first_call(self, desk: Desk) -> _Call[Any] | None:
        if len(desk.tasks) == 0:
            return self._calls.get()
        if self._num_ended == 0 and desk.backend.label != "measured":
            return self._calls.get(timeout=_NOTHING_ENDED_S)
        return self._calls.get_nowait()

    def _refuse_the_rest(self) -> None:
        with self._lock:
            self._is_over = True
            self._interrupt = _nothing
        while not self._calls.empty():
            call = self._calls.get_nowait()
            if call is not None:
                call.refuse()


def _nothing() -> None:
    """A device that cannot be interrupted comes back by itself."""


def _advance(desk: Desk) -> None:
    backend = desk.backend
    is_short = backend.label == "measured" and not isinstance(backend, Interruptible)
    try:
        backend.advance(backend.now_ns() + (_SLICE_NS if is_short else _LONG_SLICE_NS))
    except HostError:
        desk.look()
        if desk.health.is_healthy:
            raise
