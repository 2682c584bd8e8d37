"""Dealing: from counts to GPUs.

Without placement options any deal is as good as any other. With them every
constrained service takes GPUs on which it may be, services that need most first;
what finds no place moves another instance away, or opens a GPU of its own.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.evaluate import can_share_gpu, counts_fully, violations
from heddle.optimizer.exact.counts import CountPlan
from heddle.optimizer.exact.opening import open_gpus
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run

Ints = NDArray[np.int64]

#: Orders of the GPUs that are tried before instances without a place open new ones.
_NUM_ORDERS = 20
#: Occupied slots looked at to make room for one instance.
_MAX_EJECTIONS = 2_000


def deal(problem: RmsProblem, plan: CountPlan, run: Run) -> Packing | None:
    """Return a packing of the plan.

    With placement options it may take more GPUs than the plan; None when no legal
    deal was found in stock.
    """
    if not problem.has_placement_options:
        return _deal_in_order(problem, plan)
    best: Packing | None = None
    generator = run.generator()
    num_gpus = int(plan.gpus.sum())
    for attempt in range(_NUM_ORDERS):
        order = np.arange(num_gpus) if attempt == 0 else generator.permutation(num_gpus)
        manner = _Manner(may_waste=attempt % 2 == 0, is_apart_first=attempt % 4 >= 2)
        packing = _Table(problem, plan, order, manner).deal()
        if packing is not None and violations(problem, packing) == []:
            if packing.num_gpus <= num_gpus:
                return packing
            best = min((best or packing), packing, key=lambda p: p.num_gpus)
        if run.is_over():
            break
    return best


def _slots(problem: RmsProblem, gpus: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the pool of every GPU, and the GPU and the kind of every slot."""
    layout_of_gpu = np.repeat(np.arange(len(gpus)), gpus)
    counts = problem.layout_counts[layout_of_gpu]
    gpu, kind = np.nonzero(counts)
    times = counts[gpu, kind]
    return problem.layout_pool[layout_of_gpu], np.repeat(gpu, times), np.repeat(kind, times)


def _deal_in_order(problem: RmsProblem, plan: CountPlan) -> Packing:
    """Fill the slots of each kind with the services in order; neighbours stay together."""
    pool, gpu_of_slot, kind_of_slot = _slots(problem, plan.gpus)
    service_of_slot = np.full(len(gpu_of_slot), -1)
    for kind in range(problem.num_kinds):
        instances = np.repeat(np.arange(problem.num_services), plan.instances[:, kind])
        service_of_slot[np.flatnonzero(kind_of_slot == kind)[: len(instances)]] = instances
    is_used = service_of_slot >= 0
    gpus: dict[int, list[Slot]] = {}
    for gpu, kind, service in zip(
        gpu_of_slot[is_used].tolist(),
        kind_of_slot[is_used].tolist(),
        service_of_slot[is_used].tolist(),
        strict=True,
    ):
        gpus.setdefault(gpu, []).append(Slot(kind, service))
    pools = pool.tolist()
    return Packing(tuple(packed_gpu(pools[gpu], slots) for gpu, slots in gpus.items()))


@dataclass(frozen=True, slots=True)
class _Manner:
    """How one deal goes about it.

    Attributes
    ----------
    may_waste
        Whether a share-limited service may, where nothing else is free, have more on a
        GPU than can count; its other instances may still be enough.
    is_apart_first
        Whether services that keep apart come before those that spread.
    """

    may_waste: bool
    is_apart_first: bool


