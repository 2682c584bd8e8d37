"""A world at its beginning: from a transition, from a deployment, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.errors import InputError
from heddle.simulator.extra_gpus import extra_gpus
from heddle.simulator.world import World
from simulated_clusters import CHAT, DEPLOYMENT, FREE, SEARCH, TRANSITION, place_of

ALL = frozenset({"node-0", "node-1", "node-2"})


def test_a_transition_begins_with_its_origin_on_every_gpu_that_it_names() -> None:
    states = list(World.of(TRANSITION).states(ALL))
    assert {state.gpu.id for state in states} == {"gpu-0", "gpu-1", "gpu-2", "gpu-4", "gpu-9"}
    by_gpu = {state.gpu.id: state.instances for state in states}
    assert [i.serving for i in by_gpu["gpu-0"]] == list(DEPLOYMENT.configurations[0].instances)
    assert all(i.is_ready for i in by_gpu["gpu-0"])
    assert [(i.placement, i.serving, i.is_ready) for i in by_gpu["gpu-1"]] == [
        (place_of(CHAT), CHAT, True),
        (FREE, None, False),
    ]
    assert by_gpu["gpu-4"] == ()
    assert [i.placement.profile for i in by_gpu["gpu-9"]] == ["1g.6gb"]


def test_every_instance_has_a_uuid_of_its_own_that_the_seed_decides() -> None:
    def uuids(seed: int) -> list[str]:
        states = World.of(TRANSITION, seed=seed).states(ALL)
        return [instance.uuid for state in states for instance in state.instances]

    assert len(set(uuids(1))) == len(uuids(1)) == 7
    assert uuids(1) == uuids(1)
    assert not set(uuids(1)) & set(uuids(2))


def test_the_states_of_some_nodes_are_those_of_their_gpus() -> None:
    world = World.running(DEPLOYMENT)
    assert [state.gpu.id for state in world.states(frozenset({"node-1"}))] == ["gpu-2"]
    assert world.nodes == ("node-0", "node-1")


def test_two_gpus_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="GPU 'gpu-0' is there twice"):
        World.running(DEPLOYMENT, extra=[Gpu("gpu-0", "node-9", "A100-80GB")])


def test_an_unknown_type_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="unknown GPU type 'A100-80'"):
        World([Gpu("gpu-0", "node-0", "A100-80")])


def test_a_deployment_that_no_gpu_can_hold_is_refused_with_the_gpu() -> None:
    crowded = DEPLOYMENT.configurations[0]
    twice = SEARCH._replace(start=2)
    wrong = replace(crowded, instances=(*crowded.instances, twice))
    with pytest.raises(InputError, match=r"GPU 'gpu-0': 2g\.20gb at 2.*overlaps"):
        World.running(Deployment(DEPLOYMENT.services, (wrong,)))


def test_leftovers_on_a_gpu_that_is_not_there_are_refused() -> None:
    world = World.running(DEPLOYMENT)
    with pytest.raises(InputError, match="no node has GPU 'gpu-7'"):
        world.leave({"gpu-7": (FREE,)})


def test_extra_gpus_have_names_that_are_free_and_stand_eight_in_a_node() -> None:
    own = [Gpu("gpu-0", "node-1", "A100-80GB"), Gpu("gpu-3", "node-0", "A30-24GB")]
    extra = extra_gpus(own, 9)
    assert len({gpu.id for gpu in (*own, *extra)}) == 20
    assert [gpu.id for gpu in extra[:3]] == ["gpu-2", "gpu-4", "gpu-5"]
    assert [gpu.gpu_type for gpu in extra] == ["A100-80GB"] * 9 + ["A30-24GB"] * 9
    nodes = [gpu.node for gpu in extra]
    assert nodes == ["node-2"] * 8 + ["node-3"] + ["node-4"] * 8 + ["node-5"]
