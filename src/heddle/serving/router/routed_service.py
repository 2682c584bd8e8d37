"""A service at its address: its instances, who waits for them, and what was counted.

``table`` holds all; a ``client_connection`` gives it requests, each of which becomes an
``exchange``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from heddle.cluster.route import Route
from heddle.serving.router.choice import least_delay
from heddle.serving.router.limits import Limits
from heddle.serving.router.routed_instance import RoutedInstance
from heddle.serving.router.tally import Tally
from heddle.serving.router.waiting_room import WaitingRoom
from heddle.workload.service_spec import ServiceSpec


class RoutedService:
    """One service.

    Attributes
    ----------
    spec
        What the node agent said of it.
    instances
        Those that may be chosen, by name.
    room
        Requests that wait.
    tally
        What was counted.
    is_removed
        It is not served any more; whoever still asks is refused.
    """

    def __init__(self, spec: ServiceSpec, limits: Limits) -> None:
        self.spec = spec
        self.limits = limits
        self.instances: dict[str, RoutedInstance] = {}
        self.leaving: set[RoutedInstance] = set()
        self.room = WaitingRoom(limits.max_waiting)
        self.tally = Tally()
        self.is_removed = False
        self._seeking: asyncio.TimerHandle | None = None
        self._is_called = False
        self._may_probe = False

    def choose(self, excluded: Collection[str]) -> RoutedInstance | None:
        """Return the instance for one more request; None when there is none with room."""
        now_s = asyncio.get_running_loop().time()
        return least_delay(self.instances.values(), excluded, now_s)

    def choose_for_waiter(self) -> RoutedInstance | None:
        """Return the instance for a request that waits.

        One that could not be reached is tried by one request each time that
        ``seek_soon`` comes round, or all that wait would hammer at it.
        """
        instance = self.choose(())
        if instance is None or not instance.is_shy:
            return instance
        may_probe, self._may_probe = self._may_probe, False
        return instance if may_probe else None

    def add(self, route: Route) -> None:
        """Give an instance requests from now on."""
        known = self.instances.get(route.instance)
        if known is not None and known.route.port == route.port:
            known.route = route
        else:
            self.remove(route.instance)
            self.instances[route.instance] = RoutedInstance(
                route, self.spec.serving.max_queue, self.limits
            )
        self.room.call()

    def remove(self, name: str) -> RoutedInstance | None:
        """Choose an instance no more, and return it; what is under way goes on."""
        instance = self.instances.pop(name, None)
        if instance is not None:
            instance.leave()
            self.leaving.add(instance)
            self._forget_empty()
        return instance

    def named(self, name: str) -> RoutedInstance | None:
        """Return an instance that is chosen or leaving."""
        leaving = (instance for instance in self.leaving if instance.name == name)
        return self.instances.get(name) or next(leaving, None)

    def slot_freed(self) -> None:
        """Hear that an instance has room again."""
        if self.leaving:
            self._forget_empty()
        if self.room and not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._call)

    def seek_soon(self) -> None:
        """Let those who wait try again in a moment, for instances that were not reached."""
        if self._seeking is None:
            loop = asyncio.get_running_loop()
            self._seeking = loop.call_later(self.limits.seek_s, self._seek)

    def sweep(self, now_s: float) -> None:
        """Close idle connections."""
        for instance in self.instances.values():
            instance.sweep(now_s)

    def dismiss(self) -> None:
        """Serve no more: what is under way is answered, what waits is refused."""
        self.is_removed = True
        for name in list(self.instances):
            self.remove(name)
        self.room.dismiss()

    def close(self) -> None:
        """Close all connections to instances."""
        for instance in [*self.instances.values(), *self.leaving]:
            instance.close()
        if self._seeking is not None:
            self._seeking.cancel()

    def _call(self) -> None:
        self._is_called = False
        self.room.call()

    def _seek(self) -> None:
        self._seeking = None
        self._may_probe = True
        self.room.call()
        if self.room and self.instances:
            self.seek_soon()

    def _forget_empty(self) -> None:
        self.leaving = {instance for instance in self.leaving if instance.num_in_flight}
