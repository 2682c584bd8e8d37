"""Laws of placing a target when the inventory is known: cordons, leftovers, spare GPUs."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.layout import maximal_partitions, partitions
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError
from heddle.transition.action_times import find_times
from heddle.transition.gpu_room import gpus_of
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.placement import place_target
from heddle.transition.joint.similarity import servers_of
from heddle.transition.request import TransitionRequest

TYPE_OF = builtin_catalogue().get
SEEDS = range(120)
Kept = tuple[int, int, int]


def drawn(seed: int) -> TransitionRequest:
    """Return a request with up to eight more GPUs, of which some hold leftovers."""
    generator = np.random.default_rng(seed)
    pair = random_pair(generator, Sizes(1, 4, 1, 3))
    origin = gpus_of(pair.origin)
    types = sorted({gpu.gpu_type for gpu in (*origin, *gpus_of(pair.wanted))})
    more = [
        Gpu(f"more-{number}", f"node-{number % 3}", str(generator.choice(types)))
        for number in range(int(generator.integers(3, 9)))
    ]
    unserved = {}
    for gpu in more[:3]:
        every = maximal_partitions(TYPE_OF(gpu.gpu_type))
        partition = every[int(generator.integers(len(every)))]
        unserved[gpu.id] = tuple(p for p in partition.placements if generator.random() < 0.7)
    return TransitionRequest(
        pair.origin,
        pair.wanted,
        TYPE_OF,
        find_times("direct"),
        inventory=(*origin, *more),
        unserved=unserved,
    )


def placed_or_none(request: TransitionRequest, num_spares: int = 0) -> PlacedTarget | None:
    try:
        return place_target(request, num_spares)
    except InputError:
        return None


def num_beyond(request: TransitionRequest, placed: PlacedTarget) -> int:
    """Count the GPUs that carry something beyond what the larger side needs."""
    origin = gpus_of(request.origin)
    need = Counter(gpu.gpu_type for gpu in gpus_of(request.wanted))
    need.subtract(gpu.gpu_type for gpu in origin)
    used = Counter(g.gpu.gpu_type for g in placed.gpus if g.after and g.gpu not in origin)
    return sum(count - max(0, need[name]) for name, count in used.items())


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_there_is_enough_exactly_when_the_target_is_not_larger(seed: int) -> None:
    request = drawn(seed)
    need = Counter(gpu.gpu_type for gpu in gpus_of(request.wanted))
    is_enough = need <= Counter(gpu.gpu_type for gpu in request.inventory or ())
    assert (placed_or_none(request) is not None) == is_enough


@pytest.mark.parametrize("seed", SEEDS)
def test_no_more_spare_gpus_are_used_than_allowed_and_they_are_counted(seed: int) -> None:
    request = drawn(seed)
    for num_spares in (0, 1, 3):
        placed = placed_or_none(request, num_spares)
        if placed is not None:
            assert placed.num_spares == num_beyond(request, placed) <= num_spares
            assert {gpu.gpu for gpu in placed.gpus} <= set(request.inventory or ())


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_made_or_started_where_that_is_not_allowed(seed: int) -> None:
    request = drawn(seed)
    generator = np.random.default_rng(seed)
    closed = frozenset(g.id for g in request.inventory or () if generator.random() < 0.25)
    placed = placed_or_none(replace(request, cordoned=closed))
    if placed is None:
        return
    for gpu in placed.gpus:
        assert gpu.gpu.id not in closed or set(gpu.after) <= set(gpu.before)
        legal_partition(
            TYPE_OF(gpu.gpu.gpu_type), [Placement(i.start, i.profile) for i in gpu.after]
        )
    assert Counter(servers_of(gpu.after) for gpu in placed.gpus if gpu.after) == Counter(
        servers_of(entry.instances) for entry in request.wanted.configurations
    )


def most_kept(gpu: PlacedGpu, wanted: tuple[PlannedInstance, ...]) -> Kept:
    """Try every partition: untouched, restarted, reused."""
    best = (0, 0, 0)
    for partition in partitions(TYPE_OF(gpu.gpu.gpu_type)):
        if partition.profile_counts != Counter(i.profile for i in wanted):
            continue
        stay = [i for i in gpu.before if Placement(i.start, i.profile) in partition.placements]
        untouched = (Counter(servers_of(stay)) & Counter(servers_of(wanted))).total()
        coming = Counter((i.profile, i.service) for i in wanted)
        same = (Counter((i.profile, i.service) for i in stay) & coming).total()
        left = sum(place in partition.placements for place in gpu.unserved)
        best = max(best, (untouched, same - untouched, len(stay) + left))
    return best


def kept_on(gpu: PlacedGpu) -> Kept:
    before = {(i.start, i.profile, i.service) for i in gpu.before}
    same = sum((i.start, i.profile, i.service) in before for i in gpu.after)
    return len(gpu.untouched), same - len(gpu.untouched), len(gpu.reused)


def summed(kept: list[Kept]) -> Kept:
    untouched, restarted, reused = (sum(levels) for levels in zip((0, 0, 0), *kept, strict=True))
    return untouched, restarted, reused


def best_by_force(request: TransitionRequest, name: str) -> Kept:
    """Try every way to carry the configurations of a type, no more GPUs used than needed."""
    origin = [c for c in request.origin.configurations if c.gpu_type == name]
    wanted = [c.instances for c in request.wanted.configurations if c.gpu_type == name]
    num_more = max(0, len(wanted) - len(origin))
    gpus = [PlacedGpu(Gpu(c.gpu, c.node, name), c.instances) for c in origin]
    gpus += [
        PlacedGpu(gpu, unserved=request.unserved[gpu.id])
        for gpu in request.inventory or ()
        if gpu.gpu_type == name and gpu.id in request.unserved
    ]
    gpus += [PlacedGpu(Gpu("idle", "node", name))] * num_more
    values = [[most_kept(gpu, instances) for gpu in gpus] for instances in wanted]
    return max(
        summed([values[row][column] for row, column in enumerate(chosen)])
        for chosen in itertools.permutations(range(len(gpus)), len(wanted))
        if sum(column >= len(origin) for column in chosen) <= num_more
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_keeps_more_with_as_few_gpus(seed: int) -> None:
    request = drawn(seed)
    placed = placed_or_none(request)
    if placed is None:
        return
    for name in {entry.gpu_type for entry in request.wanted.configurations}:
        kept = summed([kept_on(g) for g in placed.gpus if g.after and g.gpu.gpu_type == name])
        assert kept == best_by_force(request, name)
