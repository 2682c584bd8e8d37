"""Configurations that mix any number of services, built for the need at hand.

The paper adds, once a service is almost satisfied, the configurations that mix it
with more services (appendix A.1); there are far too many to list. Here one is built
for each layout: its instances, largest first, each go to the service whose score they
raise most. A service counts as almost satisfied when one more instance is all that a
GPU can still give it: what is missing fits on one instance, or its share of a GPU is
limited to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.optimizer.migserving.requirement import (
    Bools,
    Configuration,
    Floats,
    Ints,
    Requirement,
)
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem


@dataclass(frozen=True, slots=True)
class Mixes:
    """One configuration per layout.

    Attributes
    ----------
    scores
        float64 (layouts,): the score of each, per cost; 0 for a layout without use.
    services
        int64 (layouts, slots): the service on each slot, -1 for none.
    """

    scores: Floats
    services: Ints


class Mixer:
    """Builds mixes for one requirement."""

    def __init__(self, requirement: Requirement) -> None:
        problem = requirement.problem
        n = problem.num_services
        self._requirement = requirement
        self._slots = _slots(problem)
        self._layouts = np.arange(len(problem.layouts))
        share = problem.rate / problem.demand[:, None]
        self._utility: Floats = np.vstack([share.T, np.zeros(n)])
        self._cap: Floats = problem.share_cap / problem.demand
        self._replica_utility: Floats = 1.0 / np.maximum(problem.min_replicas, 1)
        cost = np.array(problem.cost, dtype=np.float64)
        self._per_cost: Floats = (cost.max() / np.maximum(cost, 1.0))[problem.layout_pool]
        self._apart = _apart(problem)
        self._has_spread = bool(problem.is_spread.any())
        self._counts_replicas = requirement.num_rows > n
        largest = problem.counted_rate.max(axis=1) / problem.demand
        self._at_most = np.where(problem.is_spread | (self._cap <= largest), np.inf, largest)

    def is_useful(self, missing: Floats) -> bool:
        """Whether some service is almost satisfied; ``missing`` is 1 - c by row."""
        mine = missing[: len(self._at_most)]
        return bool(((mine > 0) & (mine <= self._at_most)).any())

    def mixes(
        self, missing: Floats, services: Ints, openness: Bools | None = None, weight=None
    ) -> Mixes:
        """Return the best mix of these services on each layout."""
        build = _Build(self, missing, services, openness, weight)
        for position in range(self._slots.shape[1]):
            build.fill(position)
        return Mixes(build.scores * self._per_cost, build.chosen)

    def configuration(self, services: Ints, layout: int) -> Configuration:
        """Return the mix with these services on the slots of a layout as an object."""
        slots = [
            Slot(kind, service)
            for kind, service in zip(self._slots[layout].tolist(), services, strict=True)
            if service >= 0
        ]
        pool = int(self._requirement.problem.layout_pool[layout])
        return self._requirement.configuration(pool, slots)


class _Build:
    """The mixes of all layouts while their slots are filled, one position at a time."""

    def __init__(
        self, mixer: Mixer, missing: Floats, services: Ints, openness: Bools | None, weight=None
    ) -> None:
        problem = mixer._requirement.problem
        self._mixer = mixer
        self._services = services
        self._utility = mixer._utility[:, services]
        self._weight = (missing if weight is None else weight)[services]
        shape = (len(mixer._layouts), len(services))
        room = np.minimum(missing[services], mixer._cap[services])
        self._room = np.broadcast_to(room, shape).copy()
        self._may = (
            np.ones(shape, dtype=bool)
            if openness is None
            else openness[services][:, problem.layout_pool].T.copy()
        )
        self._replicas = missing[mixer._requirement.replica_row[services]]
        self._replica_room = np.broadcast_to(self._replicas, shape).copy()
        self.scores = np.zeros(shape[0])
        self.chosen = np.full(mixer._slots.shape, -1, dtype=np.int64)

    def fill(self, position: int) -> None:
        """Give the slot at this position of every layout to the best service."""
        mixer = self._mixer
        added = np.minimum(self._utility[mixer._slots[:, position]], self._room)
        gain = added * self._weight
        if mixer._counts_replicas:
            usable = self._utility[mixer._slots[:, position]] > 0
            step = np.minimum(mixer._replica_utility[self._services], self._replica_room)
            gain += usable * step * self._replicas
        gain *= self._may
        best = gain.argmax(axis=1)
        won = gain[mixer._layouts, best]
        self.scores += won
        took = np.flatnonzero(won > 0)
        service = best[took]
        self.chosen[took, position] = self._services[service]
        self._room[took, service] -= added[took, service]
        if mixer._counts_replicas:
            self._replica_room[took, service] -= step[took, service]
        self._exclude(took, service)

    def _exclude(self, layouts: Ints, columns: Ints) -> None:
        """Rule out what may not stand beside the services just placed."""
        mixer = self._mixer
        if mixer._has_spread:
            is_spread = mixer._requirement.problem.is_spread[self._services[columns]]
            self._may[layouts[is_spread], columns[is_spread]] = False
        if mixer._apart is not None:
            apart = mixer._apart[self._services[columns]][:, self._services]
            self._may[layouts] &= ~apart


def _slots(problem: RmsProblem) -> Ints:
    """Return int64 (layouts, slots): kinds, most valuable first, padded with -1."""
    by_value = sorted(
        range(problem.num_kinds), key=lambda k: (problem.kinds[k].profile.value, k), reverse=True
    )
    rows = [[k for k in by_value for _ in range(layout.counts[k])] for layout in problem.layouts]
    width = max(len(row) for row in rows)
    return np.array([row + [-1] * (width - len(row)) for row in rows], dtype=np.int64)


def _apart(problem: RmsProblem) -> Bools | None:
    """Return bool (n, n): pairs that share no GPU; None when there are none."""
    if not any(problem.apart):
        return None
    apart = np.zeros((problem.num_services, problem.num_services), dtype=bool)
    for s, others in enumerate(problem.apart):
        apart[s, list(others)] = True
    return apart