class _Table:
    """GPUs being dealt to, in one order."""

    def __init__(
        self, problem: RmsProblem, plan: CountPlan, order: NDArray[np.int64], manner: _Manner
    ) -> None:
        self._problem = problem
        self._manner = manner
        self._plan = plan
        pool, gpu_of_slot, kind_of_slot = _slots(problem, plan.gpus)
        self._pool: list[int] = pool.tolist()
        self._dealt: list[list[Slot]] = [[] for _ in self._pool]
        self._scatters = problem.is_spread | problem.is_share_limited
        #: GPUs that have had the service, in order; a dict is a set that remembers it.
        self._homes: list[dict[int, None]] = [{} for _ in problem.services]
        self._free: list[dict[int, int]] = [{} for _ in range(problem.num_kinds)]
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        for slot in np.argsort(rank[gpu_of_slot], kind="stable").tolist():
            free = self._free[int(kind_of_slot[slot])]
            gpu = int(gpu_of_slot[slot])
            free[gpu] = free.get(gpu, 0) + 1

    def deal(self) -> Packing | None:
        """Return a packing with every instance placed, or None when the stock is short."""
        homeless = [slot for slot in self._instances() if not self._place(slot)]
        dealt = [
            packed_gpu(pool, slots)
            for pool, slots in zip(self._pool, self._dealt, strict=True)
            if slots
        ]
        opened = open_gpus(self._problem, homeless, Counter(gpu.pool for gpu in dealt))
        return None if opened is None else Packing((*dealt, *opened))

    def _instances(self) -> Iterator[Slot]:
        """Yield the instances: constrained services first, then those with most instances."""
        problem = self._problem
        total = self._plan.instances.sum(axis=1)
        is_apart_first = self._manner.is_apart_first

        def constraint(s: int) -> tuple[int, ...]:
            return (
                int(total[s]) if is_apart_first and problem.apart[s] else 0,
                int(problem.is_node_spread[s]),
                int(self._scatters[s]),
                len(problem.apart[s]),
                int(total[s]),
            )

        for s in sorted(range(problem.num_services), key=constraint, reverse=True):
            for kind in reversed(range(problem.num_kinds)):
                for _ in range(int(self._plan.instances[s, kind])):
                    yield Slot(kind, s)

    def _place(self, slot: Slot) -> bool:
        """Put an instance where all of it counts, else where room can be made, else anywhere."""
        return (
            self._place_where(slot)
            or self._make_room(slot)
            or (self._manner.may_waste and self._place_where(slot, may_waste=True))
        )

    def _place_where(
        self, slot: Slot, *, may_waste: bool = False, not_on: int | None = None
    ) -> bool:
        free = self._free[slot.kind]
        homes = () if self._scatters[slot.service] else self._homes[slot.service]
        for gpu in itertools.chain((gpu for gpu in homes if gpu in free), free):
            if gpu != not_on and self._may_join(gpu, slot, may_waste=may_waste):
                self._take(gpu, slot)
                return True
        return False

    def _make_room(self, slot: Slot) -> bool:
        """Move another instance of the kind to a free slot, and take its place."""
        tries = 0
        for gpu, slots in enumerate(self._dealt):
            for other in slots:
                if other.kind != slot.kind or other.service == slot.service:
                    continue
                tries += 1
                if tries > _MAX_EJECTIONS:
                    return False
                if self._may_join(gpu, slot, without=other) and self._place_where(
                    other, not_on=gpu
                ):
                    slots.remove(other)
                    slots.append(slot)
                    self._homes[slot.service][gpu] = None
                    return True
        return False

    def _may_join(
        self, gpu: int, slot: Slot, *, without: Slot | None = None, may_waste: bool = False
    ) -> bool:
        slots = [*self._dealt[gpu], slot]
        if without is not None:
            slots.remove(without)
        if not can_share_gpu(self._problem, (other.service for other in slots)):
            return False
        return may_waste or counts_fully(self._problem, slots, slot.service)

    def _take(self, gpu: int, slot: Slot) -> None:
        """Use a free slot; where instances should scatter, the GPU goes to the end of the queue."""
        free = self._free[slot.kind]
        free[gpu] -= 1
        if not free[gpu]:
            del free[gpu]
        elif self._scatters[slot.service]:
            free[gpu] = free.pop(gpu)
        self._dealt[gpu].append(slot)
        self._homes[slot.service][gpu] = None
