"""The program that chooses counts so that most instances stay, within a cost.

    maximise   instances that stay  (then: few steps)
    subject to one cover per service (or: its instances serve it),
               layouts of new GPUs and recuts of running ones hold all instances,
               what stays is wanted by its service and kept by a recut,
               the cost is within the limit, the stock suffices

Instances of one kind are interchangeable, so counts say enough: a recut that keeps two
slots of a service has two places for it where nothing needs to start. Built and solved
by ``count_search``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import INFINITY, Floats, LinearProgram
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.nearest.covers import StayPrices
from heddle.optimizer.nearest.recuts import GpuClass, Recut
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem
from heddle.units import NANO

Ints = NDArray[np.int64]

#: A cover of a service: its index, and how many instances of each kind.
Cover = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class NearestProblem:
    """What to choose from.

    Attributes
    ----------
    problem
        The planning problem.
    classes, recuts
        The running GPUs, and the ways to cut them.
    stayable
        int64 (n, K): running instances that could stay.
    most_cost
        What the plan may cost, nano-units of the objective.
    most_instances
        About how many instances a plan has; only weighs steps against each other.
    """

    problem: RmsProblem
    classes: tuple[GpuClass, ...]
    recuts: tuple[Recut, ...]
    stayable: Ints
    most_cost: int
    most_instances: int

    @cached_property
    def recut_pool(self) -> list[int]:
        """The pool of every recut."""
        return [self.classes[recut.gpu_class].first.pool for recut in self.recuts]

    @cached_property
    def recut_counts(self) -> Ints:
        """int64 (recuts, K): instances of each kind."""
        counts = [recut.counts for recut in self.recuts]
        return np.array(counts, dtype=np.int64).reshape(len(counts), self.problem.num_kinds)


@dataclass(frozen=True, slots=True, eq=False)
class CountChoice:
    """Counts that were chosen.

    Attributes
    ----------
    layouts
        int64 (layouts,): new GPUs of each layout.
    recuts
        int64 (recuts,): running GPUs cut in each way.
    instances
        int64 (n, K).
    """

    layouts: Ints
    recuts: Ints
    instances: Ints

    def cost(self, nearest: NearestProblem) -> int:
        """Nano-units of the objective."""
        problem = nearest.problem
        pools = np.array(problem.cost, dtype=np.int64)
        return int(self.layouts @ problem.layout_cost) + int(
            self.recuts @ pools[np.array(nearest.recut_pool, dtype=np.int64)]
        )

    def num_staying(self, nearest: NearestProblem) -> int:
        """How many instances stay."""
        offered = np.zeros_like(self.instances)
        for index in np.flatnonzero(self.recuts).tolist():
            for slot, count in nearest.recuts[index].stays:
                offered[slot.service, slot.kind] += count * self.recuts[index]
        return int(np.minimum(offered, self.instances).sum())

    def is_legal(self, nearest: NearestProblem) -> bool:
        """Whether it serves everything within the cost and the stock, options aside."""
        problem = nearest.problem
        served = (self.instances * problem.counted_rate).sum(axis=1)
        held = problem.layout_counts.T @ self.layouts + nearest.recut_counts.T @ self.recuts
        of_class = np.zeros(len(nearest.classes), dtype=np.int64)
        of_pool = np.zeros(len(problem.pools), dtype=np.int64)
        np.add.at(of_pool, problem.layout_pool, self.layouts)
        for recut, pool, count in zip(nearest.recuts, nearest.recut_pool, self.recuts, strict=True):
            of_class[recut.gpu_class] += count
            of_pool[pool] += count
        return bool(
            (served >= problem.demand).all()
            and (self.instances.sum(axis=1) >= problem.min_replicas).all()
            and (held >= self.instances.sum(axis=0)).all()
            and all(n <= len(c.gpus) for n, c in zip(of_class, nearest.classes, strict=True))
            and all(m is None or n <= m for n, m in zip(of_pool, problem.stock, strict=True))
            and self.cost(nearest) <= nearest.most_cost
        )


class CountModel:
    """The program under construction: GPUs and stays first, then what services get.

    Columns: layouts, recuts, instances that stay by slot, placements reused by kind;
    then what services get: any counts, or one of the covers that are added.

    Parameters
    ----------
    is_whole
        Whether GPUs and what services get are whole numbers.
    has_covers
        Whether services choose among covers.
    """

    def __init__(
        self, nearest: NearestProblem, *, is_whole: bool, has_covers: bool = True, seed: int = 0
    ) -> None:
        self.nearest = nearest
        self.program = LinearProgram(seed)
        self.covers: list[Cover] = []
        self._is_whole = is_whole
        self._stay_slots = [Slot(int(k), int(s)) for s, k in np.argwhere(nearest.stayable)]
        self._slot_rows = {slot: index for index, slot in enumerate(self._stay_slots)}
        self._counted: list[tuple[int, int]] = []
        #: Against an instance that stays; all steps of a plan together weigh less.
        self._step = 1.0 / (8.0 * (int(nearest.stayable.sum()) + nearest.most_instances + 1))
        self._add_rows(has_covers=has_covers)
        self._add_gpus()
        if not has_covers:
            self._add_counts()

    @property
    def first_service_column(self) -> int:
        """The first column of what services get."""
        nearest = self.nearest
        return (
            len(nearest.problem.layouts)
            + len(nearest.recuts)
            + len(self._stay_slots)
            + nearest.problem.num_kinds
        )

    def add_covers(self, covers: Sequence[Cover]) -> None:
        """Offer services more covers to choose from."""
        columns = ColumnList()
        for service, counts in covers:
            entries = [(self._service_row + service, 1.0)]
            for kind, count in enumerate(counts):
                if count:
                    stays = min(count, int(self.nearest.stayable[service, kind]))
                    entries += self._taken(Slot(kind, service), count, stays)
            columns.add(self._step * sum(counts), entries, 1.0)
        self.covers.extend(covers)
        self.program.add_columns(columns.columns(), are_integers=self._is_whole)

    def prices(self, dual: Floats) -> tuple[StayPrices, Floats]:
        """Return what instances cost at the duals, and what every service pays."""
        problem = self.nearest.problem
        kinds = dual[self._kind_row : self._kind_row + problem.num_kinds]
        reused = dual[self._used_row : self._used_row + problem.num_kinds]
        stays = np.zeros((problem.num_services, problem.num_kinds))
        for index, slot in enumerate(self._stay_slots):
            stays[slot.service, slot.kind] = max(0.0, dual[self._wanted_row + index])
        paid = dual[self._service_row : self._service_row + problem.num_services]
        return StayPrices(kinds - reused + self._step, stays), paid

    def choice(self, primal: Floats) -> CountChoice:
        """Return the counts of a whole solution."""
        values = np.round(primal).astype(np.int64)
        problem = self.nearest.problem
        num_layouts, num_recuts = len(problem.layouts), len(self.nearest.recuts)
        instances = np.zeros((problem.num_services, problem.num_kinds), dtype=np.int64)
        first = self.first_service_column
        for column, (service, counts) in enumerate(self.covers):
            if values[first + column]:
                instances[service] += counts
        for column, (service, kind) in enumerate(self._counted):
            instances[service, kind] += values[first + column]
        return CountChoice(
            values[:num_layouts], values[num_layouts : num_layouts + num_recuts], instances
        )

    def suggest(self, choice: CountChoice) -> None:
        """Let the search start from a choice; its covers must be on offer."""
        nearest = self.nearest
        offered = np.zeros_like(choice.instances)
        reused = np.zeros(nearest.problem.num_kinds)
        for index in np.flatnonzero(choice.recuts).tolist():
            recut = nearest.recuts[index]
            reused += np.array(recut.reused) * choice.recuts[index]
            for slot, count in recut.stays:
                offered[slot.service, slot.kind] += count * choice.recuts[index]
        staying = np.minimum(offered, choice.instances)
        chosen = {(s, tuple(row)) for s, row in enumerate(choice.instances.tolist())}
        services = [float(cover in chosen) for cover in self.covers]
        services += [float(choice.instances[s, k]) for s, k in self._counted]
        self.program.suggest(
            np.concatenate(
                [
                    choice.layouts,
                    choice.recuts,
                    [staying[slot.service, slot.kind] for slot in self._stay_slots],
                    np.minimum(reused, choice.instances.sum(axis=0)),
                    services,
                ]
            ).astype(np.float64)
        )

    def _add_rows(self, *, has_covers: bool) -> None:
        nearest, problem = self.nearest, self.nearest.problem
        n, num_kinds, num_slots = problem.num_services, problem.num_kinds, len(self._stay_slots)
        self._service_row = self._rows(np.ones(n), np.full(n, 1.0 if has_covers else INFINITY))
        replicas = problem.min_replicas.astype(np.float64)
        self._replica_row = self._at_least(0 * replicas if has_covers else replicas)
        self._kind_row = self._at_least(np.zeros(num_kinds))
        self._class_row = self._at_most([float(len(c.gpus)) for c in nearest.classes])
        self._pool_row = self._at_most([INFINITY if m is None else m for m in problem.stock])
        self._cost_row = self._at_most([nearest.most_cost / NANO * (1 + 1e-12)])
        self._wanted_row = self._at_least(np.zeros(num_slots))
        self._kept_row = self._at_least(np.zeros(num_slots))
        self._used_row = self._at_least(np.zeros(num_kinds))
        self._reusable_row = self._at_least(np.zeros(num_kinds))

    def _rows(self, lower: Floats, upper: Floats) -> int:
        first = self.program.num_rows
        self.program.add_rows(lower, upper)
        return first

    def _at_least(self, lower: Floats) -> int:
        return self._rows(lower, np.full(len(lower), INFINITY))

    def _at_most(self, upper: Sequence[float]) -> int:
        return self._rows(np.full(len(upper), -INFINITY), np.array(upper, dtype=np.float64))

    def _add_gpus(self) -> None:
        """Add new GPUs, recut ones, and what both of them let stay."""
        nearest, problem = self.nearest, self.nearest.problem
        gpus = ColumnList()
        for layout in problem.layouts:
            gpus.add(self._gpu_worth(layout.pool), self._gpu_entries(layout.pool, layout.counts))
        for recut, pool in zip(nearest.recuts, nearest.recut_pool, strict=True):
            entries = self._gpu_entries(pool, recut.counts)
            entries.append((self._class_row + recut.gpu_class, 1.0))
            entries += [(self._kept_row + self._slot_rows[slot], n) for slot, n in recut.stays]
            entries += [(self._reusable_row + k, n) for k, n in enumerate(recut.reused)]
            gpus.add(self._gpu_worth(pool), entries)
        self.program.add_columns(gpus.columns(), are_integers=self._is_whole)
        stays = ColumnList()
        for index, slot in enumerate(self._stay_slots):
            most = float(nearest.stayable[slot.service, slot.kind])
            stays.add(
                -1.0, [(self._wanted_row + index, -1.0), (self._kept_row + index, -1.0)], most
            )
        for kind in range(problem.num_kinds):
            stays.add(
                -self._step, [(self._used_row + kind, -1.0), (self._reusable_row + kind, -1.0)]
            )
        self.program.add_columns(stays.columns())

    def _gpu_worth(self, pool: int) -> float:
        """Among plans that keep as much, the cheaper one: a GPU weighs a few steps."""
        cost = self.nearest.problem.cost
        return 2.0 * self._step * cost[pool] / max(cost)

    def _gpu_entries(self, pool: int, counts: Sequence[int]) -> list[tuple[int, float]]:
        cost = self.nearest.problem.cost[pool] / NANO
        entries = [(self._kind_row + kind, float(count)) for kind, count in enumerate(counts)]
        return [*entries, (self._pool_row + pool, 1.0), (self._cost_row, cost)]

    def _add_counts(self) -> None:
        """Let every service have any instances."""
        problem = self.nearest.problem
        columns = ColumnList()
        for service, kind in np.argwhere(problem.counted_rate).tolist():
            served = problem.counted_rate[service, kind] / problem.demand[service]
            entries = [(self._service_row + service, float(served))]
            entries.append((self._replica_row + service, 1.0))
            columns.add(self._step, [*entries, *self._taken(Slot(kind, service), 1, 1)])
            self._counted.append((service, kind))
        self.program.add_columns(columns.columns(), are_integers=self._is_whole)

    def _taken(self, slot: Slot, count: int, num_wanted: int) -> list[tuple[int, float]]:
        """What instances of a slot use up, and what they allow to stay."""
        entries = [(self._kind_row + slot.kind, -float(count))]
        entries.append((self._used_row + slot.kind, float(count)))
        if slot in self._slot_rows:
            entries.append((self._wanted_row + self._slot_rows[slot], float(num_wanted)))
        return entries
