"""How many spare GPUs it takes, and what they are used for.

A spare GPU can carry a part of the target, so that running GPUs come free whole, or
bridges. With one number of spare GPUs both are tried in several shares. Called by
``planner``.
"""

from __future__ import annotations

from collections.abc import Iterable

from heddle.errors import NoPlanError
from heddle.transition.joint.attempt import Attempt, Failure, attempt, spares_used
from heddle.transition.joint.improvement import Effort
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.placement import place_target
from heddle.transition.joint.refusal import refusal
from heddle.transition.joint.shortcuts import polished, shortened
from heddle.transition.request import TransitionRequest

#: Looking for any order.
_LIGHT = Effort(states=20_000)
#: Looking for a short one.
_FULL = Effort(states=200_000)
#: Placements that are compared for the sake of the makespan.
_MAX_PLACEMENTS = 6


class Search:
    """Attempts with different numbers of spare GPUs; placements are remembered."""

    def __init__(self, request: TransitionRequest) -> None:
        self._request = request
        self._placed: dict[int, PlacedTarget | None] = {}
        self._failure: Failure | None = None

    def first(self) -> Attempt:
        """Return any order within the limit, or, without one, with the fewest spare GPUs.

        Raises
        ------
        NoPlanError
            There is none within the limit, or within the stock.
        """
        limit = self._request.spare_gpus
        found = self._try(0)
        if found is None and limit:
            found = self._try(limit)
        if found is not None:
            return found
        least = self._least(0 if limit is None else limit)
        if least is not None and limit is None:
            return least
        assert self._failure is not None
        enough = None if least is None else least.num_spares
        raise NoPlanError(refusal(self._request, self._failure, enough))

    def improved(self, found: Attempt) -> Attempt:
        """Return the best of several ways to use the spare GPUs that there may be."""
        limit = self._request.spare_gpus
        budget = found.num_spares if limit is None else limit
        best = found
        for carried in _spread(budget):
            placed = self._place(carried)
            if placed is None or spares_used(self._request, placed) > budget:
                continue
            if placed.num_untouched < best.placed.num_untouched:
                continue
            other = attempt(self._request, placed, budget, _LIGHT)
            if isinstance(other, Attempt):
                best = min(best, shortened(self._request, other, budget), key=lambda a: a.key)
        return polished(best, _FULL)

    def _least(self, failing: int) -> Attempt | None:
        """Double the number until an order exists, then halve the distance."""
        most = self._most()
        tried, found = failing, None
        while found is None and tried < most:
            failing, tried = tried, min(most, max(1, 2 * tried))
            found = self._try(tried)
        while found is not None and found.num_spares - failing > 1:
            middle = (failing + found.num_spares) // 2
            other = self._try(middle)
            if other is None:
                failing = middle
            else:
                found = other
        return found

    def _most(self) -> int:
        """A number of spare GPUs that always does: room for a copy of everything."""
        return self._request.origin.num_gpus + self._request.wanted.num_gpus

    def _try(self, num_spares: int) -> Attempt | None:
        """Return the best attempt with a number of spare GPUs, or None."""
        best: Attempt | None = None
        for carried in sorted({0, num_spares // 2, num_spares}):
            placed = self._place(carried)
            if placed is None or spares_used(self._request, placed) > num_spares:
                continue
            found = attempt(self._request, placed, num_spares, _LIGHT)
            if isinstance(found, Failure):
                self._failure = self._failure or found
            elif best is None or (found.num_spares, found.key) < (best.num_spares, best.key):
                best = found
        return best

    def _place(self, num_spares: int) -> PlacedTarget | None:
        """Return the placement with so many spare GPUs; None when there are not so many."""
        if num_spares not in self._placed:
            try:
                self._placed[num_spares] = place_target(self._request, num_spares)
            except NoPlanError:
                if num_spares == 0:
                    raise
                self._placed[num_spares] = None
        return self._placed[num_spares]


def _spread(budget: int) -> Iterable[int]:
    """Return numbers from 0 to the budget, few and far between when it is large."""
    if budget < _MAX_PLACEMENTS:
        return range(budget + 1)
    numbers = {0, 1, budget}
    while len(numbers) < _MAX_PLACEMENTS:
        budget //= 2
        numbers.add(budget)
        if budget <= 1:
            break
    return sorted(numbers)
