"""What the segment device shows of itself: who holds it, who waits, what preemption took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import BE
from heddle.runtime.segments.lane import LaneState


class LaneFigures(NamedTuple):
    """One lane; ``kind`` is ``rt`` or ``be``, ``state`` ``holds``, ``waits`` or ``idle``."""

    name: str
    kind: str
    state: str
    num_tasks: int
    num_steps: int
    num_evictions: int
    busy_s: float
    longest_step_ms: float


class Figures(NamedTuple):
    """The device.

    ``holders`` are the names of lanes that run. ``preemption_us`` has ``p50`` and ``p99`` of the
    latest preemptions, from the arrival of real-time work to its begin; empty before the first.
    ``num_overruns`` counts real-time steps that no longer waited for a best-effort one.
    """

    lanes: tuple[LaneFigures, ...]
    holders: tuple[str, ...]
    num_preemptions: int
    preemption_us: dict[str, float]
    num_overruns: int


def figures_of(board: Board, lanes: Sequence[LaneState], num_overruns: int) -> Figures:
    """Return the figures of a board and its lanes; under the lock of the device."""
    count = int(board.counts.preemptions[0])
    return Figures(
        lanes=tuple(_lane(lane) for lane in lanes),
        holders=tuple(lane.name for lane in lanes if lane.running >= 0),
        num_preemptions=count,
        preemption_us=_preemption_us(board, count),
        num_overruns=num_overruns,
    )


def _lane(lane: LaneState) -> LaneFigures:
    counts = lane.counts
    return LaneFigures(
        name=lane.name,
        kind="be" if lane.kind == BE else "rt",
        state="holds" if lane.running >= 0 else "waits" if lane.is_waiting else "idle",
        num_tasks=counts.num_tasks,
        num_steps=counts.num_steps,
        num_evictions=counts.num_evictions,
        busy_s=counts.busy_ns / 1e9,
        longest_step_ms=counts.longest_step_ns / 1e6,
    )


def _preemption_us(board: Board, count: int) -> dict[str, float]:
    rows = board.preemptions
    kept = min(count, len(rows.arrived_ns))
    took = (rows.started_ns - rows.arrived_ns)[:kept]
    took = took[rows.started_ns[:kept] > 0]
    if len(took) == 0:
        return {}
    p50, p99 = np.percentile(took, [50, 99]) / 1e3
    return {"p50": float(p50), "p99": float(p99)}
