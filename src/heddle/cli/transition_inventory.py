"""The GPUs that exist, from the counts of a fleet and the names that are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from heddle.errors import InputError
from heddle.transition.gpu_room import IdleGpus, gpus_of
from heddle.transition.request import TransitionRequest
from heddle.units import plural
from heddle.workload.fleet import GpuPool


def with_inventory(request: TransitionRequest, fleet: Sequence[GpuPool]) -> TransitionRequest:
    """Return the request with the GPUs of a fleet: those that run, and idle ones.

    A fleet without any count has as many GPUs as it takes. In one with counts, a type
    without one has room for both sides at once.

    Raises
    ------
    InputError
        A side has more GPUs of a type than there are.
    """
    if all(pool.count is None for pool in fleet):
        return request
    counts = {pool.gpu_type.name: pool.count for pool in fleet}
    idle = IdleGpus(request)
    running = gpus_of(request.origin)
    before = Counter(gpu.gpu_type for gpu in running)
    after = Counter(gpu.gpu_type for gpu in gpus_of(request.wanted))
    inventory = list(running)
    for name in sorted({*counts, *before, *after}):
        count = counts.get(name, 0)
        if count is None:
            count = before[name] + after[name]
        _require_enough(name, count, before[name], after[name])
        found = (idle.take(name) for _ in range(count - before[name]))
        inventory += [gpu for gpu in found if gpu is not None]
    return replace(request, inventory=tuple(inventory))


def _require_enough(name: str, count: int, before: int, after: int) -> None:
    for who, needed in (("what runs has", before), ("what is wanted needs", after)):
        if needed > count:
            raise InputError(f"{who} {plural(needed, 'GPU')} of type {name}; the fleet has {count}")
