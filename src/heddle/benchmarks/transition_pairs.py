"""The first part of ``heddle bench transition``: random pairs, each transition proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from heddle.benchmarks.random_pairs import Pair, Sizes, random_pair
from heddle.benchmarks.record import Figure, Measured, Row
from heddle.clock import WallClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.transition.action_times import find_times
from heddle.transition.invariant.proof import prove
from heddle.transition.joint.kept_bound import untouched_bound
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition

_PAIRS, _QUICK_PAIRS = 10_000, 200
#: Of the pairs, so many are also planned with ``exchange_compact``.
_EVERY_NTH = 10
_REPORT_EVERY = 500


def measure_pairs(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Plan and prove every pair."""
    num_pairs = _QUICK_PAIRS if is_quick else _PAIRS
    joint, exchange = _Tally("joint"), _Tally("exchange_compact")
    for number in range(num_pairs):
        if number % _REPORT_EVERY == 0:
            report(f"random pairs, {number:,} of {num_pairs:,}")
        pair = random_pair(np.random.default_rng((seed, number)), Sizes())
        joint.add(pair)
        if number % _EVERY_NTH == 0:
            exchange.add(pair)
    figures = [
        Figure(
            f"{tally.strategy}: pairs of {tally.num_pairs:,} that keep the invariant in every "
            "reachable state",
            tally.num_safe,
            "pairs",
            f"== {tally.num_pairs}",
        )
        for tally in (joint, exchange)
    ]
    return Measured(tuple(figures), (joint.row(), exchange.row()))


@dataclass
class _Tally:
    """What happened to all pairs with one strategy."""

    strategy: str
    num_pairs: int = 0
    num_safe: int = 0
    num_steps: int = 0
    num_kept: int = 0
    num_keepable: int = 0
    makespans_s: list[float] = field(default_factory=list)
    walls_s: list[float] = field(default_factory=list)
    spares: Counter[int] = field(default_factory=Counter)

    def add(self, pair: Pair) -> None:
        clock = WallClock()
        started_s = clock.now_s()
        transition = _planned(pair, self.strategy)
        self.walls_s.append(clock.now_s() - started_s)
        self.num_pairs += 1
        self.num_safe += not prove(transition, builtin_catalogue().get).violations
        self.num_steps += len(transition.steps)
        self.num_kept += transition.num_kept
        self.num_keepable += untouched_bound(pair.origin, pair.wanted)
        self.makespans_s.append(transition.makespan_s)
        self.spares[transition.spare_gpus] += 1

    def row(self) -> Row:
        most = max(self.spares)
        without = self.spares[0]
        return {
            "part": "pairs",
            "strategy": self.strategy,
            "pairs": self.num_pairs,
            "steps": self.num_steps,
            "kept": self.num_kept,
            "kept_at_most": self.num_keepable,
            "median_makespan_s": round(float(np.median(self.makespans_s)), 1),
            "pairs_without_spares": without,
            "most_spares": most,
            "median_planning_s": round(float(np.median(self.walls_s)), 4),
            "longest_planning_s": round(max(self.walls_s), 3),
        }


def _planned(pair: Pair, strategy: str) -> Transition:
    request = TransitionRequest(
        origin=pair.origin,
        wanted=pair.wanted,
        type_of=builtin_catalogue().get,
        times=find_times("direct"),
    )
    return plan_transition(request, strategy)
