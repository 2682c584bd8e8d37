"""Every queue launches on its own stream and the hardware mixes them: unrestricted sharing."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import next_be, next_rt_stream
from heddle.runtime.core.constants import ORDINARY
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import STREAM_FREE
from heddle.runtime.core.status import Status


@inner
def decide_multistream(status: Status, operations: Operations) -> None:
    """Launches from the stream that has waited longest, all with one priority."""
    rt, be = next_rt_stream(status), next_be(status)
    queue = rt
    if rt < 0 or (be >= 0 and status.queues.last_serial[be] < status.queues.last_serial[rt]):
        queue = be
    if queue >= 0:
        launch_plain(status, operations, queue, ORDINARY, STREAM_FREE)
