"""Every GPU by itself in one program: what stays, with all placement options honoured.

Counts do not see which instances share a GPU. Where options make that matter and the
fleet is not large, this program chooses the recut and the instances of every single
GPU, running or new. ``gpu_search`` solves it, whole or part by part.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import INFINITY, Floats, LinearProgram
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.nearest.count_model import NearestProblem
from heddle.optimizer.nearest.recuts import Recut
from heddle.optimizer.nearest.running import RunningGpu
from heddle.optimizer.nearest.seats import Seat, SeatedGpu, fill, recut_gpu
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem
from heddle.units import NANO

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A GPU that the plan may use.

    Attributes
    ----------
    pool, node
        ``node`` is None where nodes do not matter.
    cuts
        The ways to cut it: instances of each kind, and the recut, if it is one.
    running
        None for a new GPU.
    """

    pool: int
    node: str | None
    cuts: tuple[tuple[tuple[int, ...], Recut | None], ...]
    running: RunningGpu | None = None

    def is_for(self, entry: SeatedGpu) -> bool:
        """Whether it could be this GPU of a plan."""
        return self.pool == entry.pool and self.running is entry.running

    def cut_of(self, entry: SeatedGpu) -> int:
        """Return how it is cut where it is this GPU of a plan."""
        placements = tuple(seat.placement for seat in entry.seats)
        needed = Counter(slot.kind for slot in entry.slots)
        return next(
            index
            for index, (counts, recut) in enumerate(self.cuts)
            if (
                recut.placements == placements
                if recut
                else all(counts[kind] >= count for kind, count in needed.items())
            )
        )


def num_columns(problem: RmsProblem, candidates: Sequence[Candidate]) -> int:
    """Return about how many columns the program of these candidates has."""
    pairs = [int((problem.rate[:, problem.kind_pool == g] > 0).sum()) for g in _pools(problem)]
    return sum(pairs[c.pool] + len(c.cuts) for c in candidates)


def _pools(problem: RmsProblem) -> range:
    return range(len(problem.pools))


def candidate_gpus(nearest: NearestProblem) -> list[Candidate]:
    """Return the running GPUs and as many new ones as a plan within the cost can have."""
    problem = nearest.problem
    layouts = [
        tuple((layout.counts, None) for layout in problem.layouts if layout.pool == pool)
        for pool in _pools(problem)
    ]
    recuts: list[list[Recut]] = [[] for _ in nearest.classes]
    for recut in nearest.recuts:
        recuts[recut.gpu_class].append(recut)
    found = []
    for index, gpu_class in enumerate(nearest.classes):
        pool = gpu_class.first.pool
        known = {recut.counts for recut in recuts[index]}
        cuts = [(recut.counts, recut) for recut in recuts[index]]
        others = [layout for layout in layouts[pool] if layout[0] not in known]
        found += [Candidate(pool, gpu.gpu.node, (*cuts, *others), gpu) for gpu in gpu_class.gpus]
    running = Counter((candidate.pool, candidate.node) for candidate in found)
    for pool in _pools(problem):
        most = nearest.most_cost // problem.cost[pool] if layouts[pool] else 0
        nodes = _nodes_of_new_gpus(problem, pool, running)
        found += [Candidate(pool, node, layouts[pool]) for node in itertools.islice(nodes, most)]
    return found


def _nodes_of_new_gpus(
    problem: RmsProblem, pool: int, running: Counter[tuple[int, str | None]]
) -> Iterator[str | None]:
    """Yield the node of every GPU that could be new, as far as nodes matter.

    Where the fleet has nodes without end every new GPU gets one of its own.
    """
    if not problem.is_node_spread.any():
        yield from itertools.repeat(None)
        return
    nodes = [node for of_pool, node in running if of_pool == pool and node is not None]
    per_node, most = problem.pools[pool].per_node, problem.pools[pool].num_nodes
    if most is None:
        yield from (f"new {number}" for number in itertools.count())
    for node in nodes:
        yield from [node] * (per_node - running[pool, node])
    for number in range(max(0, (most or 0) - len(nodes))):
        yield from [f"new {number}"] * per_node


