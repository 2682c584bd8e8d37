"""The search for a place on all GPUs."""

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.transition.action_times import find_times
from heddle.transition.exchange_compact.replica import kind_of
from heddle.transition.exchange_compact.rooms import NoRoomError, Rooms
from heddle.transition.request import TransitionRequest
from transition_cases import deployment, instance

TYPE = "A100-40GB"
WHOLE = [instance("7g.40gb", 0, "ant")]
HALF = [instance("3g.20gb", 0, "ant")]
KIND = kind_of(TYPE, HALF[0])


def request(origin: Deployment, wanted: Deployment, **options: object) -> TransitionRequest:
    times = find_times("direct")
    return TransitionRequest(origin, wanted, builtin_catalogue().get, times, **options)  # type: ignore[arg-type]  # a test passes what it wants


def gpus(**running: list[PlannedInstance]) -> Deployment:
    return deployment({"ant": 1.0}, running)


FULL = gpus(a=WHOLE)
HALF_FULL = gpus(a=HALF)


def test_room_on_a_running_gpu_comes_before_another_gpu() -> None:
    rooms = Rooms(request(HALF_FULL, gpus(x=HALF, y=HALF)))
    spot = rooms.find(KIND)
    assert (spot.room.gpu.id, spot.placement.start, spot.is_new) == ("a", 4, False)


def test_a_gpu_that_the_target_needs_is_no_spare() -> None:
    rooms = Rooms(request(FULL, gpus(x=HALF, y=HALF)))
    assert rooms.find(KIND).is_new
    assert rooms.borrowers == []


def test_a_spare_gpu_is_borrowed_when_nothing_fits_and_it_is_noted_for_what() -> None:
    rooms = Rooms(request(FULL, FULL))
    assert rooms.find(KIND).is_new
    assert rooms.borrowers == [KIND]


def test_nothing_is_offered_on_a_cordoned_gpu() -> None:
    rooms = Rooms(request(HALF_FULL, HALF_FULL, cordoned=frozenset({"a"})))
    assert rooms.find(KIND).room.gpu.id != "a"


def test_an_inventory_that_is_used_up_has_no_room() -> None:
    rooms = Rooms(request(FULL, FULL, inventory=(Gpu("a", "node-0", TYPE),)))
    with pytest.raises(NoRoomError, match="ant"):
        rooms.find(KIND)


def test_a_place_is_found_again_when_it_comes_free() -> None:
    rooms = Rooms(request(FULL, FULL))
    rooms.find(KIND)
    room = rooms.all[0]
    room.instances[0].replica = None
    rooms.touch(room)
    room.instances[0].ready_s = -1.0
    assert rooms.find(kind_of(TYPE, WHOLE[0])).room is room


def test_unserved_instances_are_idle_from_the_beginning() -> None:
    idle = {"a": (Placement(4, "3g.20gb"),)}
    rooms = Rooms(request(HALF_FULL, HALF_FULL, unserved=idle))
    best = rooms.all[0].best_place("3g.20gb", 10.0)
    assert best is not None
    assert (best.start, best.ready_s) == (4, 0.0)


def test_unserved_instances_on_a_gpu_that_nobody_knows_are_refused() -> None:
    with pytest.raises(InputError, match="'z' has instances and is in no inventory"):
        Rooms(request(FULL, FULL, unserved={"z": (Placement(0, "3g.20gb"),)}))
