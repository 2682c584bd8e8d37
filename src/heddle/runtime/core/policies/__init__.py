"""The policies, one a file, each a pure function from a status to operations.

A policy is called until it has nothing more to say; each call says one thing: a launch, a launch
with its padding, or evictions. The list below is all there are.
"""

from __future__ import annotations

from heddle.errors import InputError
from heddle.runtime.compiled import compiled
from heddle.runtime.core import constants
from heddle.runtime.core.board import Device, Limits
from heddle.runtime.core.operations import Operations
from heddle.runtime.core.policies.block_edge import decide_block_edge
from heddle.runtime.core.policies.block_edge_padding import decide_block_edge_padding
from heddle.runtime.core.policies.multistream import decide_multistream
from heddle.runtime.core.policies.orion import decide_orion
from heddle.runtime.core.policies.priority import decide_priority
from heddle.runtime.core.policies.reef import decide_reef
from heddle.runtime.core.policies.reset import decide_reset
from heddle.runtime.core.policies.rt_only import decide_rt_only
from heddle.runtime.core.policies.sequential import decide_sequential
from heddle.runtime.core.policies.wait import decide_wait
from heddle.runtime.core.status import Status

POLICIES = {
    "rt-only": constants.RT_ONLY,
    "sequential": constants.SEQUENTIAL,
    "multistream": constants.MULTISTREAM,
    "priority": constants.PRIORITY,
    "wait": constants.WAIT,
    "reset": constants.RESET,
    "reef": constants.REEF,
    "block-edge": constants.BLOCK_EDGE,
    "block-edge-padding": constants.BLOCK_EDGE_PADDING,
    "orion": constants.ORION,
}

_KILLING = frozenset({"reset", "reef"})
_WHOLE_WINDOW = frozenset({"multistream", "priority", "wait"})
_WHOLE_TASK = 1024  # launches: REEF's device queue where nothing needs to be evicted from it
_SHORT_QUEUE = 2  # launches: REEF's device queue for best-effort work (its Figure 14)
_AHEAD = 4  # real-time launches in flight: enough to hide what a launch costs the host
_PADS_AHEAD = 8  # launches: padding is short and ends with its real-time kernel
# 1 to 5 us between kernels of a stream on the GPUs whose traces are known. Without it padding
# outlasts real-time kernels: their overhead on the simulated H200 and C was 3.4 instead of 1.3 %.
_GAP_NS = 3_000
_ORION_BUDGET_NS = 500_000
_ORION_SHARE_PERCENT = 50
_FIRST_PAD_BLOCKS = 8


@compiled
def decide(policy: int, status: Status, operations: Operations) -> None:  # noqa: C901
    """Writes what the numbered policy wants done now; nothing where there is nothing to do."""
    operations.count[0] = 0
    if policy == constants.RT_ONLY:
        decide_rt_only(status, operations)
    elif policy == constants.SEQUENTIAL:
        decide_sequential(status, operations)
    elif policy == constants.MULTISTREAM:
        decide_multistream(status, operations)
    elif policy == constants.PRIORITY:
        decide_priority(status, operations)
    elif policy == constants.WAIT:
        decide_wait(status, operations)
    elif policy == constants.RESET:
        decide_reset(status, operations)
    elif policy == constants.REEF:
        decide_reef(status, operations)
    elif policy == constants.BLOCK_EDGE:
        decide_block_edge(status, operations)
    elif policy == constants.BLOCK_EDGE_PADDING:
        decide_block_edge_padding(status, operations)
    elif policy == constants.ORION:
        decide_orion(status, operations)


def needs_kill(policy: str) -> bool:
    """Whether a policy runs only where the device can kill running blocks."""
    return policy in _KILLING


def limits_of(policy: str, device: Device) -> Limits:
    """The limits that a policy is used with on a device.

    Raises
    ------
    InputError
        There is no such policy, or the device has not the power that it needs.
    """
    if policy not in POLICIES:
        raise InputError(f"no policy {policy!r}; there are {', '.join(POLICIES)}")
    if needs_kill(policy) and not device.can_kill:
        raise InputError(
            f"policy {policy!r} kills running blocks, which this device cannot; "
            "it runs on sim:MI50, and block-edge-padding runs everywhere"
        )
    return Limits(
        policy=POLICIES[policy],
        rt_window=_AHEAD,
        be_window=_WHOLE_TASK if policy in _WHOLE_WINDOW else _SHORT_QUEUE,
        pads_window=_PADS_AHEAD,
        gap_ns=_GAP_NS,
        first_pad_blocks=_FIRST_PAD_BLOCKS,
        orion_budget_ns=_ORION_BUDGET_NS,
        orion_share_percent=_ORION_SHARE_PERCENT,
    )
