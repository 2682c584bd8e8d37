"""The CMS problem, frozen: jobs, blocks, configurations, and who serves whom how much.

    minimise   the number of machines
    subject to every machine has one configuration,
               each of its blocks serves at most one job,
               the blocks of every job serve at least its demand

Amounts are whole numbers (the file format counts millionths), so that every comparison
is exact. Made by ``file`` or ``solver``; read by every algorithm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heddle.errors import InputError, UnsupportedError, listed

#: How many blocks of each type a machine has, in the order of the problem's blocks.
Counts = tuple[int, ...]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: The largest demand and amount: products with counts of blocks stay in 64 bits.
MAX_AMOUNT = 10**15
#: Blocks that the demands of one problem may add up to: schedules list them one by one.
MAX_BLOCKS = 2_000_000
#: Maximal configurations that a capacity form is spelled out to.
MAX_PATTERNS = 20_000


@dataclass(frozen=True, slots=True)
class ConfigurationList:
    """Configurations one by one, each as counts over the problem's blocks."""

    configurations: tuple[Counts, ...]

    def admits(self, counts: Counts) -> bool:
        """Whether a machine may be configured so."""
        return counts in self.configurations

    def spelled_out(self) -> tuple[Counts, ...]:
        """Return every configuration worth using."""
        return self.configurations


@dataclass(frozen=True, slots=True)
class CapacityForm:
    """Every multiset of blocks up to a total size.

    ``sizes`` (by block, above 0) and ``capacity`` are whole numbers in one unit.
    """

    sizes: tuple[int, ...]
    capacity: int

    @property
    def has_equal_sizes(self) -> bool:
        """Whether all blocks are of one size, so that only their number matters."""
        return len(set(self.sizes)) == 1

    def admits(self, counts: Counts) -> bool:
        """Whether a machine may be configured so."""
        total = sum(size * count for size, count in zip(self.sizes, counts, strict=True))
        return total <= self.capacity and min(counts) >= 0

    def spelled_out(self) -> tuple[Counts, ...]:
        """Return the configurations to which no block can be added.

        Raises
        ------
        UnsupportedError
            There are more than 20,000 of them.
        """
        order = sorted(range(len(self.sizes)), key=lambda i: (-self.sizes[i], i))
        patterns: list[Counts] = []
        for pattern in self._maximal([self.sizes[i] for i in order], self.capacity):
            patterns.append(tuple(pattern[order.index(i)] for i in range(len(order))))
            if len(patterns) > MAX_PATTERNS:
                raise UnsupportedError(
                    f"the capacity allows more than {MAX_PATTERNS:,} maximal configurations; "
                    "use coarser block sizes, or list the configurations that matter"
                )
        return tuple(patterns)

    def _maximal(self, sizes: Sequence[int], left: int) -> Iterator[Counts]:
        """Yield the maximal counts; with the smallest size last it just fills the rest."""
        most = left // sizes[0]
        if len(sizes) == 1:
            yield (most,)
            return
        for count in range(most, -1, -1):
            for rest in self._maximal(sizes[1:], left - count * sizes[0]):
                yield (count, *rest)


