"""Configurations that mix any number of services, built for the need at hand.

The paper adds, once a service is almost satisfied, the configurations that mix it
with more services (appendix A.1); there are far too many to list. Here one is built
for each layout: its instances, largest first, each go to the service whose score they
raise most. A service counts as almost satisfied when one more instance is all that a
GPU can still give it: what is missing fits on one instance, or an option limits it to
one instance a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
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
class Wish:
    """What to mix for.

    Attributes
    ----------
    missing
        1 - c by row.
    weight
        The factor of a row's utility in the score; the paper's is ``missing``.
    services
        The services that may take part.
    openness
        Which of all services may still get a GPU of which pool; None for all.
    counts_surplus
        Whether utility beyond the need counts in the score, as in the paper.
    """

    missing: Floats
    weight: Floats
    services: Ints
    openness: Bools | None = None
    counts_surplus: bool = False


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
    """Builds mixes for one requirement.

    Attributes
    ----------
    slots
        int64 (layouts, slots): the kinds of each layout, largest first, padded with -1.
    utility
        float64 (K + 1, n): the share of its demand that a service gets from one
        instance; the last row is 0 and stands for no instance.
    most_share
        float64 (n,): the share that one GPU may carry.
    replica_utility
        float64 (n,): the share of its replicas that one instance is.
    """

    def __init__(self, requirement: Requirement) -> None:
        problem = requirement.problem
        self.requirement = requirement
        self.slots = _slots(problem)
        share = problem.rate / problem.demand[:, None]
        self.utility: Floats = np.vstack([share.T, np.zeros(problem.num_services)])
        self.most_share: Floats = problem.share_cap / problem.demand
        self.replica_utility: Floats = 1.0 / np.maximum(problem.min_replicas, 1)
        cost = np.array(problem.cost, dtype=np.float64)
        self._per_cost: Floats = (cost.max() / np.maximum(cost, 1.0))[problem.layout_pool]
        self.apart = _apart(problem)
        largest = problem.counted_rate.max(axis=1) / problem.demand
        is_limited = problem.is_spread | (self.most_share <= largest)
        self._almost: Floats = np.where(is_limited, np.inf, largest)

    def is_useful(self, missing: Floats) -> bool:
        """Whether some service is almost satisfied, or misses replicas."""
        n = len(self._almost)
        rate, replicas = missing[:n], missing[n:]
        return bool(((rate > 0) & (rate <= self._almost)).any() or replicas.any())

    def mixes(self, wish: Wish) -> Mixes:
        """Return the mix of each layout."""
        build = _Build(self, wish)
        for position in range(self.slots.shape[1]):
            build.fill(position)
        return Mixes(build.scores * self._per_cost, build.chosen)

    def configuration(self, layout: int, services: Sequence[int]) -> Configuration:
        """Return the mix with these services on the slots of a layout, -1 for none."""
        kinds = self.slots[layout].tolist()
        slots = [Slot(k, s) for k, s in zip(kinds, services, strict=True) if s >= 0]
        pool = int(self.requirement.problem.layout_pool[layout])
        return self.requirement.configuration(pool, slots)


class _Build:
    """The mixes of all layouts while their slots are filled, one position at a time."""

    def __init__(self, mixer: Mixer, wish: Wish) -> None:
        problem = mixer.requirement.problem
        services = wish.services
        self._mixer = mixer
        self._services = services
        self._layouts = np.arange(len(mixer.slots))
        self._utility = mixer.utility[:, services]
        self._weight = wish.weight[services]
        shape = (len(mixer.slots), len(services))
        self._room = np.empty(shape)
        missing, most = wish.missing[services], mixer.most_share[services]
        self._room[:] = (
            np.where(missing > 0, most, 0.0) if wish.counts_surplus else np.minimum(missing, most)
        )
        self._may = np.ones(shape, dtype=bool)
        if wish.openness is not None:
            self._may &= wish.openness[services][:, problem.layout_pool].T
        self._is_spread = problem.is_spread[services]
        self._replicas = _Replicas(mixer, wish, shape) if problem.min_replicas.max() > 1 else None
        self.scores = np.zeros(shape[0])
        self.chosen = np.full(mixer.slots.shape, -1, dtype=np.int64)

    def fill(self, position: int) -> None:
        """Give the slot at this position of every layout to the best service."""
        utility = self._utility[self._mixer.slots[:, position]]
        added = np.minimum(utility, self._room)
        gain = added * self._weight
        if self._replicas is not None:
            gain += self._replicas.gain(utility)
        gain *= self._may
        best = gain.argmax(axis=1)
        won = gain[self._layouts, best]
        self.scores += won
        took = np.flatnonzero(won > 0)
        columns = best[took]
        self.chosen[took, position] = self._services[columns]
        self._room[took, columns] -= added[took, columns]
        if self._replicas is not None:
            self._replicas.take(took, columns)
        self._exclude(took, columns)

    def _exclude(self, layouts: Ints, columns: Ints) -> None:
        """Rule out what may not stand beside the services just placed."""
        is_spread = self._is_spread[columns]
        self._may[layouts[is_spread], columns[is_spread]] = False
        if self._mixer.apart is not None:
            apart = self._mixer.apart[self._services[columns]][:, self._services]
            self._may[layouts] &= ~apart


class _Replicas:
    """What instances add to the replicas that services still miss."""

    def __init__(self, mixer: Mixer, wish: Wish, shape: tuple[int, int]) -> None:
        rows = mixer.requirement.replica_row[wish.services]
        self._weight = wish.weight[rows]
        self._one = mixer.replica_utility[wish.services]
        self._room = np.empty(shape)
        self._room[:] = wish.missing[rows]

    def gain(self, utility: Floats) -> Floats:
        """Return what one usable instance adds to the score, by layout and service."""
        added: Floats = (utility > 0) * np.minimum(self._one, self._room) * self._weight
        return added

    def take(self, layouts: Ints, columns: Ints) -> None:
        """Count one replica more for these services."""
        left = self._room[layouts, columns] - self._one[columns]
        self._room[layouts, columns] = np.maximum(left, 0.0)


def _slots(problem: RmsProblem) -> Ints:
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
