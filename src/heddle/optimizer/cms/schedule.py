"""A schedule: the configuration of every machine and the job of each of its blocks.

Blocks of one type are interchangeable, so algorithms work with a :class:`BlockPlan`:
how many machines of each configuration, how many blocks of each type per job.
:func:`deal` hands the blocks to machines; :func:`violations` is the one place that says
what a schedule must satisfy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.optimizer.cms.problem import CmsProblem, Counts, Ints


class BlockUse(NamedTuple):
    """One block of a machine: its type and the job that has it, both by index."""

    block: int
    job: int


class Machine(NamedTuple):
    """A machine: its configuration, and its blocks in use in ascending order.

    Blocks that serve nobody are not listed.
    """

    configuration: Counts
    uses: tuple[BlockUse, ...]


@dataclass(frozen=True, slots=True)
class CmsSchedule:
    """The machines of one schedule."""

    machines: tuple[Machine, ...]

    @property
    def num_machines(self) -> int:
        """How many machines it takes."""
        return len(self.machines)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A schedule before blocks are dealt to machines.

    Attributes
    ----------
    machines
        How many machines of each configuration, as (configuration, count) with
        positive counts.
    blocks
        ``blocks[j][i]``: blocks of type ``i`` for job ``j``.
    """

    machines: tuple[tuple[Counts, int], ...]
    blocks: tuple[tuple[int, ...], ...]

    @property
    def num_machines(self) -> int:
        """How many machines it takes."""
        return sum(count for _, count in self.machines)

    def capacity(self) -> list[int]:
        """Return how many blocks of each type the machines have."""
        num_blocks = len(self.blocks[0])
        return [sum(counts[i] * m for counts, m in self.machines) for i in range(num_blocks)]

    def used(self) -> list[int]:
        """Return how many blocks of each type the jobs have."""
        return [sum(column) for column in zip(*self.blocks, strict=True)]


def is_served(problem: CmsProblem, job: int, blocks: Sequence[int]) -> bool:
    """Whether these blocks, counted by type, serve the job's demand."""
    served = sum(f * count for f, count in zip(problem.amount[job], blocks, strict=True))
    return served >= problem.demand[job]


def serves_all(problem: CmsProblem, plan: BlockPlan) -> bool:
    """Whether every job of the plan gets its demand."""
    return all(is_served(problem, j, blocks) for j, blocks in enumerate(plan.blocks))


def block_plan(
    configurations: Sequence[Counts],
    counts: Sequence[int] | Ints,
    blocks: Sequence[Sequence[int]] | Ints,
) -> BlockPlan:
    """Return the plan with ``counts[c]`` machines of the ``c``-th configuration."""
    machines = [(c, int(m)) for c, m in zip(configurations, counts, strict=True) if m > 0]
    return BlockPlan(tuple(machines), tuple(tuple(int(b) for b in row) for row in blocks))


def trim(problem: CmsProblem, plan: BlockPlan) -> BlockPlan:
    """Return the plan without blocks and machines that it can do without.

    Every job gives back blocks, the least useful first; then every configuration gives
    back machines, those with the fewest blocks first.
    """
    blocks = [_without_surplus(problem, j, row) for j, row in enumerate(plan.blocks)]
    used = [sum(column) for column in zip(*blocks, strict=True)]
    spare = [have - need for have, need in zip(plan.capacity(), used, strict=True)]
    order = sorted(range(len(plan.machines)), key=lambda m: (sum(plan.machines[m][0]), m))
    kept = dict(enumerate(plan.machines))
    for index in order:
        counts, num = plan.machines[index]
        removed = min([num, *(s // a for s, a in zip(spare, counts, strict=True) if a)])
        spare = [s - a * removed for s, a in zip(spare, counts, strict=True)]
        kept[index] = (counts, num - removed)
    machines = tuple((counts, num) for counts, num in kept.values() if num)
    return BlockPlan(machines, tuple(blocks))


def _without_surplus(problem: CmsProblem, job: int, blocks: Sequence[int]) -> tuple[int, ...]:
    amount = problem.counted[job]
    surplus = sum(f * count for f, count in zip(amount, blocks, strict=True)) - problem.demand[job]
    kept = list(blocks)
    for i in sorted(range(len(kept)), key=lambda i: (amount[i], i)):
        removed = kept[i] if not amount[i] else max(0, min(kept[i], surplus // amount[i]))
        kept[i] -= removed
        surplus -= removed * amount[i]
    return tuple(kept)


def deal(plan: BlockPlan) -> CmsSchedule:
    """Return a schedule with the plan's machines and blocks, jobs in order.

    Raises
    ------
    ValueError
        The machines have fewer blocks of some type than the jobs use.
    """
    waiting = [
        [j for j, row in enumerate(plan.blocks) for _ in range(row[i])]
        for i in range(len(plan.blocks[0]))
    ]
    for jobs in waiting:
        jobs.reverse()
    machines = []
    for counts, num in plan.machines:
        for _ in range(num):
            uses = [
                BlockUse(i, waiting[i].pop())
                for i, count in enumerate(counts)
                for _ in range(min(count, len(waiting[i])))
            ]
            machines.append(Machine(counts, tuple(sorted(uses))))
    if any(waiting):
        raise ValueError(f"{sum(map(len, waiting))} blocks in use are on no machine")
    return CmsSchedule(tuple(machines))


def unserved(problem: CmsProblem, schedule: CmsSchedule) -> list[int]:
    """Return the jobs, by index, that get less than their demand."""
    blocks = [[0] * problem.num_blocks for _ in problem.jobs]
    for machine in schedule.machines:
        for block, job in machine.uses:
            blocks[job][block] += 1
    return [j for j, row in enumerate(blocks) if not is_served(problem, j, row)]


def violations(problem: CmsProblem, schedule: CmsSchedule) -> list[str]:
    """Return what is wrong with a schedule, as sentences; empty for a legal one."""
    wrong = [f"job {problem.jobs[j]!r} is not served" for j in unserved(problem, schedule)]
    for machine in sorted(set(schedule.machines)):
        if not problem.form.admits(machine.configuration):
            wrong.append(f"no machine may have the configuration {machine.configuration}")
        used = Counter(use.block for use in machine.uses)
        for block, count in sorted(used.items()):
            if count > machine.configuration[block]:
                wrong.append(
                    f"{count} blocks {problem.blocks[block]!r} are used on a machine with "
                    f"{machine.configuration[block]}"
                )
    return wrong
