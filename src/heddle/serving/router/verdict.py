"""What becomes of a request whose instance did not answer: pure rules, no sockets.

``exchange`` asks; the rules are those of ``docs/reference/router.md``. A request that
was certainly not executed may always be sent again. One that may have been executed is
sent again once, for inference is idempotent, unless its service forbids it.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from heddle.workload.serving_spec import Retry


class AttemptEnd(Enum):
    """How an attempt ended without an answer.

    ``UNREACHABLE``: no connection. ``UNDELIVERED``: the connection ended before the
    system at the other end had taken the whole request. ``FULL``, ``LEAVING``: the
    instance said that it did not execute it. ``DIED``: it may have been executed.
    ``SILENT``: nothing was heard for too long.
    """

    UNREACHABLE = "unreachable"
    UNDELIVERED = "undelivered"
    FULL = "full"
    LEAVING = "leaving"
    DIED = "died"
    SILENT = "silent"


class Next(Enum):
    """What to do with the request."""

    SEND_AGAIN = "send again"
    WAIT = "wait"
    SAY_DIED = "502"
    SAY_SILENT = "504"
    SAY_FULL = "429"


def after_attempt(end: AttemptEnd, retry: Retry, num_deaths: int) -> Next:
    """Return what follows an attempt; ``num_deaths`` counts this one too."""
    if end is AttemptEnd.SILENT:
        return Next.SAY_SILENT
    if end is not AttemptEnd.DIED:
        return Next.SEND_AGAIN
    return Next.SEND_AGAIN if retry is Retry.ONCE and num_deaths <= 1 else Next.SAY_DIED


def without_instance(is_full: Collection[bool]) -> Next:
    """Return what follows when no instance can be chosen; one item for each there is.

    Where any is full the request is refused at once, for to wait would only make answers
    later; instances that leave or cannot be reached are about to be replaced.
    """
    return Next.SAY_FULL if any(is_full) else Next.WAIT
