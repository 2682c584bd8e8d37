"""What every configuration is worth on every GPU, as one number a pair.

Equal GPUs and equal configurations form classes, and each pair of classes is looked at
once. Called by ``placement``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from heddle.cluster.deployment import Configuration, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.transition.joint.matching import Ints
from heddle.transition.joint.similarity import (
    Cut,
    Running,
    RunningShape,
    Similarity,
    WantedShape,
    servers_of,
)
from heddle.transition.request import TransitionRequest

#: What an idle GPU runs.
NOTHING = Running(())

T = TypeVar("T")


class Fit(NamedTuple):
    """A configuration on a GPU.

    Attributes
    ----------
    weight
        What is gained, at least 0; negative when the GPU may not carry it.
    keeps_nothing
        Whether no instance of the GPU stays.
    cut
        The starts with which most stays.
    """

    weight: int
    keeps_nothing: bool
    cut: Cut


class FitTable:
    """Fits by configuration (its position) and GPU.

    Parameters
    ----------
    wanted
        The configurations, none empty.
    running
        What GPUs run; one that is not in it is idle.
    """

    def __init__(
        self,
        request: TransitionRequest,
        wanted: Sequence[Configuration],
        running: Mapping[Gpu, Running],
    ) -> None:
        self._request = request
        self._wanted = wanted
        self._running = running
        self._fits: dict[tuple[int, int], Fit] = {}
        self._columns: _Classes[Gpu] = _Classes()
        rows: _Classes[int] = _Classes()
        self._row_of = [
            rows.of(position, (entry.gpu_type, servers_of(entry.instances)))
            for position, entry in enumerate(wanted)
        ]
        self._wanted_shapes = [
            WantedShape(request.type_of(entry.gpu_type), entry.instances)
            for entry in (wanted[position] for position in rows.examples)
        ]
        self._running_shapes: dict[int, RunningShape] = {}
        before = sum(len(r.instances) + len(r.unserved) for r in running.values())
        after = sum(len(entry.instances) for entry in wanted)
        self._most_to_clear = max((len(r.instances) for r in running.values()), default=0)
        #: No sum of one digit of the weights reaches it.
        self._base = 1 + max(before, after, len(wanted) * self._most_to_clear)

    def is_running(self, gpu: Gpu) -> bool:
        """Whether the GPU runs something."""
        return gpu in self._running

    def fit(self, position: int, gpu: Gpu) -> Fit:
        """Return how a configuration fits a GPU of its type."""
        return self._fit_classes(self._row_of[position], self._column(gpu))

    def placed(self, position: int, gpu: Gpu) -> tuple[PlannedInstance, ...]:
        """Return a configuration's instances on a GPU, placed so that most stays."""
        wanted = self._wanted_shapes[self._row_of[position]]
        return wanted.placed(self._running_shape(self._column(gpu)), self.fit(position, gpu).cut)

    def weights(self, positions: Sequence[int], gpus: Sequence[Gpu]) -> Ints:
        """Return int64 (positions, GPUs): the weight of every pair, all of one type."""
        rows = [self._row_of[position] for position in positions]
        columns = [self._column(gpu) for gpu in gpus]
        row_list, column_list = sorted(set(rows)), sorted(set(columns))
        table = np.array(
            [[self._fit_classes(row, column).weight for column in column_list] for row in row_list],
            dtype=np.int64,
        ).reshape(len(row_list), len(column_list))
        return table[np.ix_(np.searchsorted(row_list, rows), np.searchsorted(column_list, columns))]

    def _column(self, gpu: Gpu) -> int:
        is_cordoned = gpu.id in self._request.cordoned
        running = self._running.get(gpu, NOTHING)
        return self._columns.of(gpu, (gpu.gpu_type, running, is_cordoned))

    def _fit_classes(self, row: int, column: int) -> Fit:
        if (row, column) not in self._fits:
            self._fits[row, column] = self._computed(row, column)
        return self._fits[row, column]

    def _computed(self, row: int, column: int) -> Fit:
        wanted, running = self._wanted_shapes[row], self._running_shape(column)
        similarity, cut = wanted.most_similar(running)
        gpu = self._columns.examples[column]
        if gpu.id in self._request.cordoned and similarity.untouched < wanted.servers.total():
            return Fit(-self._weight(Similarity(self._base, 0, 0), 0), keeps_nothing=True, cut=cut)
        weight = self._weight(similarity, len(running.instances))
        return Fit(weight, similarity.reused == 0, cut)

    def _running_shape(self, column: int) -> RunningShape:
        if column not in self._running_shapes:
            running = self._running.get(self._columns.examples[column], NOTHING)
            self._running_shapes[column] = RunningShape(running)
        return self._running_shapes[column]

    def _weight(self, similarity: Similarity, num_to_clear: int) -> int:
        """Return untouched, restarted, reused and little to clear as one number."""
        weight = 0
        for digit in (*similarity, self._most_to_clear - num_to_clear):
            weight = weight * self._base + digit
        return weight


class _Classes(Generic[T]):
    """Numbers for classes of equal things, in order of appearance, with an example each."""

    def __init__(self) -> None:
        self._number_of: dict[Hashable, int] = {}
        self._known: dict[T, int] = {}
        self.examples: list[T] = []

    def of(self, member: T, key: Hashable) -> int:
        """Return the class of a member, whose key is looked at the first time only."""
        if member not in self._known:
            if key not in self._number_of:
                self._number_of[key] = len(self.examples)
                self.examples.append(member)
            self._known[member] = self._number_of[key]
        return self._known[member]