class GpuModel:
    """Rows and columns of the program, and how to read its solutions."""

    def __init__(self, nearest: NearestProblem, candidates: Sequence[Candidate]) -> None:
        self._nearest = nearest
        self._problem = nearest.problem
        self._candidates = candidates
        self._lower: list[float] = []
        self._upper: list[float] = []
        #: Whole columns and others: cost, upper bound, and entries by row.
        self._whole: list[tuple[float, float, dict[int, float]]] = []
        self._others: list[tuple[float, float, dict[int, float]]] = []
        self._cuts: list[list[int]] = []
        self._seated: dict[tuple[int, Slot], int] = {}
        self._present: dict[tuple[int, int], tuple[int, int]] = {}
        self._columns_of: list[list[int]] = [[] for _ in candidates]
        self._step = 1.0 / (8.0 * (int(nearest.stayable.sum()) + nearest.most_instances + 1))
        self._add_gpus()
        self._add_instances()
        self._add_stays()
        self._add_services()
        self._add_spread()
        self._add_apart()

    @property
    def num_whole(self) -> int:
        """How many columns are whole; they come first."""
        return len(self._whole)

    @property
    def most(self) -> list[float]:
        """The upper bounds of the whole columns."""
        return [upper for _, upper, _ in self._whole]

    def columns(self, gpu: int) -> list[int]:
        """Return the whole columns of a candidate; first those that say how it is cut."""
        return self._columns_of[gpu]

    def num_cuts(self, gpu: int) -> int:
        """Return how many ways there are to cut a candidate."""
        return len(self._cuts[gpu])

    def program(self, seed: int) -> LinearProgram:
        """Return the program."""
        program = LinearProgram(seed)
        program.add_rows(self._lower, self._upper)
        for columns, are_integers in ((self._whole, True), (self._others, False)):
            gathered = ColumnList()
            for cost, upper, entries in columns:
                gathered.add(cost, entries.items(), upper)
            program.add_columns(gathered.columns(), are_integers=are_integers)
        return program

    def seated(self, primal: Floats) -> list[SeatedGpu]:
        """Return the GPUs of a solution with their instances."""
        values = np.round(primal).astype(np.int64)
        slots: list[list[Slot]] = [[] for _ in self._candidates]
        for (gpu, slot), column in self._seated.items():
            slots[gpu] += [slot] * int(values[column])
        found = []
        for gpu, candidate in enumerate(self._candidates):
            if not slots[gpu]:
                continue
            cut = next(c for c, column in enumerate(self._cuts[gpu]) if values[column])
            recut = candidate.cuts[cut][1]
            if recut is None or candidate.running is None:
                seats = [Seat(slot.kind, service=slot.service) for slot in slots[gpu]]
                found.append(SeatedGpu(candidate.pool, seats))
            else:
                found.append(recut_gpu(self._problem, recut, candidate.running))
                fill(found[-1], slots[gpu])
        return found

    def values(self, seated: Sequence[SeatedGpu]) -> Ints | None:
        """Return the values of the whole columns that stand for these GPUs.

        None when there is no candidate for one of them.
        """
        values = np.zeros(len(self._whole), dtype=np.int64)
        free = list(range(len(self._candidates)))
        for entry in sorted(seated, key=lambda entry: entry.running is None):
            gpu = next((gpu for gpu in free if self._candidates[gpu].is_for(entry)), None)
            if gpu is None:
                return None
            free.remove(gpu)
            values[self._cuts[gpu][self._candidates[gpu].cut_of(entry)]] = 1
            for slot in entry.slots:
                values[self._seated[gpu, slot]] += 1
                if (gpu, slot.service) in self._present:
                    values[self._present[gpu, slot.service][1]] = 1
        return values

    def _row(self, lower: float, upper: float) -> int:
        self._lower.append(lower)
        self._upper.append(upper)
        return len(self._lower) - 1

    def _column(self, gpu: int, cost: float, upper: float, entries: dict[int, float]) -> int:
        self._whole.append((cost, upper, entries))
        self._columns_of[gpu].append(len(self._whole) - 1)
        return len(self._whole) - 1

    def _other(self, cost: float, upper: float, entries: dict[int, float]) -> None:
        self._others.append((cost, upper, entries))

    def _enter(self, row: int, column: int, value: float) -> None:
        self._whole[column][2][row] = value

    def _add_gpus(self) -> None:
        """Each GPU is cut in at most one way."""
        problem = self._problem
        cost_row = self._row(-INFINITY, self._nearest.most_cost / NANO * (1 + 1e-12))
        stock = [self._row(-INFINITY, INFINITY if m is None else m) for m in problem.stock]
        for gpu, candidate in enumerate(self._candidates):
            one = self._row(-INFINITY, 1.0)
            cost = problem.cost[candidate.pool] / NANO
            entries = {one: 1.0, stock[candidate.pool]: 1.0, cost_row: cost}
            worth = 2.0 * self._step * problem.cost[candidate.pool] / max(problem.cost)
            self._cuts.append(
                [self._column(gpu, worth, 1.0, dict(entries)) for _ in candidate.cuts]
            )

    def _add_instances(self) -> None:
        """Whole instances per GPU and slot, within what its cut holds."""
        problem = self._problem
        for gpu, candidate in enumerate(self._candidates):
            for kind in np.flatnonzero(problem.kind_pool == candidate.pool).tolist():
                held = self._row(0.0, INFINITY)
                for column, (counts, _) in zip(self._cuts[gpu], candidate.cuts, strict=True):
                    self._enter(held, column, float(counts[kind]))
                most = float(problem.kinds[kind].profile.max_instances)
                for service in np.flatnonzero(problem.rate[:, kind]).tolist():
                    column = self._column(gpu, self._step, most, {held: -1.0})
                    self._seated[gpu, Slot(kind, service)] = column

    def _add_stays(self) -> None:
        """What stays is wanted and kept; what is reused exists and is used."""
        for gpu, candidate in enumerate(self._candidates):
            recuts = [
                (column, recut)
                for column, (_, recut) in zip(self._cuts[gpu], candidate.cuts, strict=True)
                if recut is not None
            ]
            for slot in sorted({slot for _, recut in recuts for slot, _ in recut.stays}):
                wanted, kept = self._row(0.0, INFINITY), self._row(0.0, INFINITY)
                self._enter(wanted, self._seated[gpu, slot], 1.0)
                for column, recut in recuts:
                    self._enter(kept, column, float(dict(recut.stays).get(slot, 0)))
                self._other(-1.0, INFINITY, {wanted: -1.0, kept: -1.0})
            for kind in sorted({k for _, recut in recuts for k, n in enumerate(recut.reused) if n}):
                used, existing = self._row(0.0, INFINITY), self._row(0.0, INFINITY)
                for (of_gpu, slot), column in self._seated.items():
                    if of_gpu == gpu and slot.kind == kind:
                        self._enter(used, column, 1.0)
                for column, recut in recuts:
                    self._enter(existing, column, float(recut.reused[kind]))
                self._other(-self._step, INFINITY, {used: -1.0, existing: -1.0})

    def _add_services(self) -> None:
        """Demand and replicas; a share-limited service counts a GPU only up to its cap."""
        problem = self._problem
        rate_row = [self._row(1.0, INFINITY) for _ in problem.services]
        count_row = [self._row(float(least), INFINITY) for least in problem.min_replicas]
        carried: dict[tuple[int, int], int] = {}
        for (gpu, slot), column in self._seated.items():
            service, demand = slot.service, float(problem.demand[slot.service])
            self._enter(count_row[service], column, 1.0)
            row = rate_row[service]
            if problem.is_share_limited[service]:
                if (gpu, service) not in carried:
                    carried[gpu, service] = self._row(0.0, INFINITY)
                    cap = float(problem.share_cap[service]) / demand
                    self._other(0.0, cap, {carried[gpu, service]: -1.0, row: 1.0})
                row = carried[gpu, service]
            self._enter(row, column, problem.rate[service, slot.kind] / demand)

    def _add_spread(self) -> None:
        """At most one instance a GPU, or a node, of a service that is spread."""
        problem = self._problem
        rows: dict[tuple[int, object], int] = {}
        for (gpu, slot), column in self._seated.items():
            if not problem.is_spread[slot.service]:
                continue
            candidate = self._candidates[gpu]
            on_node = problem.is_node_spread[slot.service] and candidate.node is not None
            key = (slot.service, (candidate.pool, candidate.node) if on_node else gpu)
            if key not in rows:
                rows[key] = self._row(-INFINITY, 1.0)
            self._enter(rows[key], column, 1.0)

    def _add_apart(self) -> None:
        """No shared GPU for services that are kept apart."""
        problem = self._problem
        present = self._present
        for (gpu, slot), column in self._seated.items():
            service = slot.service
            if not problem.apart[service]:
                continue
            if (gpu, service) not in present:
                row = self._row(-INFINITY, 0.0)
                most = float(max(sum(counts) for counts, _ in self._candidates[gpu].cuts))
                present[gpu, service] = row, self._column(gpu, 0.0, 1.0, {row: -most})
            self._enter(present[gpu, service][0], column, 1.0)
        for (gpu, service), (_, column) in present.items():
            for other in sorted(problem.apart[service]):
                if service < other and (gpu, other) in present:
                    row = self._row(-INFINITY, 1.0)
                    self._enter(row, column, 1.0)
                    self._enter(row, present[gpu, other][1], 1.0)
