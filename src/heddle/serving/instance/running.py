"""The life of an instance: listen, load, serve, drain, end.

``__main__`` calls :func:`run`. What clients see is in ``application``.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from heddle.clock import WallClock
from heddle.errors import HostError
from heddle.serving.batching.batcher import Batcher, BatchPlan
from heddle.serving.batching.worker import worker_of
from heddle.serving.engines.sharing import SharedDevice
from heddle.serving.instance.application import Application
from heddle.serving.instance.guests import Guests
from heddle.serving.instance.log import say
from heddle.serving.instance.opening import OpenedEngines, open_engines
from heddle.serving.instance.order import InstanceOrder
from heddle.serving.instance.threads import in_thread

_HOST = "127.0.0.1"
_BACKLOG = 1024
#: The router keeps connections open and ends them itself: an end that comes from here
#: could cross a request on its way.
_KEEP_ALIVE_S = 86_400
#: For clients that do not read their replies.
_LINGER_S = 2


class _HttpServer(uvicorn.Server):
    """uvicorn, except that a signal begins a drain and does not end anything by itself."""

    def __init__(self, config: uvicorn.Config, on_signal: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_signal = on_signal

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's own)
        self._on_signal()


def run(
    order: InstanceOrder, guests_file: Path, new_device: Callable[[], SharedDevice] | None = None
) -> None:
    """Be the instance until SIGTERM or SIGINT; everything begun by then is answered.

    Parameters
    ----------
    order
        What the instance is.
    guests_file
        Names its guests, if it exists; read again at every SIGHUP.
    new_device
        Opens the device that guests share with the instance's own network, when there are
        guests; None where there is none, and guests are refused.

    Raises
    ------
    InputError
        The network cannot be loaded, or does not run.
    HostError
        The port is taken; it may be free later.
    """
    with (
        _bound(order.port) as listening,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        loop.run(_Instance(order, guests_file, new_device).live(listening))


class _Instance:
    """One life."""

    def __init__(
        self,
        order: InstanceOrder,
        guests_file: Path,
        new_device: Callable[[], SharedDevice] | None,
    ) -> None:
        self._order = order
        self._guests_file = guests_file
        self._new_device = new_device
        self._clock = WallClock()

    async def live(self, listening: socket.socket) -> None:
        """Serve on a socket until a signal comes."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        application = Application(self._order, self._clock)

        def on_signal() -> None:
            loop.call_soon_threadsafe(stop.set)

        server = _HttpServer(_config(application), on_signal)
        # 1. Listen: alive, not ready.
        serving: asyncio.Future[None] = asyncio.ensure_future(server.serve([listening]))
        stopping: asyncio.Future[bool] = asyncio.ensure_future(stop.wait())
        try:
            # 2. Load; a signal does not wait for that.
            opening = in_thread(lambda: open_engines(self._order))
            if not await _first(opening, stopping, serving):
                return
            opened = opening.result()
            batcher = self._begin(application, opened)
            # 3. Take in guests, now and whenever that is asked for.
            guests = Guests(self._order, application, opened.engines, self._new_device)
            loop.add_signal_handler(signal.SIGHUP, guests.follow, self._guests_file)
            guests.follow(self._guests_file)
            # 4. Serve until told to stop, then answer what is under way.
            await _first(stopping, serving)
            say(f"{self._order.instance}: draining")
            await application.drain()
            guests.close()
            batcher.close()
        finally:
            # 5. End.
            stopping.cancel()
            server.should_exit = True
            await serving
            say(f"{self._order.instance}: ended")

    def _begin(self, application: Application, opened: OpenedEngines) -> Batcher:
        order = self._order
        plan = BatchPlan(
            batch=opened.batch,
            max_queue=order.service.serving.max_queue,
            slo_ms=order.service.service.latency_ms,
            batch_ms=order.planned.latency_ms,
        )
        workers = [worker_of(engine, self._clock) for engine in opened.engines]
        batcher = Batcher(plan, workers, self._clock, application.counters.note_batch)
        application.begin(opened.signature, batcher, opened.batch)
        say(
            f"{order.instance}: ready, service {order.service.name}, batch {opened.batch}, "
            f"workers {len(workers)}, http://{_HOST}:{order.port}"
        )
        for note in opened.signature.notes:
            say(f"{order.instance}: {note}")
        return batcher


async def _first(wanted: asyncio.Future[Any], *others: asyncio.Future[Any]) -> bool:
    """Wait for any of these; return whether the first is among those that ended."""
    await asyncio.wait({wanted, *others}, return_when=asyncio.FIRST_COMPLETED)
    return wanted.done()


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_LINGER_S,
    )


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise HostError(f"cannot listen at {_HOST}:{port}: {reason}", is_retryable=True) from error
    return listening
