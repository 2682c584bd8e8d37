"""Streams with priorities: the hardware hands out real-time blocks first and stops nothing."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import next_be, next_rt_stream
from heddle.runtime.core.constants import ORDINARY, URGENT
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import RT_FIRST, STREAM_FREE
from heddle.runtime.core.status import Status


@inner
def decide_priority(status: Status, operations: Operations) -> None:
    """Launches real-time work on urgent streams, best-effort work whenever its stream has room."""
    queue = next_rt_stream(status)
    if queue >= 0:
        launch_plain(status, operations, queue, URGENT, RT_FIRST)
        return
    queue = next_be(status)
    if queue >= 0:
        launch_plain(status, operations, queue, ORDINARY, STREAM_FREE)
