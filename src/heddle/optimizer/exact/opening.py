"""Opens GPUs for instances that found no place on those of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from heddle.optimizer.evaluate import can_share_gpu, counts_fully, holds
from heddle.optimizer.packing import PackedGpu, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem


def open_gpus(
    problem: RmsProblem, instances: Sequence[Slot], used: Counter[int]
) -> list[PackedGpu] | None:
    """Return new GPUs that hold the instances, first fit, largest kind first.

    ``used`` counts the GPUs of each pool that are taken. None when the stock is short.
    """
    opened: list[tuple[int, list[Slot]]] = []
    taken = Counter(used)
    for slot in sorted(instances, reverse=True):
        pool = problem.kinds[slot.kind].pool
        home = next(
            (
                slots
                for of_pool, slots in opened
                if of_pool == pool and _takes(problem, slots, slot)
            ),
            None,
        )
        if home is not None:
            home.append(slot)
            continue
        stock = problem.stock[pool]
        if stock is not None and taken[pool] >= stock:
            return None
        taken[pool] += 1
        opened.append((pool, [slot]))
    return [packed_gpu(pool, slots) for pool, slots in opened]


def _takes(problem: RmsProblem, slots: list[Slot], slot: Slot) -> bool:
    larger = packed_gpu(problem.kinds[slot.kind].pool, [*slots, slot])
    return (
        holds(problem, larger)
        and can_share_gpu(problem, (s.service for s in larger.slots))
        and counts_fully(problem, larger.slots, slot.service)
    )