@dataclass(frozen=True)
class CmsProblem:
    """One CMS problem; immutable. ``n`` jobs, ``k`` types of block.

    Attributes
    ----------
    jobs, blocks
        Their names.
    demand
        By job, above 0, at most 1e15.
    amount
        ``amount[j][i]``: how much of job ``j``'s demand one block of type ``i`` serves,
        at least 0.
    form
        Which configurations a machine may have.

    Raises
    ------
    InputError
        A name stands twice, a shape or a number is wrong, or no configuration has a
        block that serves one of the jobs.
    """

    jobs: tuple[str, ...]
    blocks: tuple[str, ...]
    demand: tuple[int, ...]
    amount: tuple[tuple[int, ...], ...]
    form: ConfigurationList | CapacityForm

    def __post_init__(self) -> None:
        _require_distinct("job", self.jobs)
        _require_distinct("block", self.blocks)
        self._require_shapes()
        self._require_ranges()
        for job, row in enumerate(self.amount):
            if not any(amount and self.is_usable[i] for i, amount in enumerate(row)):
                raise InputError(self.why_unservable(job))
        self._require_size()

    @property
    def num_jobs(self) -> int:
        """n."""
        return len(self.jobs)

    @property
    def num_blocks(self) -> int:
        """k."""
        return len(self.blocks)

    @cached_property
    def configurations(self) -> tuple[Counts, ...]:
        """The configurations to choose from; UnsupportedError when there are too many."""
        return self.form.spelled_out()

    @cached_property
    def has_block(self) -> Ints:
        """int64 (configurations, k): blocks of each type in each configuration."""
        return np.array(self.configurations, dtype=np.int64)

    @cached_property
    def is_usable(self) -> tuple[bool, ...]:
        """By type of block: whether some configuration has it."""
        if isinstance(self.form, CapacityForm):
            return tuple(size <= self.form.capacity for size in self.form.sizes)
        return tuple(
            any(counts[i] for counts in self.form.configurations) for i in range(len(self.blocks))
        )

    @cached_property
    def counted(self) -> tuple[tuple[int, ...], ...]:
        """``amount`` cut off at the demand; 0 for blocks that no configuration has.

        A block that serves more than the whole demand is worth the whole demand: which
        schedules are feasible does not change, but every bound gets better.
        """
        return tuple(
            tuple(min(f, d) if ok else 0 for f, ok in zip(row, self.is_usable, strict=True))
            for row, d in zip(self.amount, self.demand, strict=True)
        )

    @cached_property
    def share(self) -> Floats:
        """float (n, k): ``counted`` as a part of the demand, from 0 to 1."""
        counted = np.array(self.counted, dtype=np.float64)
        return counted / np.array(self.demand, dtype=np.float64)[:, None]

    @cached_property
    def num_useful_blocks(self) -> int:
        """P: the types of block that some configuration has and that serve some job."""
        return int((self.share > 0).any(axis=0).sum())

    def why_unservable(self, job: int) -> str:
        """Return what to say of a job that no block of any configuration serves."""
        idle = [self.blocks[i] for i, amount in enumerate(self.amount[job]) if amount]
        if idle:
            return (
                f"job {self.jobs[job]!r} is served by {listed(idle)} only, which no configuration "
                "has; add a configuration with such a block"
            )
        return (
            f"job {self.jobs[job]!r} is served by no block; state how much of its demand "
            f"a block serves (blocks: {listed(self.blocks)})"
        )

    def _require_shapes(self) -> None:
        if len(self.demand) != self.num_jobs or len(self.amount) != self.num_jobs:
            raise InputError(f"expected a demand and a row of amounts for {self.num_jobs} jobs")
        if any(len(row) != self.num_blocks for row in self.amount):
            raise InputError(f"expected an amount for each of {self.num_blocks} blocks in each row")
        wide = (
            (self.form.sizes,) if isinstance(self.form, CapacityForm) else self.form.configurations
        )
        if not wide or any(len(row) != self.num_blocks for row in wide):
            raise InputError(f"expected configurations over {self.num_blocks} blocks")

    def _require_ranges(self) -> None:
        for name, demand in zip(self.jobs, self.demand, strict=True):
            if not 0 < demand <= MAX_AMOUNT:
                raise InputError(f"job {name!r} has demand {demand}; expected 1 to {MAX_AMOUNT}")
        if any(not 0 <= f <= MAX_AMOUNT for row in self.amount for f in row):
            raise InputError(f"an amount lies outside 0 to {MAX_AMOUNT}")
        if isinstance(self.form, CapacityForm):
            if self.form.capacity < 1 or min(self.form.sizes) < 1:
                raise InputError("sizes and capacity must be above 0")
        elif any(count < 0 for counts in self.form.configurations for count in counts):
            raise InputError("a configuration has a negative count")

    def _require_size(self) -> None:
        fewest = [-(-d // max(row)) for d, row in zip(self.demand, self.counted, strict=True)]
        if sum(fewest) > MAX_BLOCKS:
            job = max(range(self.num_jobs), key=lambda j: (fewest[j], -j))
            raise InputError(
                f"the demands need {sum(fewest):,} blocks at least, {fewest[job]:,} of them for "
                f"job {self.jobs[job]!r}; schedules have at most {MAX_BLOCKS:,}: check the units"
            )


def _require_distinct(noun: str, names: Sequence[str]) -> None:
    if not names:
        raise InputError(f"expected at least one {noun}")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{noun} {name!r} stands twice; give each a name of its own")
        seen.add(name)
