"""Orion (EuroSys'24): best-effort kernels beside real-time ones, by size, kind and time."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import next_be, next_rt_stream
from heddle.runtime.core.constants import BE, ORDINARY, UNKNOWN_BOUND, URGENT
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import ONLY_WORK, PADS_PAIR, RT_FIRST
from heddle.runtime.core.status import Status


@inner
def decide_orion(status: Status, operations: Operations) -> None:
    """Launches real-time work at once, and best-effort kernels that pair with it; stops nothing."""
    queue = next_rt_stream(status)
    if queue >= 0:
        launch_plain(status, operations, queue, URGENT, RT_FIRST)
        return
    queue = next_be(status)
    if queue < 0:
        return
    if status.num_rt == 0:
        launch_plain(status, operations, queue, ORDINARY, ONLY_WORK)
    elif _pairs(status, queue):
        launch_plain(status, operations, queue, ORDINARY, PADS_PAIR)


@inner
def _pairs(status: Status, queue: int) -> bool:
    kernel, rt = status.queues.kernel[queue], status.rt_kernel
    if rt < 0:
        return False
    kernels, limits = status.kernels, status.limits
    outstanding_ns = kernels.duration_ns[kernel]
    for other in range(status.num_queues):
        if status.queues.kind[other] == BE:
            outstanding_ns += status.queues.flight_ns[other]
    needed = (kernels.blocks[kernel] + kernels.occupancy[kernel] - 1) // kernels.occupancy[kernel]
    is_small = needed * 100 <= status.device.multiprocessors * limits.orion_share_percent
    has_room = kernels.duration_ns[kernel] > 0 and outstanding_ns <= limits.orion_budget_ns
    return is_small and has_room and _is_opposite(kernels.bound[kernel], kernels.bound[rt])


@inner
def _is_opposite(first: int, second: int) -> bool:
    return first != second and UNKNOWN_BOUND not in (first, second)
