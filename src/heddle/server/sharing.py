"""The segment device as ``serving`` needs it: what an instance that has guests shares with them.

``shared_instance`` hands :func:`open_shared_device` to ``serving.instance``; only this module
knows both sides.
"""

from __future__ import annotations

from typing import Any

from heddle.runtime.segments.device import SegmentDevice
from heddle.runtime.segments.lane import Lane


class SharedSegmentDevice:
    """A :class:`heddle.serving.engines.sharing.SharedDevice`."""

    def __init__(self, device: SegmentDevice) -> None:
        self._device = device

    def real_time_lane(self, name: str) -> Lane:
        """Return a lane for tasks of one step."""
        return self._device.real_time_lane(name)

    def best_effort_lane(self, name: str, num_steps: int) -> Lane:
        """Return a lane for tasks of so many steps."""
        return self._device.best_effort_lane(name, num_steps)

    def standing(self) -> dict[str, Any]:
        """Return who holds the device, who waits, and what was done, as JSON values."""
        found = self._device.figures()
        return {
            **found._asdict(),
            "holders": list(found.holders),
            "lanes": [lane._asdict() for lane in found.lanes],
        }

    def close(self) -> None:
        """End it; who waits is refused."""
        self._device.close()


def open_shared_device() -> SharedSegmentDevice:
    """Return a device of this process; its first turn may take a moment."""
    return SharedSegmentDevice(SegmentDevice())
