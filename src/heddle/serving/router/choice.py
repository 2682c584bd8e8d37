"""Which instance a request is given to: the least expected delay.

A pure function of what is known at that instant; ``routed_service`` calls it for every
request. With n requests under way on an instance of rate r, one more has waited about
(n + 1) / r seconds when it is answered: the rule "shortest expected delay" of Linux
Virtual Server (``ip_vs_sed.c``), with planned rates as weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar


class Candidate(Protocol):
    """What the choice looks at."""

    @property
    def name(self) -> str:
        """Unique; breaks ties."""
        ...

    @property
    def rate_rps(self) -> float:
        """The planned rate, above 0."""
        ...

    @property
    def num_in_flight(self) -> int:
        """Requests under way."""
        ...

    @property
    def capacity(self) -> int:
        """How many requests may be under way."""
        ...

    @property
    def shy_until_s(self) -> float:
        """Until then it is chosen only when there is no other."""
        ...


_C = TypeVar("_C", bound=Candidate)


def least_delay(candidates: Iterable[_C], excluded: Collection[str], now_s: float) -> _C | None:
    """Return who is expected to answer soonest, or None when nobody with room is left.

    Ties are broken by name.
    """
    best: _C | None = None
    best_key = (True, 0.0, "")
    for candidate in candidates:
        num_in_flight = candidate.num_in_flight
        if num_in_flight >= candidate.capacity or candidate.name in excluded:
            continue
        is_shy = candidate.shy_until_s > now_s
        key = (is_shy, (num_in_flight + 1) / candidate.rate_rps, candidate.name)
        if best is None or key < best_key:
            best, best_key = candidate, key
    return best
