"""What a policy returns: a short list of operations with their reasons, and how to write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Words
from heddle.runtime.core.constants import (
    BLOCK_EDGE_LEVEL,
    ENTRY_CHECK,
    EVICT,
    IN_FLIGHT_LEVEL,
    KILL,
    LAUNCH,
    OPAQUE,
    ORDINARY,
    PERSISTENT,
    PLAIN,
    URGENT,
)
from heddle.runtime.core.reasons import SENTENCES
from heddle.runtime.core.status import Status

NONE: Final = -1


class Operations(NamedTuple):
    """Rows of operations, and their number.

    A row is kind, queue, blocks, slots, form, urgency, beside (the queue whose latest launch must
    have begun first, or -1), reason, expected ns.
    """

    rows: Words
    count: Words


class Pad(NamedTuple):
    """Best-effort blocks that fit beside a real-time kernel; ``queue`` is -1 where none do."""

    queue: int
    blocks: int
    slots: int  # most of them resident at once
    reason: int
    expected_ns: int  # how long they should take


@dataclass(frozen=True)
class Operation:
    """One operation, for people and tests."""

    kind: int
    queue: int
    blocks: int
    slots: int
    form: int
    urgency: int
    beside: int
    reason: int
    expected_ns: int = 0

    def __str__(self) -> str:
        verb = ("launch", "evict", "kill")[self.kind]
        blocks = f" {self.blocks} blocks" if self.kind == LAUNCH else ""
        return f"{verb}{blocks} of queue {self.queue}: {SENTENCES[self.reason]}"


def listed(operations: Operations) -> list[Operation]:
    """The operations as objects."""
    rows = operations.rows[: operations.count[0]]
    return [Operation(*(int(word) for word in row)) for row in rows]


@inner
def launch_plain(
    status: Status, operations: Operations, queue: int, urgency: int, reason: int
) -> None:
    """Launches all blocks that are left of the queue's next kernel, as the hardware runs them."""
    row = _add(operations, LAUNCH, queue, reason)
    operations.rows[row, 2] = status.queues.left[queue]
    operations.rows[row, 4] = PLAIN
    operations.rows[row, 5] = urgency


@inner
def launch_preemptible(status: Status, operations: Operations, queue: int, reason: int) -> None:
    """Launches all blocks that are left, in the form that can be stopped soonest."""
    row = _add(operations, LAUNCH, queue, reason)
    operations.rows[row, 2] = status.queues.left[queue]
    operations.rows[row, 4] = form_of(status, status.queues.kernel[queue])
    operations.rows[row, 5] = ORDINARY


@inner
def launch_beside(status: Status, operations: Operations, beside: int, pad: Pad) -> None:
    """Launches padding beside the latest launch of a queue."""
    row = _add(operations, LAUNCH, pad.queue, pad.reason)
    operations.rows[row, 2] = pad.blocks
    operations.rows[row, 3] = pad.slots
    operations.rows[row, 4] = form_of(status, status.queues.kernel[pad.queue])
    operations.rows[row, 5] = ORDINARY
    operations.rows[row, 6] = beside
    operations.rows[row, 8] = pad.expected_ns


@inner
def evict(operations: Operations, queue: int, reason: int) -> None:
    """Makes what the queue has in flight leave at the next edge."""
    _add(operations, EVICT, queue, reason)


@inner
def kill(operations: Operations, queue: int, reason: int) -> None:
    """Aborts what the queue has in flight."""
    _add(operations, KILL, queue, reason)


@inner
def form_of(status: Status, kernel: int) -> int:
    """The form in which a best-effort kernel can be stopped soonest on this device."""
    if status.device.level < IN_FLIGHT_LEVEL:
        return PLAIN
    is_edged = status.kernels.contract[kernel] != OPAQUE and not status.kernels.is_short[kernel]
    if status.device.level >= BLOCK_EDGE_LEVEL and is_edged:
        return PERSISTENT
    return ENTRY_CHECK


@inner
def _add(operations: Operations, kind: int, queue: int, reason: int) -> int:
    row = operations.count[0]
    operations.count[0] = row + 1
    operations.rows[row, :] = 0
    operations.rows[row, 0] = kind
    operations.rows[row, 1] = queue
    operations.rows[row, 5] = URGENT
    operations.rows[row, 6] = NONE
    operations.rows[row, 7] = reason
    return row
