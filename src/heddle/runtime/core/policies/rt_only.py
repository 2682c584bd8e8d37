"""Best-effort work never runs: the reference for the latency of real-time work."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import launch_first_rt
from heddle.runtime.core.operations import Operations
from heddle.runtime.core.status import Status


@inner
def decide_rt_only(status: Status, operations: Operations) -> None:
    """Launches the real-time task that goes first."""
    launch_first_rt(status, operations)
