"""The configurations of the target that no GPU has yet, equal ones together.

``difference`` counts what they need, ``exchange`` cuts further GPUs after them, and
``compact`` makes one after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from heddle.cluster.deployment import Configuration
from heddle.cluster.partition import Placement
from heddle.transition.exchange_compact.replica import Kind, kinds_of


@dataclass(eq=False)
class Pattern:
    """Configurations with the same kinds on the same GPU type.

    Attributes
    ----------
    position
        Among the patterns.
    members
        The configurations that are still to be made, the next one last.
    example
        One of them.
    kinds
        How many instances of each kind one has.
    """

    position: int
    members: list[Configuration]

    def __post_init__(self) -> None:
        self.example = self.members[-1]
        self.kinds = Counter(kinds_of(self.example))

    def places(self) -> list[tuple[Kind, Placement]]:
        """Return the kinds and placements of the next member, as the target has them."""
        member = self.members[-1] if self.members else self.example
        places = [Placement(instance.start, instance.profile) for instance in member.instances]
        return list(zip(kinds_of(member), places, strict=True))

    @cached_property
    def size(self) -> int:
        """How many instances one has."""
        return self.kinds.total()


class Match(NamedTuple):
    """A pattern, and how many of its instances a GPU has."""

    pattern: Pattern
    num_kept: int


@dataclass
class Wanted:
    """All patterns that still have members.

    Parameters
    ----------
    configurations
        Of the target; those without instances are left out.
    """

    configurations: Iterable[Configuration]
    _by_kind: dict[Kind, list[Pattern]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups: dict[tuple[str, tuple[Kind, ...]], list[Configuration]] = {}
        for configuration in self.configurations:
            if configuration.instances:
                key = (configuration.gpu_type, tuple(sorted(kinds_of(configuration))))
                groups.setdefault(key, []).append(configuration)
        self._exact = {
            key: Pattern(i, members[::-1]) for i, (key, members) in enumerate(groups.items())
        }
        for pattern in self._exact.values():
            for kind in pattern.kinds:
                self._by_kind.setdefault(kind, []).append(pattern)

    def __iter__(self) -> Iterator[Pattern]:
        return (pattern for pattern in self._exact.values() if pattern.members)

    def needs(self) -> Counter[Kind]:
        """Return how many replicas of each kind the configurations left need."""
        total: Counter[Kind] = Counter()
        for pattern in self:
            for kind, count in pattern.kinds.items():
                total[kind] += count * len(pattern.members)
        return total

    def equal_to(self, gpu_type: str, kinds: Mapping[Kind, int]) -> Pattern | None:
        """Return the pattern that has exactly these kinds, if any has members left."""
        every = tuple(sorted(Counter(kinds).elements()))
        pattern = self._exact.get((gpu_type, every))
        return pattern if pattern is not None and pattern.members else None

    def best(self, kinds: Mapping[Kind, int]) -> Match | None:
        """Return the pattern with most instances among these kinds; None when all have none.

        Ties go to the pattern with fewest others, then to the first.
        """
        kept: dict[int, int] = {}
        found: dict[int, Pattern] = {}
        for kind, count in kinds.items():
            for pattern in self._by_kind.get(kind, ()):
                if pattern.members:
                    found[pattern.position] = pattern
                    number = min(count, pattern.kinds[kind])
                    kept[pattern.position] = kept.get(pattern.position, 0) + number
        if not found:
            return None
        chosen = min(found, key=lambda p: (-kept[p], found[p].size, p))
        return Match(found[chosen], kept[chosen])

    def first_of(self, gpu_type: str) -> Pattern | None:
        """Return the first pattern of a GPU type with members left."""
        return next((p for p in self if p.example.gpu_type == gpu_type), None)
