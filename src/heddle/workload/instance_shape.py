"""How a profile looks to a fitted law: how much compute, how much memory.

SMs are the better measure of compute (on Hopper the double-memory 1g has 26 where a
1g has 16), but not every listing has them; then slices stand in. Used by ``fit`` and
``gaps``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heddle.cluster.gpu_type import GpuType
from heddle.workload.round_law import Shapes


@dataclass(frozen=True, slots=True)
class ShapeRule:
    """Compute and memory of every profile of one GPU type, each in one unit.

    Attributes
    ----------
    gpu_type
        The type.
    compute
        By profile name: SMs if the listing has them for every profile, else slices.
    memory
        By profile name: memory units, or compute slices where sizes are not published.
    """

    gpu_type: GpuType
    compute: Mapping[str, float]
    memory: Mapping[str, float]

    def of(self, driven: Sequence[tuple[str, int, int]]) -> Shapes:
        """Return the shapes of ``(profile, batch, processes)`` rows.

        Raises
        ------
        InputError
            The type has no such profile.
        """
        names = [self.gpu_type.profile(name).name for name, _, _ in driven]
        return Shapes(
            compute=np.array([self.compute[name] for name in names]),
            memory=np.array([self.memory[name] for name in names]),
            batch=np.array([float(batch) for _, batch, _ in driven]),
            processes=np.array([float(processes) for _, _, processes in driven]),
        )


def shape_rule(gpu_type: GpuType) -> ShapeRule:
    """Return how the profiles of a GPU type are measured, by what is published of all."""
    slices = {p.name: float(p.compute_slices) for p in gpu_type.profiles}
    sms = {p.name: float(p.sms) for p in gpu_type.profiles if p.sms is not None}
    units = {p.name: float(p.size) for p in gpu_type.profiles if p.size is not None}
    return ShapeRule(
        gpu_type=gpu_type,
        compute=sms if len(sms) == len(slices) else slices,
        memory=units if len(units) == len(slices) else slices,
    )
