"""Notices instances that stay under their profiled rate or over their latency.

What a plan rests on was measured once; a machine that became slower, or a network that
was exchanged, makes it stale. An instance counts as stale after a number of looks in a
row, and as sound again after as many: one slow moment says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from heddle.server.traffic_window import TrafficWindow

#: Looks in a row; each is over a window that overlaps the one before.
_PATIENCE = 8
#: Less than this part of the planned rate, with requests waiting, is too slow.
_ENOUGH = 0.9


class Staleness(NamedTuple):
    """A change: whose measurement became stale, or sound again, and why."""

    instance: str
    service: str
    reason: str
    sentence: str
    is_stale: bool


class StalenessWatch:
    """Looks at all instances again and again."""

    def __init__(self) -> None:
        self._misses: Counter[str] = Counter()
        self._hits: Counter[str] = Counter()
        self._stale: dict[str, str] = {}

    @property
    def services(self) -> frozenset[str]:
        """The services with a stale instance."""
        return frozenset(self._stale.values())

    def look(
        self,
        instances: Iterable[Mapping[str, Any]],
        limits_ms: Mapping[str, float],
        window: TrafficWindow,
    ) -> list[Staleness]:
        """Return what has changed.

        Parameters
        ----------
        instances
            As the node agent's details have them.
        limits_ms
            The SLO of every service.
        window
            What the router saw.
        """
        ready = {one["instance"]: one for one in instances if one.get("phase") == "ready"}
        for gone in self._stale.keys() - ready.keys():
            del self._stale[gone]
        found = []
        for name, one in ready.items():
            limit_ms = limits_ms.get(one["service"])
            if limit_ms is not None:
                change = self._judged(name, one, _objection(name, one, limit_ms, window))
                found += [change] if change else []
        return found

    def _judged(
        self, name: str, one: Mapping[str, Any], objection: tuple[str, str] | None
    ) -> Staleness | None:
        if objection is None:
            self._misses[name] = 0
            self._hits[name] += 1
            if name in self._stale and self._hits[name] >= _PATIENCE:
                del self._stale[name]
                sentence = f"{name} is as fast as it was measured again"
                return Staleness(name, one["service"], "recovered", sentence, is_stale=False)
            return None
        self._hits[name] = 0
        self._misses[name] += 1
        if name in self._stale or self._misses[name] < _PATIENCE:
            return None
        self._stale[name] = one["service"]
        reason, sentence = objection
        return Staleness(
            name, one["service"], reason, f"{sentence}; profile it again", is_stale=True
        )


def _objection(
    name: str, one: Mapping[str, Any], limit_ms: float, window: TrafficWindow
) -> tuple[str, str] | None:
    """Return a word and a sentence for what is wrong with an instance; None when nothing is."""
    seen = window.instance_seen(name)
    if seen is None:
        return None
    planned_rps = one["rate_rps"]
    batch = one["batch"] * one["processes"]
    if seen.num_in_flight > 2 * batch and seen.answered_rps < _ENOUGH * planned_rps:
        return "under_rate", (
            f"{name} answers {seen.answered_rps:.3g} of the {planned_rps:.3g} requests/s for "
            f"which it was planned, with {seen.num_in_flight} waiting"
        )
    if seen.p99_ms is not None and seen.p99_ms > limit_ms and seen.answered_rps <= planned_rps:
        return "over_latency", (
            f"{name} answers in {seen.p99_ms:.3g} ms (p99) where {limit_ms:.3g} ms are the limit, "
            f"at {seen.answered_rps:.3g} of {planned_rps:.3g} requests/s"
        )
    return None
