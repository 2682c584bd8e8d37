"""Small pairs of deployments: what ``joint`` keeps beside the most that can be kept.

The most is found without anything of the planner's: every partition of every GPU, and
every way to deal configurations to GPUs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from heddle.benchmarks.random_pairs import Pair, Sizes, random_pair
from heddle.benchmarks.record import Figure, Measured, Row
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration
from heddle.cluster.layout import partitions
from heddle.transition.action_times import find_times
from heddle.transition.lower_bound import makespan_bound_s, placed_by
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest

_SIZES = Sizes(least_gpus=1, most_gpus=6, least_services=1, most_services=5)
_PAIRS, _QUICK_PAIRS = 1_000, 100
#: Makespans that differ by less are equal.
_EQUAL_S = 1e-6


def measure_small(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Plan small pairs with ``joint``, and count where it is at the optimum."""
    num_pairs = _QUICK_PAIRS if is_quick else _PAIRS
    report(f"{num_pairs:,} pairs of at most {_SIZES.most_gpus} GPUs")
    num_optimal = num_at_bound = 0
    ratios = []
    for number in range(num_pairs):
        pair = random_pair(np.random.default_rng((seed, number)), _SIZES)
        request = TransitionRequest(
            pair.origin, pair.wanted, builtin_catalogue().get, find_times("kubernetes")
        )
        transition = plan_transition(request)
        bound_s = makespan_bound_s(request, placed_by(transition))
        num_optimal += transition.num_kept == most_kept(pair)
        num_at_bound += transition.makespan_s <= bound_s + _EQUAL_S
        ratios.append(transition.makespan_s / bound_s if bound_s else 1.0)
    name = f"pairs of {num_pairs:,} with up to 6 GPUs on which joint keeps the most possible"
    figure = Figure(name, num_optimal, "pairs", f"== {num_pairs}")
    row: Row = {
        "part": "small",
        "pairs": num_pairs,
        "keeps_the_most_possible": num_optimal,
        "makespan_at_its_bound": num_at_bound,
        "mean_makespan_over_bound": round(float(np.mean(ratios)), 3),
        "largest_makespan_over_bound": round(max(ratios), 3),
    }
    return Measured((figure,), (row,))


def most_kept(pair: Pair) -> int:
    """Return the most instances that any placement keeps untouched, by trying all."""
    gpus = pair.origin.configurations
    best = {0: 0}
    for wanted in pair.wanted.configurations:
        kept = [_most_kept_on(gpu, wanted) for gpu in gpus]
        dealt: dict[int, int] = dict(best)
        for taken, total in best.items():
            for position, count in enumerate(kept):
                if not taken >> position & 1:
                    after = taken | 1 << position
                    dealt[after] = max(dealt.get(after, 0), total + count)
        best = dealt
    return max(best.values())


def _most_kept_on(gpu: Configuration, wanted: Configuration) -> int:
    if gpu.gpu_type != wanted.gpu_type:
        return 0
    counts = Counter(instance.profile for instance in wanted.instances)
    servers = Counter(instance._replace(start=0) for instance in wanted.instances)
    most = 0
    for partition in partitions(builtin_catalogue().get(gpu.gpu_type)):
        if partition.profile_counts == counts:
            places = set(partition.placements)
            there = [i for i in gpu.instances if (i.start, i.profile) in places]
            kept = Counter(instance._replace(start=0) for instance in there) & servers
            most = max(most, kept.total())
    return most
