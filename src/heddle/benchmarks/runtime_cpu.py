"""``heddle bench runtime --device cpu``: real blocks on real cores, with their targets.

Every comparison is made of short rounds that take turns in one run, and what is compared is pooled
over the rounds: other work on the machine then falls on all sides alike. Times are measured; they
belong to the machine that the record names.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from heddle.benchmarks.record import Figure, Measured, Record, Row
from heddle.benchmarks.runtime_cpu_check import check_overhead_percent
from heddle.benchmarks.runtime_cpu_eviction import eviction_rounds
from heddle.benchmarks.runtime_cpu_lock import HOLDERS, lock_held_by
from heddle.benchmarks.runtime_cpu_play import Copies, Load, Round, play
from heddle.benchmarks.samples import figure_of, percentile
from heddle.clock import WallClock
from heddle.runtime.library.networks import build

_POLICIES = ("rt-only", "sequential", "multistream", "block-edge", "block-edge-padding")
_OURS = "block-edge"
_URGENT, _PATIENT = "vgg19-small", "bert-medium"
_SHORT_URGENT, _SHORT_PATIENT = "mlp-small", "resnet-medium"  # more preemptions in the same time
_RT_SHARE = 0.2  # of the time that real-time work alone would need
_BLOCKS_US = (10, 100)
_CHECKED_US = (1.0, 10.0)
_US_PER_MS = 1e3

Report = Callable[[str], None]


@dataclass(frozen=True)
class _Size:
    """How much is measured."""

    rounds: int
    requests: int
    pairs: int


_FULL = _Size(rounds=9, requests=60, pairs=400)
_QUICK = _Size(rounds=2, requests=25, pairs=50)


def run_on_cpu(seed: int, *, is_quick: bool, report: Report) -> Record:
    """The record of the cpu device; ``seed`` is recorded, nothing is drawn."""
    measured = cpu_rows(is_quick=is_quick, report=report)
    return Record("runtime", seed, is_quick, measured.figures, measured.rows)


def cpu_rows(*, is_quick: bool, report: Report) -> Measured:
    """Figures and rows of everything that is measured on the cpu device."""
    size = _QUICK if is_quick else _FULL
    parts = [_evictions(size, report), _latencies(size, report)]
    parts += [_lock(size, report), _checks(size, report)]
    return Measured(
        tuple(figure for part in parts for figure in part.figures),
        tuple(row for part in parts for row in part.rows),
    )


def _evictions(size: _Size, report: Report) -> Measured:
    report("cpu: evictions by length of a block")
    rows: list[Row] = []
    figures = []
    for block_us, rounds in eviction_rounds(_BLOCKS_US, size.rounds, size.requests):
        drained_us = _pooled(one.drain_us for one in rounds)
        name = f"cpu: median eviction less the block's {block_us} us"
        figures.append(figure_of(name, percentile(drained_us, 50) - block_us, "us", "<= 10"))
        rows.append(
            {
                "part": "cpu: eviction, from the flag to the last block, us",
                "block_us": block_us,
                "preemptions": len(drained_us),
                **_percentiles("drain", drained_us),
                **_percentiles("notice", _pooled(one.notice_us for one in rounds)),
                **_percentiles("start", _pooled(one.start_us for one in rounds)),
            }
        )
    return Measured(tuple(figures), tuple(rows))


def _latencies(size: _Size, report: Report) -> Measured:
    report(f"cpu: {_URGENT} beside {_PATIENT}: {', '.join(_POLICIES)}")
    alone_ns = _alone_ns(_URGENT)
    load = Load(_URGENT, _PATIENT, size.requests, int(alone_ns / _RT_SHARE))
    copies = Copies(load)
    rounds: dict[str, list[Round]] = {policy: [] for policy in _POLICIES}
    for _ in range(size.rounds):
        for policy in _POLICIES:
            rounds[policy].append(play(policy, load, copies))
    p99_ms = percentile(_pooled(one.latency_us for one in rounds[_OURS]), 99) / _US_PER_MS
    rows = tuple(_latency_row(policy, rounds[policy], alone_ns, p99_ms) for policy in _POLICIES)
    return Measured(_latency_figures(rounds), rows)


def _latency_row(policy: str, rounds: Sequence[Round], alone_ns: int, p99_ms: float) -> Row:
    latency_ms = _pooled(one.latency_us for one in rounds) / _US_PER_MS
    return {
        "part": f"cpu: real time beside best effort, {_URGENT} beside {_PATIENT}, ms",
        "policy": policy,
        "alone": alone_ns / 1e6,
        "requests": len(latency_ms),
        **_percentiles("latency", latency_ms),
        "p99_over_block_edge": round(percentile(latency_ms, 99) / p99_ms, 2),
        "be_blocks_per_s": round(_median(rounds)),
        "outputs": sum(one.outputs for one in rounds),
        "wrong_outputs": sum(one.wrong_outputs for one in rounds),
    }


def _latency_figures(rounds: dict[str, list[Round]]) -> tuple[Figure, ...]:
    """Against ``sequential``, which neither preempts nor shares; rows have the other policies."""
    before, ours = (
        percentile(_pooled(one.latency_us for one in rounds[policy]), 99)
        for policy in ("sequential", _OURS)
    )
    shares = [
        each.patient_blocks_per_s / free.patient_blocks_per_s
        for each, free in zip(rounds[_OURS], rounds["multistream"], strict=True)
        if free.patient_blocks_per_s > 0
    ]
    share = statistics.median(shares) if shares else math.nan
    wrong = sum(one.wrong_outputs for each in rounds.values() for one in each)
    return (
        figure_of(f"cpu: RT p99 sequential / {_OURS}", before / ours, "x", ">= 5"),
        figure_of(f"cpu: BE throughput {_OURS} / multistream", 100 * share, "%", ">= 85"),
        Figure("cpu: outputs not bit-equal", wrong, "outputs", "== 0"),
    )


def _lock(size: _Size, report: Report) -> Measured:
    report(f"cpu: preemption while the interpreter lock is held: {', '.join(HOLDERS)}")
    load = Load(
        _SHORT_URGENT, _SHORT_PATIENT, 2 * size.requests, 5_000_000, ahead=2 * size.requests
    )
    copies = Copies(load)
    rounds: dict[str, list[Round]] = {name: [] for name in HOLDERS}
    for _ in range(size.rounds):
        for name in HOLDERS:
            rounds[name].append(play(_OURS, load, copies, partial(lock_held_by, name)))
    starts_us = {name: _pooled(one.start_us for one in rounds[name]) for name in HOLDERS}
    rows: tuple[Row, ...] = tuple(
        {
            "part": "cpu: preemption while the interpreter lock is held, us",
            "held_by": name,
            "preemptions": len(values),
            **_percentiles("start", values),
        }
        for name, values in starts_us.items()
    )
    held, free = (percentile(starts_us[name], 99) for name in ("50 ms at a time", "nobody"))
    name = "cpu: preemption p99, lock held 50 ms / not held"
    return Measured((figure_of(name, held / free, "x", "<= 1.5"),), rows)


def _checks(size: _Size, report: Report) -> Measured:
    report("cpu: what looking at the epoch costs")
    rows: list[Row] = []
    for block_us in _CHECKED_US:
        blocks = round(1000 / block_us)
        overhead, real_us = check_overhead_percent(block_us, size.pairs, blocks)
        rows.append(
            {
                "part": "cpu: epoch check between blocks",
                "block_us": round(real_us, 2),
                "pairs": size.pairs,
                "overhead_percent": round(overhead, 3),
            }
        )
    worst = max(float(row["overhead_percent"]) for row in rows)
    return Measured((Figure("cpu: check overhead", worst, "%", "<= 1"),), tuple(rows))


def _alone_ns(name: str) -> int:
    """How long one request takes in one thread, the median of some."""
    network = build(name)
    clock, times_s = WallClock(), []
    for _ in range(15):
        begun_s = clock.now_s()
        network.run_here()
        times_s.append(clock.now_s() - begun_s)
    return int(statistics.median(times_s) * 1e9)


def _median(rounds: Sequence[Round]) -> float:
    return statistics.median(one.patient_blocks_per_s for one in rounds)


def _pooled(values: Iterable[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.concatenate(list(values))


def _percentiles(name: str, values: npt.NDArray[np.float64]) -> dict[str, float]:
    if not len(values):
        return {}
    return {f"{name}_p{rank}": round(percentile(values, rank), 3) for rank in (50, 90, 99)}
