"""Evictions by length of a block: schedules whose blocks take a stated time, not networks.

A schedule's block spins until its time is over, so its length is known and the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from heddle.benchmarks.runtime_cpu_play import Load, Round, play_schedules
from heddle.runtime.library.scheduled import ScheduledKernel, ScheduledProgram, schedule

_URGENT_US, _URGENT_KERNELS = 20, 4
_TASK_US = 40_000  # of best-effort work
_KERNELS = 20
_PERIOD_NS = 3_137_000  # no multiple of a block


def eviction_rounds(
    blocks_us: Sequence[int], num_rounds: int, requests: int
) -> list[tuple[int, list[Round]]]:
    """Rounds under ``block-edge`` for every length of a block, which take turns."""
    rounds: dict[int, list[Round]] = {block_us: [] for block_us in blocks_us}
    load = Load("", "", requests, _PERIOD_NS)
    for _ in range(num_rounds):
        for block_us in blocks_us:
            rounds[block_us].append(
                play_schedules("block-edge", load, _urgent(), _patient(block_us))
            )
    return list(rounds.items())


def _urgent() -> ScheduledProgram:
    kernels = [ScheduledKernel(f"rt{n}", 2, 1000 * _URGENT_US) for n in range(_URGENT_KERNELS)]
    return schedule("real time", kernels)


def _patient(block_us: int) -> ScheduledProgram:
    blocks = _TASK_US // _KERNELS // block_us
    kernels = [ScheduledKernel(f"be{n}", blocks, 1000 * block_us) for n in range(_KERNELS)]
    return schedule("best effort", kernels)
