"""What exists on one GPU, and where one more instance can be."""

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement
from heddle.transition.exchange_compact.replica import Replica, kind_of
from heddle.transition.exchange_compact.room import Gone, Instance, Room
from transition_cases import QUARTERS, instance

A100 = builtin_catalogue().get("A100-40GB")
CREATE_S = 50.0


def empty_room(gpu_type: GpuType = A100) -> Room:
    return Room(Gpu("gpu-0", "node-0", gpu_type.name), gpu_type, 0)


def serve(room: Room, profile: str, start: int) -> Replica:
    kind = kind_of(room.gpu_type.name, instance(profile, start, "ant"))
    replica = Replica(kind, room, Placement(start, profile))
    room.add(replica.placement).replica = replica
    return replica


def leave_idle(room: Room, profile: str, start: int, ready_s: float = 0.0) -> Instance:
    idle = room.add(Placement(start, profile))
    idle.ready_s = ready_s
    return idle


def destroyed(room: Room, profile: str, start: int, step: int) -> None:
    units = room.gpu_type.profile(profile).occupies(start)
    room.gone.append(Gone(Placement(start, profile), units, step, 10.0))


def test_an_idle_instance_is_reused_before_another_one_is_cut() -> None:
    room = empty_room()
    leave_idle(room, "2g.10gb", 2, ready_s=30.0)
    best = room.best_place("2g.10gb", CREATE_S)
    assert best is not None
    assert (best.start, best.ready_s) == (2, 30.0)


def test_an_instance_that_comes_free_later_than_a_new_one_is_not_waited_for() -> None:
    room = empty_room()
    leave_idle(room, "2g.10gb", 2, ready_s=80.0)
    best = room.best_place("2g.10gb", CREATE_S)
    assert best is not None
    assert (best.start, best.ready_s) == (4, CREATE_S)


def test_a_full_gpu_has_no_place() -> None:
    room = empty_room()
    serve(room, "3g.20gb", 0)
    serve(room, "3g.20gb", 4)
    assert room.best_place("1g.5gb", CREATE_S) is None


def test_only_idle_instances_at_the_same_slots_are_in_the_way() -> None:
    room = empty_room()
    leave_idle(room, "1g.5gb", 0)
    there = leave_idle(room, "1g.5gb", 3)
    serve(room, "1g.5gb", 6)
    assert room.in_the_way(Placement(2, "2g.10gb")) == [there]


def test_a_create_waits_for_the_destroys_at_its_slots() -> None:
    room = empty_room()
    destroyed(room, "1g.5gb", 0, step=3)
    destroyed(room, "1g.5gb", 2, step=4)
    assert room.destroys_before(Placement(2, "2g.10gb")) == [4]


@pytest.mark.parametrize(
    ("gone", "made", "waits"),
    [
        pytest.param(["one"] * 2, "one", False, id="fewer than the profile's limit"),
        pytest.param(["one"] * 3, "one", True, id="as many as the profile's limit"),
        pytest.param(["two+x"], "one+x", True, id="an engine that was used up"),
        pytest.param(["one+x"], "two", True, id="a profile that excludes it"),
        pytest.param(["two+x"], "one", False, id="nothing in common"),
    ],
)
def test_a_create_waits_for_destroys_elsewhere_only_where_a_limit_asks_for_it(
    gone: list[str], made: str, *, waits: bool
) -> None:
    room = empty_room(QUARTERS)
    for start, profile in enumerate(gone):
        destroyed(room, profile, start, step=start)
    assert bool(room.destroys_before(Placement(3, made))) == waits


def test_an_idle_instance_goes_that_would_break_a_limit_elsewhere() -> None:
    room = empty_room(QUARTERS)
    excluded = leave_idle(room, "one+x", 3)
    assert room.in_the_way(Placement(0, "two")) == [excluded]
