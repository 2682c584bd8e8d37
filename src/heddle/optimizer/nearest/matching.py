"""Matches the GPUs of a finished packing to running ones, so that most instances stay.

A transportation problem between equal GPUs of the packing and classes of running GPUs;
its vertices are whole, so a linear program solves it. The way out of ``search`` when no
deal of the chosen counts honours the placement options: the packing stays what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.linear_program import LinearProgram
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.nearest.count_model import NearestProblem
from heddle.optimizer.nearest.recuts import Recut
from heddle.optimizer.nearest.seats import Seat, SeatedGpu, fill, recut_gpu
from heddle.optimizer.packing import PackedGpu, Packing, Slot

#: What a placement that is reused is worth against an instance that stays.
_REUSED = 0.01


@dataclass(frozen=True, slots=True)
class _Pair:
    """A GPU of the packing on the running GPUs of a class, cut in the best way."""

    packed: int
    recut: Recut
    worth: float


def match(nearest: NearestProblem, packing: Packing) -> list[SeatedGpu]:
    """Return the GPUs of the packing, as many of their instances as possible in place."""
    distinct = Counter(packing.gpus)
    wanted = list(distinct)
    pairs = _pairs(nearest, wanted)
    waiting = [list(gpu_class.gpus) for gpu_class in nearest.classes]
    seated = []
    for pair, count in zip(pairs, _flow(nearest, distinct, pairs), strict=True):
        for _ in range(count):
            running = waiting[pair.recut.gpu_class].pop(0)
            gpu = recut_gpu(nearest.problem, pair.recut, running)
            fill(gpu, wanted[pair.packed].slots)
            seated.append(gpu)
        distinct[wanted[pair.packed]] -= count
    for packed, count in distinct.items():
        for _ in range(count):
            seats = [Seat(slot.kind, service=slot.service) for slot in packed.slots]
            seated.append(SeatedGpu(packed.pool, seats))
    return seated


def _pairs(nearest: NearestProblem, wanted: Sequence[PackedGpu]) -> list[_Pair]:
    """Return the pairs that keep something, each with its best recut."""
    keeping: dict[Slot, list[Recut]] = {}
    for recut in nearest.recuts:
        for slot, _ in recut.stays:
            keeping.setdefault(slot, []).append(recut)
    best: dict[tuple[int, int], _Pair] = {}
    for index, packed in enumerate(wanted):
        counts, slots = packed.kind_counts(), Counter(packed.slots)
        for recut in (recut for slot in slots for recut in keeping.get(slot, ())):
            if any(recut.counts[k] < n for k, n in counts.items()):
                continue
            stays = sum(min(count, slots[slot]) for slot, count in recut.stays)
            reused = sum(min(count, recut.reused[k]) for k, count in counts.items())
            pair = _Pair(index, recut, stays + _REUSED * reused)
            key = (index, recut.gpu_class)
            if key not in best or best[key].worth < pair.worth:
                best[key] = pair
    return list(best.values())


def _flow(
    nearest: NearestProblem, distinct: Counter[PackedGpu], pairs: Sequence[_Pair]
) -> list[int]:
    """Return how many GPUs go each way."""
    if not pairs:
        return []
    program = LinearProgram()
    most = [float(count) for count in distinct.values()]
    most += [float(len(gpu_class.gpus)) for gpu_class in nearest.classes]
    program.add_rows(np.zeros(len(most)), most)
    columns = ColumnList()
    for pair in pairs:
        rows = (pair.packed, len(distinct) + pair.recut.gpu_class)
        columns.add(-pair.worth, [(row, 1.0) for row in rows])
    program.add_columns(columns.columns())
    primal = program.solve().primal
    return [0] * len(pairs) if primal is None else [round(value) for value in primal.tolist()]
