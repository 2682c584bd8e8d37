"""Bridges, the room for them, and configurations on spare GPUs."""

import dataclasses

import pytest

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.transition.joint.attempt import Attempt, Failure, attempt, bridged, spares_used
from heddle.transition.joint.bridges import BridgeLender, Manner
from heddle.transition.joint.carrying import Carrier
from heddle.transition.joint.improvement import Effort
from heddle.transition.joint.placement import place_target
from heddle.transition.joint.rooms import Rooms
from heddle.transition.joint.setting import Setting
from heddle.units import MICRO
from tight_pairs import request_of, side

QUICK = Effort(ranks=2)
#: Two services on a GPU each, and the same in halves: nothing can stop first.
WHOLE = side([("7g.80gb", 0, "a", 100.0)], [("7g.80gb", 0, "b", 100.0)])
HALVES = side(*[[("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 50.0)]] * 2)


def stuck(origin: Deployment, wanted: Deployment) -> tuple[Setting, Failure]:
    setting = Setting(request_of(origin, wanted))
    failure = attempt(setting, place_target(setting.request), QUICK)
    assert isinstance(failure, Failure)
    return setting, failure


def rooms_of(setting: Setting, failure: Failure, max_spares: int) -> Rooms:
    return Rooms(setting, failure.placed, failure.changes, max_spares)


def test_without_room_and_spare_gpus_no_bridge_is_built() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    assert bridged(setting, failure, 0, QUICK) is None


def test_one_spare_gpu_is_used_by_one_bridge_after_the_other() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    found = bridged(setting, failure, 1, QUICK)
    assert found is not None
    assert found.num_spares == 1
    assert any(bridge.blockers for bridge in found.bridges)


#: The first GPU changes one half, the second has half of its units free all the time.
BEFORE = side([("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 9.0)], [("3g.40gb", 4, "c", 9.0)])
AFTER = side([("4g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 9.0)], [("3g.40gb", 4, "c", 9.0)])


def test_a_bridge_takes_free_room_of_a_gpu_in_use_before_a_spare_gpu() -> None:
    setting, failure = stuck(BEFORE, AFTER)
    found = bridged(setting, failure, 3, QUICK)
    assert found is not None
    assert [bridge.gpu.id for bridge in found.bridges] == ["gpu-1"]
    assert found.num_spares == 0


def test_no_bridge_stands_on_a_cordoned_gpu() -> None:
    request = dataclasses.replace(request_of(BEFORE, AFTER), cordoned=frozenset({"gpu-1"}))
    failure = attempt(Setting(request), place_target(request), QUICK)
    assert isinstance(failure, Failure)
    assert bridged(Setting(request), failure, 0, QUICK) is None


def test_rooms_come_back_to_a_mark() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    rooms = rooms_of(setting, failure, 1)
    mark = rooms.mark()
    points = setting.points["a", "A100-80GB"]
    assert rooms.find(points, "A100-80GB") is None
    assert rooms.open_spare("A100-80GB")
    first = rooms.find(points, "A100-80GB")
    assert not rooms.open_spare("A100-80GB")
    rooms.reset(mark)
    assert rooms.find(points, "A100-80GB") is None
    assert rooms.open_spare("A100-80GB")
    assert rooms.find(points, "A100-80GB") == first


def test_a_bridge_waits_for_those_whose_room_it_takes() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    rooms = rooms_of(setting, failure, 1)
    points = setting.points["a", "A100-80GB"]
    assert rooms.open_spare("A100-80GB")
    assert [rooms.find(points, "A100-80GB") is not None for _ in range(3)] == [True, True, False]
    first_bridge = len(failure.changes.leaving)
    found = rooms.find_left(points, "A100-80GB", frozenset({first_bridge}))
    assert found is not None
    assert found.blockers == (first_bridge,)


def test_a_lender_builds_all_that_is_lacking_or_nothing() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    rooms = rooms_of(setting, failure, 1)
    lender = BridgeLender(setting, failure.changes, rooms, Manner())
    assert not lender.build({0: 100_000_000, 1: 100_000_000})
    assert lender.bridges == []
    assert lender.build({0: 50_000_000})
    assert [bridge.instance.service for bridge in lender.bridges] == ["a"]


@pytest.mark.parametrize(("amount_rps", "profile"), [(40, "3g.40gb"), (60, "7g.80gb")])
def test_the_smallest_instance_that_suffices_is_the_bridge(amount_rps: int, profile: str) -> None:
    setting, failure = stuck(HALVES, WHOLE)
    lender = BridgeLender(setting, failure.changes, rooms_of(setting, failure, 1), Manner())
    assert lender.build({0: amount_rps * MICRO})
    assert [bridge.instance.profile for bridge in lender.bridges] == [profile]


def test_a_configuration_on_a_spare_gpu_leaves_its_gpu_whole() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    placed = Carrier(setting, failure.placed).carried("gpu-0")
    assert placed is not None
    assert [bool(gpu.after) for gpu in placed.gpus] == [False, True, True]
    assert spares_used(setting, placed) == placed.num_spares == 1


def test_a_configuration_of_which_something_stays_is_not_carried_elsewhere() -> None:
    origin = side([("3g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 50.0)])
    wanted = side([("4g.40gb", 0, "a", 50.0), ("3g.40gb", 4, "b", 50.0)])
    setting, failure = stuck(origin, wanted)
    assert Carrier(setting, failure.placed).carried("gpu-0") is None


def test_a_configuration_is_not_carried_beyond_the_stock() -> None:
    gpus = tuple(Gpu(f"gpu-{n}", "node-0", "A100-80GB") for n in range(2))
    request = dataclasses.replace(request_of(WHOLE, HALVES), inventory=gpus)
    carrier = Carrier(Setting(request), place_target(request))
    assert carrier.carried("gpu-0") is None


def test_services_that_are_spread_are_not_carried_to_a_node_that_they_are_on() -> None:
    gpus = tuple(Gpu(f"gpu-{n}", "node-0", "A100-80GB") for n in range(3))
    request = dataclasses.replace(request_of(WHOLE, HALVES), inventory=gpus)
    spread = dataclasses.replace(request, node_spread=frozenset({"a"}))
    placed = place_target(request)
    assert Carrier(Setting(request), placed).carried("gpu-0") is not None
    assert Carrier(Setting(spread), placed).carried("gpu-0") is None


def test_an_attempt_counts_the_gpus_of_its_bridges() -> None:
    setting, failure = stuck(WHOLE, HALVES)
    found = bridged(setting, failure, 5, QUICK)
    assert isinstance(found, Attempt)
    assert found.num_spares == spares_used(setting, found.placed, found.bridges)
