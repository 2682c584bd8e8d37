"""Services that must be on different nodes, where the freest match puts them together."""

from collections import Counter

import numpy as np
import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.gpu import Gpu
from heddle.cluster.layout import maximal_partitions
from heddle.errors import NoPlanError
from heddle.transition.action_times import find_times
from heddle.transition.gpu_room import gpus_of
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.placement import place_target
from heddle.transition.request import TransitionRequest

A100 = "A100-80GB"
TYPE_OF = builtin_catalogue().get
PER_NODE = 4
NUM_SERVICES = 16
SPREAD = frozenset(f"service-{number}" for number in range(NUM_SERVICES))


def deployed(*configurations: Configuration) -> Deployment:
    names = sorted({i.service for entry in configurations for i in entry.instances})
    return Deployment({name: ServedService(name, 1.0, 50.0) for name in names}, configurations)


def spread_deployment(generator: np.random.Generator, num_gpus: int) -> Deployment:
    """Return a deployment with hardly room for more: no service is twice on a node."""
    configurations: list[Configuration] = []
    for number in range(num_gpus):
        node = f"node-{number // PER_NODE}"
        here = {i.service for c in configurations if c.node == node for i in c.instances}
        free = [name for name in generator.permutation(sorted(SPREAD)) if name not in here]
        partitions = maximal_partitions(TYPE_OF(A100))
        partition = partitions[int(generator.integers(len(partitions)))]
        instances = tuple(
            PlannedInstance(place.profile, place.start, str(name), 1, 1, 100.0, 20.0)
            for place, name in zip(partition.placements, free, strict=False)
        )
        if instances:
            configurations.append(Configuration(f"gpu-{number}", node, A100, instances))
    return deployed(*configurations)


def one(service: str, profile: str = "7g.80gb") -> tuple[PlannedInstance, ...]:
    return (PlannedInstance(profile, 0, service, 1, 1, 100.0, 20.0),)


def request(origin: Deployment, wanted: Deployment, **options: object) -> TransitionRequest:
    return TransitionRequest(origin, wanted, TYPE_OF, find_times("direct"), **options)  # type: ignore[arg-type]  # a test passes what it wants


def most_on_a_node(placed: PlacedTarget) -> int:
    held = Counter((g.gpu.node, i.service) for g in placed.gpus for i in g.after)
    return max(held.values())


@pytest.mark.parametrize("seed", range(15))
def test_a_tight_spread_is_kept_without_another_gpu(seed: int) -> None:
    generator = np.random.default_rng(seed)
    origin = spread_deployment(generator, 12)
    fleet = tuple(Gpu(f"gpu-{n}", f"node-{n // PER_NODE}", A100) for n in range(12))
    wanted = spread_deployment(generator, 12)
    placed = place_target(request(origin, wanted, inventory=fleet, node_spread=SPREAD))
    assert most_on_a_node(placed) == 1
    carried = Counter(len(gpu.after) for gpu in placed.gpus if gpu.after)
    assert carried == Counter(len(entry.instances) for entry in wanted.configurations)


def test_a_configuration_moves_to_a_gpu_that_comes_free_anyway() -> None:
    origin = deployed(
        Configuration("gpu-0", "node-0", A100, one("a")),
        Configuration("gpu-1", "node-0", A100, one("a", "4g.40gb")),
        Configuration("gpu-2", "node-1", A100, one("b")),
    )
    wanted = deployed(
        Configuration("gpu-0", "node-0", A100, one("a")),
        Configuration("gpu-1", "node-1", A100, one("a", "4g.40gb")),
    )
    asked = request(origin, wanted, inventory=tuple(gpus_of(origin)), node_spread=frozenset({"a"}))
    placed = place_target(asked)
    assert {gpu.gpu.id: bool(gpu.after) for gpu in placed.gpus}["gpu-2"]
    assert (most_on_a_node(placed), placed.num_untouched, placed.num_spares) == (1, 1, 0)


def test_no_more_spare_gpus_are_opened_than_there_may_be() -> None:
    origin = deployed(
        Configuration("gpu-0", "node-0", A100, one("a")),
        Configuration("gpu-1", "node-0", A100, one("a", "4g.40gb")),
    )
    wanted = deployed(
        Configuration("gpu-0", "node-0", A100, one("a")),
        Configuration("gpu-1", "node-1", A100, one("a", "4g.40gb")),
    )
    fleet = (*gpus_of(origin), Gpu("gpu-2", "node-1", A100))
    asked = {"inventory": fleet, "node_spread": frozenset({"a"})}
    placed = place_target(request(origin, wanted, spare_gpus=1, **asked))
    assert (most_on_a_node(placed), placed.num_untouched, placed.num_spares) == (1, 1, 1)
    with pytest.raises(NoPlanError, match="services a must be spread over nodes"):
        place_target(request(origin, wanted, spare_gpus=0, **asked))
