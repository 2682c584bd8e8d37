"""Ends what runs on an instance: politely, then by force, and nothing may be left.

``launch`` and ``agent`` call it. A process may leave its group; it cannot leave its
instance, so both are looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal

from heddle.errors import HostError
from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.tenancy import Place
from heddle.runtime.device import Device
from heddle.runtime.process import ProcessId, kill_all, members, terminate, wait_end

_LOOK_S = 0.01


async def end(
    process: ProcessId | None, device: Device | None, place: Place, patience: Patience
) -> int | None:
    """Ask a process to end, kill what is left of it, and return its exit code if known.

    Without a device, because it is no more, only the process and its group are ended.

    Raises
    ------
    HostError
        Something on the instance cannot be killed.
    """
    code = None
    if process is not None:
        terminate(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience.grace_s):
                code = await wait_end(process)
    await clear(process, device, place, patience)
    return code


async def clear(
    process: ProcessId | None, device: Device | None, place: Place, patience: Patience
) -> None:
    """Kill all that is on an instance and in a process's group; HostError as for :func:`end`."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + patience.killed_s
    while left := await asyncio.to_thread(_left, process, device, place):
        if loop.time() > until_s:
            shown = ", ".join(map(str, left[:8]))
            raise HostError(
                f"{place}: killed processes do not end ({shown}); the kernel holds them",
                is_retryable=True,
            )
        kill_all(left)
        await asyncio.sleep(_LOOK_S)


def _left(process: ProcessId | None, device: Device | None, place: Place) -> list[int]:
    inside = set(device.processes(place.placement) if device else ())
    return sorted(inside | set(members(process) if process else ()))
