"""How many spare GPUs it takes, and what they are used for.

A spare GPU carries a configuration of the target, so that a running GPU comes free
whole, or it carries bridges. Where no order exists both are tried, one spare GPU after
the other; where one does, they shorten it within the limit. Called by ``planner``.
"""

from __future__ import annotations

from collections.abc import Iterable

from heddle.errors import InputError, NoPlanError
from heddle.transition.joint.attempt import Attempt, Failure, attempt, bridged, spares_used
from heddle.transition.joint.carrying import Carrier
from heddle.transition.joint.improvement import Effort
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.placement import Placer
from heddle.transition.joint.refusal import refusal
from heddle.transition.joint.setting import Setting
from heddle.transition.joint.shortcuts import polished, shortened
from heddle.transition.request import TransitionRequest

#: Looking for any order.
_LIGHT = Effort(states=20_000, shakes=10_000)
#: Looking for a short one.
_FULL = Effort(states=200_000, shakes=60_000)
_QUICK = Effort(ranks=2)
#: Placements that are compared for the sake of the makespan.
_MAX_PLACEMENTS = 4
#: Numbers of spare GPUs at which bridges are tried for the rest.
_MAX_STAGES = 8
#: GPUs that are tried as the next one to come free.
_MAX_CARRIED = 6
#: With more changes than this there are no alternatives, and several move at a time.
_MANY_CHANGES = 200
_MAX_GROUPS = 24


class Search:
    """Looks for an order with few spare GPUs, then for a short one."""

    def __init__(self, request: TransitionRequest) -> None:
        self._setting = Setting(request)
        self._placer = Placer(request)

    def first(self) -> Attempt:
        """Return any order within the limit, or, without one, with the fewest spare GPUs.

        Raises
        ------
        InputError, NoPlanError
            The target cannot be placed; there is no order within the limit or the stock.
        """
        limit = self._setting.request.spare_gpus
        found = attempt(self._setting, self._placer.place(), _LIGHT)
        if isinstance(found, Attempt):
            return found
        least = self._least(found)
        if least is None or (limit is not None and least.num_spares > limit):
            enough = None if least is None else least.num_spares
            raise NoPlanError(refusal(self._setting, found, enough))
        return least

    def improved(self, found: Attempt) -> Attempt:
        """Return the best of several ways to use the spare GPUs that there may be."""
        limit = self._setting.request.spare_gpus
        budget = found.num_spares if limit is None else limit
        candidates = [found]
        for placed in self._placements(budget):
            if placed.num_untouched >= found.placed.num_untouched:
                other = attempt(self._setting, placed, _LIGHT)
                if isinstance(other, Attempt):
                    candidates.append(other)
        chosen = {id(a): a for a in (found, min(candidates, key=lambda a: a.key))}
        shorter = [shortened(self._setting, a, budget) for a in chosen.values()]
        return polished(min(shorter, key=lambda a: a.key), _FULL)

    def _least(self, failure: Failure) -> Attempt | None:
        """Return an order with few spare GPUs for a target that is stuck; None if none is found.

        One configuration after the other moves to a spare GPU, several at a time where
        there are many; at some stages it is tried what bridges can do for the rest.
        """
        request = self._setting.request
        most = request.origin.num_gpus + request.wanted.num_gpus
        best = bridged(self._setting, failure, most, _QUICK)
        stages = _spread(most if best is None else best.num_spares, _MAX_STAGES)
        current: Attempt | Failure | None = failure
        while isinstance(current, Failure):
            used = spares_used(self._setting, current.placed)
            limit = most if best is None else best.num_spares - 1
            if stages and used >= stages[0]:
                stages = [number for number in stages if number > used]
                best = bridged(self._setting, current, limit, _QUICK) or best
                limit = most if best is None else best.num_spares - 1
            current = self._with_more(current, limit)
        return current or best

    def _with_more(self, failure: Failure, limit: int) -> Attempt | Failure | None:
        """Move one more configuration to a spare GPU; return the first order that this gives.

        Without one, what the most useful move leads to; None when none is possible.
        """
        useful = Carrier(self._setting, failure.placed).most_useful(failure.changes, failure.stuck)
        num_changes = len(failure.changes.leaving) + len(failure.changes.arriving)
        if num_changes <= _MANY_CHANGES:
            groups = [[gpu] for gpu in useful[:_MAX_CARRIED]]
        else:
            groups = [useful[: max(1, limit // _MAX_GROUPS)]]
        first: Failure | None = None
        for group in groups:
            placed = failure.placed
            for gpu in group:
                placed = Carrier(self._setting, placed).carried(gpu) or placed
            if placed is failure.placed or spares_used(self._setting, placed) > limit:
                continue
            found = attempt(self._setting, placed, _QUICK)
            if isinstance(found, Attempt):
                return found
            first = first or found
        return first

    def _placements(self, budget: int) -> Iterable[PlacedTarget]:
        """Yield placements that use some of the spare GPUs, few of them."""
        seen = {0}
        for number in _spread(budget, _MAX_PLACEMENTS):
            try:
                placed = self._placer.place(number)
            except (InputError, NoPlanError):
                return
            used = spares_used(self._setting, placed)
            if placed.num_spares not in seen and used <= budget:
                seen.add(placed.num_spares)
                yield placed
            if placed.num_spares < number:
                return


def _spread(most: int, count: int) -> list[int]:
    """Return at most so many numbers from 1 to the most, the small ones close together."""
    if most <= count:
        return list(range(1, most + 1))
    numbers = {max(1, round(most ** (step / count))) for step in range(1, count + 1)}
    return sorted(numbers)
