"""Greedy cover: one machine after the other, each the most useful for what is missing.

A machine's blocks go, the most serving type first, to the job that gains most; its
usefulness is Σ_j min(missing, served) / demand. ``logarithmic`` compares its rounding
with this plan and ``exact`` starts from it; no guarantee rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.optimizer.cms.problem import CmsProblem, Floats, Ints
from heddle.optimizer.cms.schedule import BlockPlan, block_plan, trim
from heddle.optimizer.solver import Run


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A configuration with jobs for its blocks: int64 (n, k) blocks, and the gain."""

    configuration: int
    blocks: Ints
    gain: float


def greedy_cover(problem: CmsProblem, run: Run) -> BlockPlan | None:
    """Return a greedy plan without superfluous machines, or None when the run ended first."""
    missing = list(problem.demand)
    counts = [0] * len(problem.configurations)
    blocks = np.zeros(problem.share.shape, dtype=np.int64)
    while any(amount > 0 for amount in missing):
        if run.is_over():
            return None
        chosen = _most_useful(problem, missing)
        served = _served(problem, chosen.blocks)
        repeats = min(m // s for m, s in zip(missing, served, strict=True) if s and m)
        times = max(1, repeats)
        counts[chosen.configuration] += times
        blocks += chosen.blocks * times
        missing = [max(0, m - s * times) for m, s in zip(missing, served, strict=True)]
    return trim(problem, block_plan(problem.configurations, counts, blocks))


def _most_useful(problem: CmsProblem, missing: list[int]) -> _Candidate:
    part = np.array([m / d for m, d in zip(missing, problem.demand, strict=True)])
    candidates = [_filled(problem, c, part) for c in range(len(problem.configurations))]
    return max(candidates, key=lambda found: (found.gain, -found.configuration))


def _filled(problem: CmsProblem, configuration: int, missing: Floats) -> _Candidate:
    left = missing.copy()
    blocks = np.zeros(problem.share.shape, dtype=np.int64)
    counts = problem.configurations[configuration]
    order = sorted(range(len(counts)), key=lambda i: (-float(problem.share[:, i].max()), i))
    for i in order:
        for _ in range(counts[i]):
            gain = np.minimum(problem.share[:, i], left)
            job = int(gain.argmax())
            if gain[job] <= 0.0:
                break
            blocks[job, i] += 1
            left[job] = max(0.0, left[job] - problem.share[job, i])
    return _Candidate(configuration, blocks, float(missing.sum() - left.sum()))


def _served(problem: CmsProblem, blocks: Ints) -> list[int]:
    return [
        sum(f * count for f, count in zip(amounts, row, strict=True) if count)
        for amounts, row in zip(problem.counted, blocks.tolist(), strict=True)
    ]
