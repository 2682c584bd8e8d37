"""Empty GPUs beside those that are known, named as the planners name new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heddle.cluster.gpu import Gpu

#: GPUs in a node that is made up.
_PER_NODE = 8


def extra_gpus(gpus: Sequence[Gpu], num_gpus: int) -> list[Gpu]:
    """Return so many empty GPUs of every type among these, in nodes of eight."""
    ids = _unused("gpu", {gpu.id for gpu in gpus})
    nodes = _unused("node", {gpu.node for gpu in gpus})
    made = []
    for gpu_type in dict.fromkeys(gpu.gpu_type for gpu in gpus):
        node = ""
        for number in range(num_gpus):
            if number % _PER_NODE == 0:
                node = next(nodes)
            made.append(Gpu(next(ids), node, gpu_type))
    return made


def _unused(noun: str, taken: set[str]) -> Iterator[str]:
    """Yield ``noun-n`` for every n from the number of those taken on that is free."""
    number = len(taken)
    while True:
        if f"{noun}-{number}" not in taken:
            yield f"{noun}-{number}"
        number += 1
