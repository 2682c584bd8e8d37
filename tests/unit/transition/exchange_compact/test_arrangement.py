"""Where the instances of a configuration go on a GPU."""

from collections.abc import Sequence

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.transition.exchange_compact.arrangement import arrange
from heddle.transition.exchange_compact.replica import Replica, kind_of
from heddle.transition.exchange_compact.room import Room
from heddle.transition.exchange_compact.wanted import Pattern
from transition_cases import instance

TYPE = "A100-40GB"


def room_with(*running: PlannedInstance) -> Room:
    room = Room(Gpu("gpu-0", "node-0", TYPE), builtin_catalogue().get(TYPE), 0)
    for one in running:
        placement = Placement(one.start, one.profile)
        room.add(placement).replica = Replica(kind_of(TYPE, one), room, placement)
    return room


def pattern_of(*wanted: PlannedInstance) -> Pattern:
    return Pattern(0, [Configuration("gpu-9", "node-9", TYPE, wanted)])


def places(missing: Sequence[tuple[object, Placement]]) -> list[Placement]:
    return [placement for _, placement in missing]


def test_starts_are_chosen_so_that_what_runs_stays() -> None:
    room = room_with(instance("2g.10gb", 4, "ant"))
    wanted = pattern_of(instance("2g.10gb", 0, "ant"), instance("1g.5gb", 6, "bee"))
    arrangement = arrange(room, wanted)
    assert [replica.placement.start for replica in arrangement.kept] == [4]
    assert places(arrangement.missing) == [Placement(6, "1g.5gb")]


def test_services_of_one_profile_may_change_places() -> None:
    room = room_with(instance("3g.20gb", 4, "ant"))
    wanted = pattern_of(instance("3g.20gb", 0, "ant"), instance("3g.20gb", 4, "bee"))
    arrangement = arrange(room, wanted)
    assert len(arrangement.kept) == 1
    assert places(arrangement.missing) == [Placement(0, "3g.20gb")]


def test_on_an_empty_gpu_the_target_is_taken_as_it_stands() -> None:
    wanted = pattern_of(instance("3g.20gb", 0, "ant"), instance("2g.10gb", 4, "bee"))
    arrangement = arrange(room_with(), wanted)
    assert places(arrangement.missing) == [Placement(0, "3g.20gb"), Placement(4, "2g.10gb")]


def test_a_configuration_that_no_gpu_can_be_cut_into_is_refused() -> None:
    wanted = pattern_of(*(instance("3g.20gb", start, "ant") for start in (0, 4, 4)))
    with pytest.raises(InputError, match="which cannot be cut so"):
        arrange(room_with(), wanted)
