"""The guests of an instance: best-effort services that come, are served, and go.

``running`` makes it and calls :meth:`Guests.follow` at the start and at every SIGHUP. Nothing
that goes wrong with a guest touches the instance's own service: it is told to whoever asks for
the guest, and in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from heddle.clock import WallClock
from heddle.errors import HeddleError, HostError, InputError
from heddle.serving.batching.batcher import Batcher, BatchPlan
from heddle.serving.batching.worker import ThreadWorker
from heddle.serving.engines.engine import Signature
from heddle.serving.engines.opening import open_stepped
from heddle.serving.engines.sharing import GuestEngine, HostEngine, SharedDevice
from heddle.serving.instance.application import Application
from heddle.serving.instance.log import say
from heddle.serving.instance.order import GuestOrder, InstanceOrder, load_guests
from heddle.serving.instance.threads import in_thread
from heddle.serving.instance.warm_up import warm_up

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class _Lodger:
    """A guest that is served, or that failed (``batcher`` is None)."""

    order: GuestOrder
    engine: GuestEngine | None = None
    batcher: Batcher | None = None


class Guests:
    """The guests of one instance; lives on its event loop.

    Parameters
    ----------
    order
        Of the instance.
    application
        Is told of guests.
    hosts
        The engines of the instance's own service.
    new_device
        Opens the device; None refuses all guests.
    """

    def __init__(
        self,
        order: InstanceOrder,
        application: Application,
        hosts: Sequence[HostEngine],
        new_device: Callable[[], SharedDevice] | None,
    ) -> None:
        self._order = order
        self._application = application
        self._hosts = hosts
        self._new_device = new_device
        self._device: SharedDevice | None = None
        self._lodgers: dict[str, _Lodger] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, path: Path) -> None:
        """Serve the guests that a file names and no others; returns at once."""
        task = asyncio.get_running_loop().create_task(self._follow(path))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Let them end; what was under way has been answered."""
        for task in self._tasks:
            task.cancel()
        if self._device is not None:
            self._device.close()
        for lodger in self._lodgers.values():
            if lodger.batcher is not None:
                lodger.batcher.close()

    async def _follow(self, path: Path) -> None:
        async with self._turn:
            try:
                wanted = {guest.name: guest for guest in load_guests(path)}
            except InputError as error:
                say(f"{self._order.instance}: guests stay as they are: {error}")
                return
            # 1. Those who are not wanted any more, or in another way, leave.
            for name, lodger in list(self._lodgers.items()):
                if wanted.get(name) != lodger.order:
                    await self._dismiss(name, lodger)
            # 2. Those who are new come in, one by one.
            new = [guest for name, guest in wanted.items() if name not in self._lodgers]
            for guest in new:
                self._application.expect_guest(guest.name, guest.service.service.model)
            for guest in new:
                await self._receive(guest)
            # 3. Without guests there is nothing to share.
            if not self._lodgers:
                for host in self._hosts:
                    host.share(None)

    async def _receive(self, guest: GuestOrder) -> None:
        self._lodgers[guest.name] = _Lodger(guest)
        try:
            device = await self._opened_device()
            engine, signature = await in_thread(lambda: self._opened(guest, device))
        except Exception as error:  # noqa: BLE001 (whatever it is, the host goes on)
            said = str(error) if isinstance(error, HeddleError) else f"it failed: {error!r}"
            self._application.fail_guest(guest.name, said)
            say(f"{self._order.instance}: guest {guest.name} cannot be served: {said}")
            return
        batch = guest.planned.batch if signature.is_batched else 1
        plan = BatchPlan(
            batch=batch,
            max_queue=guest.service.serving.max_queue,
            slo_ms=guest.service.service.latency_ms,
            batch_ms=guest.planned.latency_ms,
        )
        clock = WallClock()
        batcher = Batcher(
            plan,
            [ThreadWorker(engine, clock)],
            clock,
            self._application.guest_counters(guest.name).note_batch,
        )
        self._lodgers[guest.name] = _Lodger(guest, engine, batcher)
        self._application.begin_guest(guest.name, signature, batcher, batch)
        say(f"{self._order.instance}: guest {guest.name} is ready, batch {batch}")
        for note in signature.notes:
            say(f"{self._order.instance}: guest {guest.name}: {note}")

    async def _opened_device(self) -> SharedDevice:
        if self._new_device is None:
            raise HostError("this instance was started without a device to share")
        if self._device is None:
            self._device = await in_thread(self._new_device)
            self._application.show(self._device.standing)
        for host in self._hosts:
            if not host.is_shared:
                host.share(self._device.real_time_lane(self._order.service.name))
        return self._device

    def _opened(self, guest: GuestOrder, device: SharedDevice) -> tuple[GuestEngine, Signature]:
        """Load a guest's network and run it for the first time, on its lane; blocks."""
        engine = open_stepped(guest.service.serving, self._order.num_threads)
        lane = device.best_effort_lane(guest.name, engine.num_steps)
        opened = GuestEngine(engine, lane)
        try:
            return opened, warm_up(opened, guest.planned.batch)
        except BaseException:
            lane.close()
            raise

    async def _dismiss(self, name: str, lodger: _Lodger) -> None:
        """Let a guest go: what it has under way is answered first, within its time."""
        del self._lodgers[name]
        batcher = lodger.batcher
        if batcher is not None:
            batcher.drain()
            try:
                async with asyncio.timeout(lodger.order.service.serving.drain_within_s):
                    while batcher.num_waiting or batcher.num_running:
                        await asyncio.sleep(_POLL_S)
            except TimeoutError:
                say(f"{self._order.instance}: guest {name} left in the middle of its work")
            else:
                if lodger.engine is not None:
                    lodger.engine.close()
            batcher.close()
        self._application.end_guest(name)
        say(f"{self._order.instance}: guest {name} has left")
