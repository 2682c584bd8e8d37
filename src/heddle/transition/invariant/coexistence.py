"""Whether the instances that may exist at once are a legal partition, in every state.

An instance takes its slots from the issue of its create to the end of its destroy. Two
instances of a GPU can exist at once in some reachable state unless the destroy of one is
before the create of the other: with both creates issued, and nothing done but what they
wait for, both are there. How many of a kind can exist at once is a maximum closure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from heddle.cluster.gpu_type import GpuType
from heddle.transition.invariant.ancestry import Ancestry, Masks, Pair, Question
from heddle.transition.invariant.form import placement_text
from heddle.transition.invariant.geometry import Geometry, Limit
from heddle.transition.invariant.replay import Life
from heddle.transition.invariant.surplus import Surplus, largest_surplus
from heddle.transition.invariant.violation import Violation


class _Conflict(NamedTuple):
    """Two instances of a GPU that may not exist at once, and the order that keeps them apart."""

    gpu: str
    one: Life
    other: Life
    order: Pair | None


class _Count(NamedTuple):
    """The lives of a GPU that a limit is about, and how much each takes of it."""

    gpu: str
    limit: Limit
    lives: tuple[Life, ...]

    @property
    def creates(self) -> list[tuple[int, int]]:
        """The creates, each with what it takes."""
        return [
            (life.create, self.limit.takes[life.placement.profile])
            for life in self.lives
            if life.create is not None
        ]

    @property
    def destroys(self) -> list[tuple[int, int]]:
        """The destroys, each with what it gives back."""
        return [
            (life.destroy, self.limit.takes[life.placement.profile])
            for life in self.lives
            if life.destroy is not None
        ]

    @property
    def question(self) -> Question:
        """Which destroys are before which creates?"""
        return Question([d for d, _ in self.destroys], [c for c, _ in self.creates])

    def most(self, masks: Masks) -> Surplus:
        """Return the most that can be taken at once, and the creates that lead there."""
        at_start = sum(
            self.limit.takes[life.placement.profile] for life in self.lives if life.create is None
        )
        surplus = largest_surplus(
            [amount for _, amount in self.creates], [amount for _, amount in self.destroys], masks
        )
        return surplus._replace(value=at_start + surplus.value)


class Coexistence:
    """Collects what is to be shown, GPU by GPU, and shows it for all GPUs together."""

    def __init__(self, ancestry: Ancestry) -> None:
        self._ancestry = ancestry
        self._geometries: dict[str, Geometry] = {}
        self._impossible: list[Violation] = []
        self._conflicts: list[_Conflict] = []
        self._counts: list[_Count] = []

    def add(self, gpu: str, gpu_type: GpuType, lives: Sequence[Life]) -> None:
        """Take in one GPU and every instance that ever exists on it."""
        geometry = self._geometries.get(gpu_type.name)
        if geometry is None:
            geometry = self._geometries[gpu_type.name] = Geometry(gpu_type)
        possible = []
        for life in lives:
            objection = geometry.objection(life.placement)
            if objection is None:
                possible.append(life)
            else:
                message = f"{placement_text(life.placement, gpu)}: {objection}"
                self._impossible.append(Violation(message, life.create))
        self._conflicts.extend(_conflicts(gpu, geometry, possible))
        self._counts.extend(_counts(gpu, geometry, possible))

    def violations(self) -> Iterator[Violation]:
        """Yield the placements that cannot be, then those that cannot be together."""
        yield from self._impossible
        orders = [conflict.order for conflict in self._conflicts if conflict.order is not None]
        broken = set(self._ancestry.unordered(orders))
        for conflict in self._conflicts:
            if conflict.order is None or conflict.order in broken:
                yield _together(conflict)
        yield from self._excesses()

    def _excesses(self) -> Iterator[Violation]:
        # Chains of waiting that leave the GPU can only make less exist at once.
        ancestry = self._ancestry
        doubtful = [
            count
            for count in self._counts
            if count.most(ancestry.near_masks(count.question)).value > count.limit.most
        ]
        answers = ancestry.masks(count.question for count in doubtful)
        for count, masks in zip(doubtful, answers, strict=True):
            most = count.most(masks)
            if most.value > count.limit.most:
                last = max((count.creates[k][0] for k in most.chosen), default=None)
                yield Violation(
                    f"{count.gpu}: {most.value} {count.limit.name} may be in use at once, "
                    f"the GPU has {count.limit.most}"
                    + (f" (step {last} makes the last one)" if last is not None else ""),
                    last,
                )


def _conflicts(gpu: str, geometry: Geometry, lives: Sequence[Life]) -> Iterator[_Conflict]:
    """Yield the pairs of lives that may not overlap in time."""
    units = [geometry.units(life.placement) for life in lives]
    for (one, its_units), (other, other_units) in combinations(zip(lives, units, strict=True), 2):
        if its_units & other_units:
            # The steps of one and the same slot are in order already.
            if one.placement != other.placement:
                yield _Conflict(gpu, one, other, _order(one, other))
        elif geometry.excluded:
            profiles = (one.placement.profile, other.placement.profile)
            if profiles in geometry.excluded:
                yield _Conflict(gpu, one, other, _order(one, other))


def _order(one: Life, other: Life) -> Pair | None:
    """Return which steps must be ordered to keep two lives apart; None when none can."""
    for first, second in ((one, other), (other, one)):
        destroy, create = first.destroy, second.create
        if destroy is not None and create is not None and destroy < create:
            return Pair(destroy, create)
    return None


def _counts(gpu: str, geometry: Geometry, lives: Sequence[Life]) -> Iterator[_Count]:
    """Yield the limits that could be passed if everything existed at once."""
    taken: dict[str, int] = {}
    for life in lives:
        taken[life.placement.profile] = taken.get(life.placement.profile, 0) + 1
    for limit in geometry.limits:
        if limit.is_implied:
            continue
        total = sum(taken.get(profile, 0) * amount for profile, amount in limit.takes.items())
        if total > limit.most:
            named = tuple(life for life in lives if life.placement.profile in limit.takes)
            yield _Count(gpu, limit, named)


def _together(conflict: _Conflict) -> Violation:
    gpu, one, other, order = conflict
    places = f"{placement_text(one.placement, gpu)} and {placement_text(other.placement, gpu)}"
    if order is not None:
        why = f"step {order.later} does not wait for step {order.earlier}"
        return Violation(f"{places} may exist at once: {why}", order.later)
    last = max((c for c in (one.create, other.create) if c is not None), default=None)
    why = "neither is destroyed before the other is created"
    return Violation(f"{places} may exist at once: {why}", last)


def coexistence_violations(
    ancestry: Ancestry, types: Mapping[str, GpuType], lives: Mapping[str, Sequence[Life]]
) -> Iterator[Violation]:
    """Yield how the instances of each GPU break the rules of its type in some state.

    GPUs without a known type are passed over: that is said elsewhere.
    """
    check = Coexistence(ancestry)
    for gpu, gpu_lives in lives.items():
        if gpu in types:
            check.add(gpu, types[gpu], gpu_lives)
    return check.violations()
