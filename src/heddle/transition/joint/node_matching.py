"""Carrying what one node of the target has on one node: the last resort of ``node_spread``.

Whatever is spread over nodes in the target then stays so. Nodes are matched for the
largest sum of what their GPUs keep; within a node configurations are matched to GPUs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from heddle.cluster.deployment import Configuration
from heddle.cluster.gpu import Gpu
from heddle.transition.joint.fit import FitTable
from heddle.transition.joint.matching import best_columns

T = TypeVar("T")

#: By configuration, its GPU; and the weight of it all.
_Match = tuple[dict[int, Gpu], int]


def matched_nodes(
    wanted: Sequence[Configuration], gpus: Sequence[Gpu], fits: FitTable
) -> list[Gpu] | None:
    """Return the GPU of every configuration, whole nodes kept; None when there is no way.

    ``gpus`` are those that may be used.
    """
    targets = _by_node((entry.node, position) for position, entry in enumerate(wanted))
    nodes = _by_node((gpu.node, gpu) for gpu in gpus)
    if len(targets) > len(nodes):
        return None
    matches = [
        [_match(wanted, positions, members, fits) for members in nodes.values()]
        for positions in targets.values()
    ]
    every = [match[1] for row in matches for match in row if match is not None]
    never = -1 - len(targets) * max(every, default=0)
    weights = np.array(
        [[never if match is None else match[1] for match in row] for row in matches],
        dtype=np.int64,
    )
    chosen: dict[int, Gpu] = {}
    for row, column in enumerate(best_columns(weights)):
        match = matches[row][column]
        if match is None:
            return None
        chosen |= match[0]
    return [chosen[position] for position in range(len(wanted))]


def _by_node(members: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for node, member in members:
        found.setdefault(node, []).append(member)
    return found


def _match(
    wanted: Sequence[Configuration], positions: Sequence[int], gpus: Sequence[Gpu], fits: FitTable
) -> _Match | None:
    """Return the best way to carry configurations on the GPUs of one node, or None."""
    chosen: dict[int, Gpu] = {}
    total = 0
    for name in sorted({wanted[position].gpu_type for position in positions}):
        members = [p for p in positions if wanted[p].gpu_type == name]
        there = [gpu for gpu in gpus if gpu.gpu_type == name]
        if len(members) > len(there):
            return None
        weights = fits.weights(members, there)
        for row, column in enumerate(best_columns(weights)):
            if weights[row, column] < 0:
                return None
            chosen[members[row]] = there[column]
            total += int(weights[row, column])
    return chosen, total
