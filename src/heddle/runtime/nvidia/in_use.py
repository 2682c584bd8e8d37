"""The refusal to touch an instance that processes are on."""

from __future__ import annotations

from collections.abc import Iterable

from heddle.cluster.partition import Placement
from heddle.errors import HostError, listed


def refuse_in_use(gpu: str, placement: Placement, pids: Iterable[int], verb: str) -> None:
    """Raise a retryable HostError that names the processes; nothing when there are none.

    ``verb`` says what can be done with the instance once they have ended: ``removed``.
    """
    spelled = listed(map(str, pids))
    if spelled:
        raise HostError(
            f"{placement.profile} at {placement.start} of {gpu} is in use by process {spelled}; "
            f"it can be {verb} when they have ended",
            is_retryable=True,
        )
