"""What every configuration is worth on every GPU, as one number a pair.

Equal GPUs and equal configurations form classes, and each pair of classes is looked at
once. Called by ``placement`` and ``node_spread``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

from heddle.cluster.deployment import Configuration, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.transition.joint.overlap import Ints, Overlaps, RunningGpus
from heddle.transition.joint.similarity import Running, RunningShape, WantedShape, servers_of
from heddle.transition.request import TransitionRequest

#: What an idle GPU runs.
NOTHING = Running(())

T = TypeVar("T")


class FitTable:
    """Configurations, by position, on GPUs of their type.

    Parameters
    ----------
    wanted
        The configurations, none empty.
    running
        What GPUs run; one that is not in it is idle.

    Raises
    ------
    InputError
        A configuration does not fit a GPU of its type.
    """

    def __init__(
        self,
        request: TransitionRequest,
        wanted: Sequence[Configuration],
        running: Mapping[Gpu, Running],
    ) -> None:
        self._wanted = wanted
        self._running = running
        self._of_type = {
            name: _TypeFits(request, name, wanted, running)
            for name in sorted({entry.gpu_type for entry in wanted})
        }

    def is_running(self, gpu: Gpu) -> bool:
        """Whether the GPU runs something."""
        return gpu in self._running

    def weight(self, position: int, gpu: Gpu) -> int:
        """Return what is gained, at least 0; negative when the GPU may not carry it."""
        fits = self._of_type[gpu.gpu_type]
        return int(fits.weight[fits.row_of[position], fits.column(gpu)])

    def keeps_nothing(self, position: int, gpu: Gpu) -> bool:
        """Whether no instance of the GPU stays."""
        fits = self._of_type[gpu.gpu_type]
        return not fits.num_kept[fits.row_of[position], fits.column(gpu)]

    def placed(self, position: int, gpu: Gpu) -> tuple[PlannedInstance, ...]:
        """Return a configuration's instances on a GPU, placed so that most stays."""
        fits = self._of_type[gpu.gpu_type]
        row = fits.row_of[position]
        cut = int(fits.cut[row, fits.column(gpu)])
        shape = fits.shapes[row]
        return shape.placed(RunningShape(self._running.get(gpu, NOTHING)), shape.cuts[cut])

    def weights(self, positions: Sequence[int], gpus: Sequence[Gpu]) -> Ints:
        """Return int64 (positions, GPUs): the weight of every pair, all of one type."""
        fits = self._of_type[self._wanted[positions[0]].gpu_type]
        rows = [fits.row_of[position] for position in positions]
        return fits.weight[np.ix_(rows, [fits.column(gpu) for gpu in gpus])]


class _TypeFits:
    """The fits of one GPU type: a row for every class of configurations, a column of GPUs.

    ``weight``, ``num_kept`` and ``cut`` are int64 (rows, columns).
    """

    def __init__(
        self,
        request: TransitionRequest,
        name: str,
        wanted: Sequence[Configuration],
        running: Mapping[Gpu, Running],
    ) -> None:
        columns: _Classes[Gpu] = _Classes()
        for gpu, runs in running.items():
            if gpu.gpu_type == name:
                columns.add(gpu, (runs, gpu.id in request.cordoned))
        rows: _Classes[int] = _Classes()
        for position, entry in enumerate(wanted):
            if entry.gpu_type == name:
                rows.add(position, servers_of(entry.instances))
        gpu_type = request.type_of(name)
        self.row_of = rows.class_of
        self.shapes = [WantedShape(gpu_type, wanted[p].instances) for p in rows.examples]
        self._column_of = columns.class_of
        self._idle = len(columns.examples)
        examples = [*(running[gpu] for gpu in columns.examples), NOTHING]
        gpus = RunningGpus(examples, gpu_type.memory_units or 0)
        found = [gpus.most_similar(shape) for shape in self.shapes]
        self.num_kept, self.cut = (
            np.array([getattr(row, name) for row in found]) for name in ("reused", "cut")
        )
        is_closed = np.array([gpu.id in request.cordoned for gpu in columns.examples] + [False])
        to_clear = np.array([len(example.instances) for example in examples])
        self.weight = self._weights(found, to_clear, is_closed)

    def column(self, gpu: Gpu) -> int:
        """Return the class of a GPU."""
        return self._column_of.get(gpu, self._idle)

    def _weights(self, found: Sequence[Overlaps], to_clear: Ints, is_closed: Ints) -> Ints:
        """Return untouched, restarted, reused and little to clear as one number each.

        No sum of one of these over all configurations reaches the base, so the largest
        sum is the largest in order. What a GPU may not carry weighs less than that.
        """
        sizes = np.array([shape.servers.total() for shape in self.shapes])
        most = int(to_clear.max())
        base = 1 + len(self.row_of) * max(most, int(sizes.max()))
        digits = np.array([(row.untouched, row.restarted, row.reused) for row in found])
        weight = (digits[:, 0] * base + digits[:, 1]) * base + digits[:, 2]
        weight = weight * base + (most - to_clear)
        is_refused = is_closed & (digits[:, 0] < sizes[:, np.newaxis])
        return np.where(is_refused, -(base**4), weight)


class _Classes(Generic[T]):
    """Numbers for classes of equal things, in order of appearance, with an example each."""

    def __init__(self) -> None:
        self._number_of: dict[Hashable, int] = {}
        self.class_of: dict[T, int] = {}
        self.examples: list[T] = []

    def add(self, member: T, key: Hashable) -> None:
        """Add a member to the class of its key."""
        if key not in self._number_of:
            self._number_of[key] = len(self.examples)
            self.examples.append(member)
        self.class_of[member] = self._number_of[key]
