"""Best-effort work never runs: the reference for the latency of real-time work."""

from __future__ import annotations

from heddle.runtime.compiled import compiled
from heddle.runtime.core.choices import can_launch, first_rt
from heddle.runtime.core.constants import URGENT
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import RT_FIRST
from heddle.runtime.core.status import Status


@compiled
def decide_rt_only(status: Status, operations: Operations) -> None:
    """Launches the real-time task that goes first."""
    queue = first_rt(status)
    if queue >= 0 and can_launch(status, queue):
        launch_plain(status, operations, queue, URGENT, RT_FIRST)
