"""REEF: reset, and best-effort blocks beside every real-time kernel that leaves room."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.operations import Operations
from heddle.runtime.core.padding import pad_of_reef
from heddle.runtime.core.policies.block_edge_padding import launch_with_pad, next_to_pad
from heddle.runtime.core.policies.reset import kill_best_effort, launch_best_effort
from heddle.runtime.core.status import Status


@inner
def decide_reef(status: Status, operations: Operations) -> None:
    """Kills best-effort work when real-time work arrives, then pads real-time kernels with it."""
    if status.num_rt == 0:
        launch_best_effort(status, operations)
        return
    kill_best_effort(status, operations)
    queue = next_to_pad(status)
    if operations.count[0] == 0 and queue >= 0:
        launch_with_pad(status, operations, queue, pad_of_reef(status, queue))
