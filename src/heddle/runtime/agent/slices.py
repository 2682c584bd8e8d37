"""The instances that exist on a node's devices, as they were seen last.

Asking a device may block; ``agent`` asks in threads and answers from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence

from heddle.cluster.partition import Placement
from heddle.errors import HostError
from heddle.runtime.agent.tenancy import Place
from heddle.runtime.device import Device, Slice

_log = logging.getLogger(__name__)


class Slices:
    """What every device said last; a device that fails has said nothing."""

    def __init__(self, devices: Mapping[str, Device]) -> None:
        self._devices = devices
        self._seen: dict[str, Sequence[Slice]] = {}
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Ask every device again; one look at a time, so that none shows an earlier state."""
        async with self._turn:
            self._seen = await asyncio.to_thread(self._asked)

    def devices(self) -> Iterator[tuple[Device, Sequence[Slice]]]:
        """Yield the devices that answered, with their instances."""
        for name, device in self._devices.items():
            if name in self._seen:
                yield device, self._seen[name]

    def placements(self, gpu: str) -> frozenset[Placement]:
        """Return what exists on a GPU."""
        return frozenset(each.placement for each in self._seen.get(gpu, ()))

    def is_gone(self, place: Place, uuid: str) -> bool:
        """Whether a device that answers does not have this instance."""
        seen = self._seen.get(place.gpu)
        return seen is not None and Slice(place.placement, uuid) not in seen

    def _asked(self) -> dict[str, Sequence[Slice]]:
        found = {}
        for name, device in self._devices.items():
            try:
                found[name] = device.slices()
            except HostError as error:
                _log.warning("%s does not answer: %s", name, error)
        return found
