"""The whole numbers that stand in the board's arrays, each under its name.

Compiled code knows plain integers only; these are their names. ``core.words`` has the words that
people read.
"""

from __future__ import annotations

from typing import Final

# kind of a queue
RT: Final = 0
BE: Final = 1

# contract of a kernel
EXACT_RESUME: Final = 0  # may stop at a block edge and go on there; no block runs twice
REPLAY_SAFE: Final = 1  # exact-resume, and may also be run again from its start
OPAQUE: Final = 2  # runs whole or not at all

# what bounds a kernel (its class, in Orion's sense)
UNKNOWN_BOUND: Final = -1
MEMORY_BOUND: Final = 0
COMPUTE_BOUND: Final = 1

# form in which a launch runs
PLAIN: Final = 0  # as the hardware runs it: blocks are handed out until none is left
ENTRY_CHECK: Final = 1  # its first block decides for all: run, or leave at once
PERSISTENT: Final = 2  # resident blocks take tickets and look at the epoch between blocks

# urgency of a launch (the priority of its stream)
URGENT: Final = 0
ORDINARY: Final = 1

# preemption levels, as XSched names them
PENDING_LEVEL: Final = 1  # what is not launched yet can be held back
IN_FLIGHT_LEVEL: Final = 2  # what is launched and has not begun can be dropped
BLOCK_EDGE_LEVEL: Final = 3  # what runs can be stopped between two blocks

# state of a queue
READY: Final = 0
EVICTING: Final = 1  # its epoch was raised; some launches have not left yet

# state of a task
FREE: Final = 0
QUEUED: Final = 1
RUNNING: Final = 2
FINISHED: Final = 3
FAILED: Final = 4
CANCELLED: Final = 5

# state of a launch: FREE as above
LAUNCHED: Final = 1
STARTED: Final = 2
RETIRED: Final = 3

# outcome of a launch, as the device reports it
WHOLE: Final = 0  # every block of it ran
LEFT: Final = 1  # it left at a block edge, or before it began: ``done`` blocks ran
KILLED: Final = 2  # its blocks were aborted; ``lost`` blocks had begun
BROKEN: Final = 3  # the kernel failed

# orders from the dispatcher to the device
LAUNCH: Final = 0
EVICT: Final = 1
KILL: Final = 2

# state of the device
HEALTHY: Final = 0
STUCK: Final = 1
LOST: Final = 2

# policies, by number; the names stand in core.policies
RT_ONLY: Final = 0
SEQUENTIAL: Final = 1
MULTISTREAM: Final = 2
PRIORITY: Final = 3
WAIT: Final = 4
RESET: Final = 5
REEF: Final = 6
BLOCK_EDGE: Final = 7
BLOCK_EDGE_PADDING: Final = 8
ORION: Final = 9

MAX_OCCUPANCY: Final = 32  # most blocks of one kernel on one multiprocessor that a profile tells of
