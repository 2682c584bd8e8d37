"""What one GPU can hold, worked out from the facts of its type.

Written again instead of asking ``cluster.partition``: an error in either shows as a
difference. ``partition_check`` looks for objections to a GPU's instances,
``price_check`` for the layout that a set of prices values most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.verification.findings import Finding, FindingKind

#: A profile's name and its start.
Place = tuple[str, int]


def objections(gpu_type: GpuType, places: Sequence[Place]) -> list[Finding]:
    """Return why these instances cannot be on one GPU together; empty when they can."""
    by_name = {profile.name: profile for profile in gpu_type.profiles}
    unknown = [
        Finding(FindingKind.UNKNOWN_PROFILE, f"{gpu_type.name} has no profile {name!r}")
        for name in sorted({name for name, _ in places} - by_name.keys())
    ]
    known = [(by_name[name], start) for name, start in places if name in by_name]
    counts = Counter(profile.name for profile, _ in known)
    return [
        *unknown,
        *_illegal_starts(known),
        *_overlaps(known),
        *_excess(gpu_type, counts),
        *_excess_engines(gpu_type, counts),
        *_excluded(gpu_type, counts),
    ]


def _illegal_starts(known: Sequence[tuple[Profile, int]]) -> Iterator[Finding]:
    for profile, start in known:
        if profile.starts is None or profile.size is None:
            yield Finding(
                FindingKind.ILLEGAL_START,
                f"{profile.name} at {start}: its starts are not published",
            )
        elif start not in profile.starts:
            legal = ", ".join(str(allowed) for allowed in profile.starts)
            yield Finding(
                FindingKind.ILLEGAL_START, f"{profile.name} at {start}: it may start at {legal}"
            )


def _overlaps(known: Sequence[tuple[Profile, int]]) -> Iterator[Finding]:
    holder: dict[int, str] = {}
    for profile, start in sorted(known, key=lambda item: (item[1], item[0].name)):
        place = f"{profile.name} at {start}"
        units = range(start, start + (profile.size or 0))
        taken = next((unit for unit in units if unit in holder), None)
        if taken is not None:
            yield Finding(
                FindingKind.OVERLAP, f"{holder[taken]} and {place} overlap in unit {taken}"
            )
        for unit in units:
            holder.setdefault(unit, place)


def _excess(gpu_type: GpuType, counts: Mapping[str, int]) -> Iterator[Finding]:
    for profile in gpu_type.profiles:
        count = counts.get(profile.name, 0)
        if count > profile.max_instances:
            yield Finding(
                FindingKind.TOO_MANY_INSTANCES,
                f"{count} x {profile.name}; one GPU holds at most {profile.max_instances}",
            )


def _excess_engines(gpu_type: GpuType, counts: Mapping[str, int]) -> Iterator[Finding]:
    for engine, amount in _engine_use(gpu_type, counts).items():
        owned = gpu_type.engines.get(engine, 0)
        if amount > owned:
            yield Finding(
                FindingKind.ENGINE_EXCEEDED,
                f"its instances use {amount} of engine {engine!r}; the GPU has {owned}",
            )


def _engine_use(gpu_type: GpuType, counts: Mapping[str, int]) -> Counter[str]:
    use: Counter[str] = Counter()
    for profile in gpu_type.profiles:
        for engine, amount in profile.uses.items():
            use[engine] += amount * counts.get(profile.name, 0)
    return use


def _excluded(gpu_type: GpuType, counts: Mapping[str, int]) -> Iterator[Finding]:
    for one, other in gpu_type.excludes:
        if counts.get(one, 0) and counts.get(other, 0):
            yield Finding(FindingKind.EXCLUDED_PAIR, f"{one} and {other} may not share a GPU")


@dataclass(frozen=True, slots=True)
class PricedLayout:
    """A layout and what it is worth: profile names with counts, and the exact price."""

    counts: tuple[tuple[str, int], ...]
    price: Fraction

    def __str__(self) -> str:
        return " + ".join(f"{count} x {name}" for name, count in self.counts) or "nothing"


def priciest_layout(gpu_type: GpuType, prices: Mapping[str, Fraction]) -> PricedLayout:
    """Return the legal layout that these prices value most.

    Complete: walks the placement axis from unit 0, at each unit leaving it free or
    starting any profile there, and keeps the best end from every distinct state.
    Profiles without a price above 0 are left out, which keeps every layout legal.
    """
    valued = [p for p in gpu_type.profiles if prices.get(p.name, 0) > 0 and p.starts is not None]
    chosen = _Walk(gpu_type, valued, prices).best(0, (0,) * len(valued))
    counts = Counter(chosen.names)
    return PricedLayout(tuple(sorted(counts.items())), chosen.price)


@dataclass(frozen=True, slots=True)
class _End:
    """The best way to go on from a state."""

    price: Fraction
    names: tuple[str, ...]


class _Walk:
    """Walks one GPU's placement axis; the state is the unit and what limits the rest."""

    def __init__(
        self, gpu_type: GpuType, profiles: Sequence[Profile], prices: Mapping[str, Fraction]
    ) -> None:
        self._gpu_type = gpu_type
        self._profiles = profiles
        self._prices = prices
        self._units = gpu_type.memory_units or 0
        self._is_limited = [self._limits(profile) for profile in profiles]
        self._known: dict[tuple[int, tuple[int, ...]], _End] = {}

    def best(self, unit: int, used: tuple[int, ...]) -> _End:
        """Return the best end from ``unit`` on, after ``used`` instances by profile."""
        if unit >= self._units:
            return _End(Fraction(0), ())
        state = (unit, used)
        if state not in self._known:
            self._known[state] = self._best(unit, used)
        return self._known[state]

    def _best(self, unit: int, used: tuple[int, ...]) -> _End:
        best = self.best(unit + 1, used)
        for index, profile in enumerate(self._profiles):
            if unit in (profile.starts or ()) and self._can_add(used, index):
                rest = self.best(unit + (profile.size or 0), self._add(used, index))
                price = rest.price + self._prices[profile.name]
                if price > best.price:
                    best = _End(price, (profile.name, *rest.names))
        return best

    def _add(self, used: tuple[int, ...], index: int) -> tuple[int, ...]:
        """Count an instance, if the count can matter: otherwise states would multiply."""
        if not self._is_limited[index]:
            return used
        return (*used[:index], used[index] + 1, *used[index + 1 :])

    def _can_add(self, used: tuple[int, ...], index: int) -> bool:
        after = self._add(used, index)
        counts = {p.name: n for p, n in zip(self._profiles, after, strict=True)}
        wrong = (
            _excess(self._gpu_type, counts),
            _excess_engines(self._gpu_type, counts),
            _excluded(self._gpu_type, counts),
        )
        return not any(True for objections_of_rule in wrong for _ in objections_of_rule)

    def _limits(self, profile: Profile) -> bool:
        """Whether anything but the axis limits how many of it fit beside others."""
        is_excluded = any(profile.name in pair for pair in self._gpu_type.excludes)
        most_by_axis = _most_on_axis(profile)
        return bool(profile.uses) or is_excluded or profile.max_instances < most_by_axis


def _most_on_axis(profile: Profile) -> int:
    """Return how many of the profile its starts alone allow: first fit is best."""
    count, free_from = 0, 0
    for start in sorted(profile.starts or ()):
        if start >= free_from:
            count, free_from = count + 1, start + (profile.size or 0)
    return count
