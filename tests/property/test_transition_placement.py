"""Laws of placing a target, on random pairs of deployments."""

import itertools
from collections import Counter

import numpy as np
import pytest

from heddle.benchmarks.random_pairs import Pair, Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, PlannedInstance
from heddle.cluster.layout import partitions
from heddle.cluster.partition import Placement, legal_partition
from heddle.transition.action_times import find_times
from heddle.transition.joint.kept_bound import untouched_bound
from heddle.transition.joint.placement import place_target
from heddle.transition.request import TransitionRequest

TYPE_OF = builtin_catalogue().get
SMALL = Sizes(least_gpus=1, most_gpus=4, least_services=1, most_services=3)


def pair_of(seed: int, sizes: Sizes = SMALL) -> Pair:
    return random_pair(np.random.default_rng(seed), sizes)


def request_of(pair: Pair) -> TransitionRequest:
    return TransitionRequest(pair.origin, pair.wanted, TYPE_OF, find_times("direct"))


def servers(instances: tuple[PlannedInstance, ...]) -> tuple[PlannedInstance, ...]:
    return tuple(sorted(i._replace(start=0) for i in instances))


def most_untouched(running: Configuration, wanted: Configuration) -> int:
    """Try every partition: the servers of a profile that can stand where they ran."""
    best = 0
    for partition in partitions(TYPE_OF(wanted.gpu_type)):
        counts = Counter(p.profile for p in partition.placements)
        if counts != Counter(i.profile for i in wanted.instances):
            continue
        there = [
            i for i in running.instances if Placement(i.start, i.profile) in partition.placements
        ]
        kept = Counter(servers(tuple(there))) & Counter(servers(wanted.instances))
        best = max(best, kept.total())
    return best


@pytest.mark.parametrize("seed", range(60))
def test_no_other_deal_of_configurations_keeps_more(seed: int) -> None:
    pair = pair_of(seed)
    wanted = pair.wanted.configurations
    best = 0
    columns = [*pair.origin.configurations, *([None] * len(wanted))]
    values = [
        [
            most_untouched(gpu, entry) if gpu and gpu.gpu_type == entry.gpu_type else 0
            for gpu in columns
        ]
        for entry in wanted
    ]
    for chosen in itertools.permutations(range(len(columns)), len(wanted)):
        best = max(best, sum(values[row][column] for row, column in enumerate(chosen)))
    placed = place_target(request_of(pair))
    assert placed.num_untouched == best
    assert best <= untouched_bound(pair.origin, pair.wanted)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("num_spares", [0, 2])
def test_every_configuration_is_carried_once_and_legally(seed: int, num_spares: int) -> None:
    pair = pair_of(seed, Sizes(2, 12, 2, 8))
    placed = place_target(request_of(pair), num_spares)
    carried = Counter((g.gpu.gpu_type, servers(g.after)) for g in placed.gpus if g.after)
    assert carried == Counter(
        (c.gpu_type, servers(c.instances)) for c in pair.wanted.configurations
    )
    for gpu in placed.gpus:
        legal_partition(
            TYPE_OF(gpu.gpu.gpu_type), [Placement(i.start, i.profile) for i in gpu.after]
        )
    before = {g.gpu.id: g.before for g in placed.gpus if g.before}
    assert before == {c.gpu: c.instances for c in pair.origin.configurations}
    assert placed == place_target(request_of(pair), num_spares)


@pytest.mark.parametrize("seed", range(20))
def test_the_same_deployment_under_other_names_stays_untouched(seed: int) -> None:
    origin = pair_of(seed, Sizes(2, 12, 2, 8)).origin
    renamed = tuple(
        Configuration(f"gpu-{i}", f"node-{i}", c.gpu_type, c.instances)
        for i, c in enumerate(reversed(origin.configurations))
    )
    wanted = type(origin)(origin.services, renamed)
    placed = place_target(request_of(Pair(origin, wanted)))
    assert all(gpu.before == gpu.after for gpu in placed.gpus)
