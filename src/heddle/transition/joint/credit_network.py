"""Stops take credit and starts give it: the problem of their order, as whole numbers.

``changes`` makes one from a placed target; ``simulation`` runs through it,
``network_bound`` bounds it, ``improvement`` looks for the best order.

Times are nanoseconds and rates micro-requests/s, so that nothing depends on rounding.
A *taker* is the stop of an instance, a *giver* a start. Read backwards in time the
problem has the same form: what was given is taken back, what was taken is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Actor(NamedTuple):
    """One taker or giver.

    ``own_ns`` of a giver is the least time from the beginning to the moment when it
    gives; of a taker, from the moment when it takes to its end.
    """

    service: int
    rate_micro: int
    own_ns: int


class Link(NamedTuple):
    """A giver gives at least ``lead_ns`` after a taker took."""

    giver: int
    lead_ns: int


class Times(NamedTuple):
    """When every taker takes and every giver gives, and when all is over, nanoseconds."""

    taken_ns: Sequence[int]
    given_ns: Sequence[int]
    makespan_ns: int


@dataclass(frozen=True)
class CreditNetwork:
    """Takers, givers, and what waits for what.

    Attributes
    ----------
    slack_micro
        By service, the credit that is there at the beginning: what is ready beyond the
        floor.
    takers, givers
        Who takes and who gives.
    unlocks
        By taker, the givers that wait for it.
    releases
        By giver, the takers that may not take before it gave.
    """

    slack_micro: tuple[int, ...]
    takers: tuple[Actor, ...]
    givers: tuple[Actor, ...]
    unlocks: tuple[tuple[Link, ...], ...]
    releases: tuple[tuple[int, ...], ...]

    @cached_property
    def blockers(self) -> tuple[tuple[int, ...], ...]:
        """By giver, the takers that it waits for."""
        found: list[list[int]] = [[] for _ in self.givers]
        for taker, links in enumerate(self.unlocks):
            for link in links:
                found[link.giver].append(taker)
        return _frozen(found)

    @cached_property
    def holders(self) -> tuple[tuple[int, ...], ...]:
        """By taker, the givers that it waits for apart from their credit."""
        found: list[list[int]] = [[] for _ in self.takers]
        for giver, takers in enumerate(self.releases):
            for taker in takers:
                found[taker].append(giver)
        return _frozen(found)

    @cached_property
    def leads_ns(self) -> tuple[int, ...]:
        """By giver, the least time from the last of its takers until it gives."""
        leads: list[list[int]] = [[] for _ in self.givers]
        for links in self.unlocks:
            for giver, lead_ns in links:
                leads[giver].append(lead_ns)
        return tuple(min(entries, default=0) for entries in leads)

    @cached_property
    def takers_of(self) -> tuple[tuple[int, ...], ...]:
        """By service, its takers."""
        found: list[list[int]] = [[] for _ in self.slack_micro]
        for number, taker in enumerate(self.takers):
            found[taker.service].append(number)
        return _frozen(found)

    @cached_property
    def is_scarce(self) -> tuple[bool, ...]:
        """By service, whether its slack does not cover all its takers."""
        return tuple(
            sum(self.takers[taker].rate_micro for taker in takers) > slack
            for slack, takers in zip(self.slack_micro, self.takers_of, strict=True)
        )

    @cached_property
    def backwards(self) -> CreditNetwork:
        """The same problem with time running the other way."""
        final = list(self.slack_micro)
        for actor in self.givers:
            final[actor.service] += actor.rate_micro
        for actor in self.takers:
            final[actor.service] -= actor.rate_micro
        unlocks: list[list[Link]] = [[] for _ in self.givers]
        for taker, links in enumerate(self.unlocks):
            for link in links:
                unlocks[link.giver].append(Link(taker, link.lead_ns))
        return CreditNetwork(
            slack_micro=tuple(final),
            takers=self.givers,
            givers=self.takers,
            unlocks=tuple(map(tuple, unlocks)),
            releases=self.holders,
        )

    def needs(self, takers: Iterable[int]) -> dict[int, int]:
        """Return the credit that takers need together, by service."""
        needs: dict[int, int] = {}
        for taker in takers:
            service, rate_micro, _ = self.takers[taker]
            needs[service] = needs.get(service, 0) + rate_micro
        return needs


def _frozen(lists: Iterable[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, lists))
