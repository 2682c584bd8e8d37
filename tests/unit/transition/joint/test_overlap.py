"""What can stay on many GPUs at once, against one GPU at a time."""

import numpy as np
import pytest

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.layout import maximal_partitions
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.transition.joint.overlap import RunningGpus
from heddle.transition.joint.similarity import Running, RunningShape, Similarity, WantedShape

TYPE_OF = builtin_catalogue().get


def on(profile: str, start: int, service: str) -> PlannedInstance:
    return PlannedInstance(profile, start, service, 1, 1, 100.0, 20.0)


@pytest.mark.parametrize("seed", range(25))
def test_many_gpus_at_once_keep_what_each_keeps_alone(seed: int) -> None:
    generator = np.random.default_rng(seed)
    pair = random_pair(generator, Sizes(4, 12, 1, 4))
    for name in {entry.gpu_type for entry in pair.wanted.configurations}:
        gpu_type = TYPE_OF(name)
        left = generator.choice(np.array([None, *maximal_partitions(gpu_type)], dtype=object))
        runnings = [
            *(Running(c.instances) for c in pair.origin.configurations if c.gpu_type == name),
            Running((), left.placements if left is not None else ()),
        ]
        gpus = RunningGpus(runnings, gpu_type.memory_units or 0)
        for entry in pair.wanted.configurations:
            if entry.gpu_type != name:
                continue
            shape = WantedShape(gpu_type, entry.instances)
            every = gpus.most_similar(shape)
            for number, running in enumerate(runnings):
                alone, cut = shape.most_similar(RunningShape(running))
                assert Similarity(*(int(level[number]) for level in every[:3])) == alone
                assert shape.cuts[int(every.cut[number])] == cut


def test_what_keeps_nothing_stays_where_it_was_planned() -> None:
    shape = WantedShape(TYPE_OF("A100-80GB"), (on("3g.40gb", 4, "a"),))
    found = RunningGpus([Running(())], 8).most_similar(shape)
    assert shape.cuts[int(found.cut[0])] == {"3g.40gb": 1 << 4}


def test_leftover_instances_are_reused_at_their_starts() -> None:
    shape = WantedShape(TYPE_OF("A100-80GB"), (on("2g.20gb", 0, "a"), on("1g.10gb", 2, "b")))
    left = Running((), (Placement(4, "2g.20gb"), Placement(6, "1g.10gb")))
    found = RunningGpus([left], 8).most_similar(shape)
    assert (int(found.untouched[0]), int(found.reused[0])) == (0, 2)


def test_instances_that_no_partition_holds_are_refused() -> None:
    too_much = (on("4g.40gb", 0, "a"), on("4g.40gb", 4, "b"))
    with pytest.raises(InputError, match=r"no A100-80GB holds 2 x 4g\.40gb"):
        WantedShape(TYPE_OF("A100-80GB"), too_much)
