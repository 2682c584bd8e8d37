"""What every section of the benchmark of the cuda device opens its devices with.

``gpu_runtime`` makes one rig; on a trial without a GPU it has the fake driver and every section
lasts moments, to show that the benchmark itself works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.benchmarks.record import Figure, Measured, Row
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.board import Sizes
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.call_table import CallTable
from heddle.runtime.cuda.fake_driver import FakeDriver, FakeHardware
from heddle.runtime.cuda.fake_gpu import FakeKernel
from heddle.runtime.cuda.options import CudaOptions

ENTRIES = (
    "matmul_grouped",
    "vector_add",
    "scale_in_place",
    "layer_norm",
    "attention",
    "heddle_spin",
    "heddle_echo",
)
_SIZES = Sizes(queues=16, launches=2048)
_TRIAL_SIZES = Sizes(queues=16, tasks=512, queue_capacity=256, window=64, launches=128)


@dataclass(frozen=True)
class Rig:
    """How devices are opened. ``calls`` is None for the installed driver."""

    index: int = 0
    calls: CallTable | None = None

    @property
    def is_trial(self) -> bool:
        """Whether there is no GPU behind it."""
        return self.calls is not None

    def open(
        self, policy: str, level: int = 0, choices: CudaOptions | None = None, seed: int = 0
    ) -> CudaBackend:
        """The device with a policy, held to a level."""
        sizes = _TRIAL_SIZES if self.is_trial else _SIZES
        options = BackendOptions(policy=policy, level=level, seed=seed, sizes=sizes)
        return CudaBackend.open(self.index, options, choices, self.calls)

    def amount(self, full: float) -> float:
        """As much of something as is measured: a fiftieth on a trial."""
        return full / 50 if self.is_trial else full

    def times(self, full: int) -> int:
        """How often something is done: a fiftieth on a trial, at least 2."""
        return max(2, full // 50) if self.is_trial else full


def trial_rig() -> Rig:
    """A rig on the fake driver, whose kernels do nothing."""
    kernels = [FakeKernel(entry, _nothing) for entry in ENTRIES]
    return Rig(calls=FakeDriver(kernels, FakeHardware(steps_a_query=20)).table)


def percentiles(name: str, values_ns: Sequence[float] | np.ndarray) -> dict[str, float | str | int]:
    """A row with the usual percentiles of times, in microseconds."""
    values_us = np.asarray(values_ns, dtype=np.float64) / 1000
    row: dict[str, float | str | int] = {"name": name, "count": len(values_us)}
    if len(values_us):
        row["mean_us"] = round(float(values_us.mean()), 3)
        for percent in (50, 95, 99):
            row[f"p{percent}_us"] = round(float(np.percentile(values_us, percent)), 3)
    return row


def measured(figures: Sequence[Figure], rows: Sequence[Row]) -> Measured:
    """What a section returns."""
    return Measured(tuple(figures), tuple(rows))


def _nothing(_block: int, _parameters: tuple[int, ...]) -> None:
    pass
