"""What every device promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices import RIGS, Rig
from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.device import Isolation


@pytest.fixture(params=list(RIGS))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with RIGS[request.param](tmp_path) as made:
        yield made


def test_a_device_says_what_it_is(rig: Rig) -> None:
    device = rig.open()
    assert device.gpu.gpu_type == device.gpu_type.name
    assert device.gpu.node == "local"
    assert isinstance(device.isolation, Isolation)
    assert device.description.strip()


def test_a_device_begins_without_instances(rig: Rig) -> None:
    assert list(rig.open().slices()) == []


def test_instances_are_listed_by_start_with_uuids_of_their_own(rig: Rig) -> None:
    device = rig.open()
    made = [device.create(placement) for placement in reversed(rig.placements)]
    assert [each.placement for each in device.slices()] == list(rig.placements)
    assert sorted(device.slices()) == sorted(made)
    assert len({each.uuid for each in made}) == len(rig.placements)


def test_making_an_instance_again_returns_the_one_that_is_there(rig: Rig) -> None:
    device = rig.open()
    made = device.create(rig.placements[0])
    assert device.create(rig.placements[0]) == made
    assert list(device.slices()) == [made]


@pytest.mark.parametrize(
    "illegal", [Placement(1, ""), Placement(99, ""), Placement(-1, ""), Placement(0, "9x.none")]
)
def test_what_cannot_be_placed_is_refused_and_changes_nothing(rig: Rig, illegal: Placement) -> None:
    device = rig.open()
    made = device.create(rig.placements[0])
    asked = Placement(illegal.start, illegal.profile or rig.placements[0].profile)
    with pytest.raises(InputError):
        device.create(asked)
    assert list(device.slices()) == [made]


def test_a_new_object_finds_the_instances_of_an_old_one(rig: Rig) -> None:
    device = rig.open()
    made = [device.create(placement) for placement in rig.placements]
    again = rig.open()
    assert list(again.slices()) == made
    assert again.binding(rig.placements[0]) == device.binding(rig.placements[0])


def test_what_is_destroyed_is_gone_and_its_neighbour_is_not(rig: Rig) -> None:
    device = rig.open()
    made = [device.create(placement) for placement in rig.placements]
    device.destroy(rig.placements[0])
    assert list(device.slices()) == made[1:]


def test_destroying_what_is_not_there_does_nothing(rig: Rig) -> None:
    device = rig.open()
    device.destroy(rig.placements[0])
    device.create(rig.placements[0])
    device.destroy(rig.placements[0])
    device.destroy(rig.placements[0])
    assert list(device.slices()) == []


def test_a_binding_needs_an_instance(rig: Rig) -> None:
    with pytest.raises(InputError):
        rig.open().binding(rig.placements[0])


def test_a_binding_names_files_and_threads_that_there_are(rig: Rig) -> None:
    device = rig.open()
    device.create(rig.placements[0])
    binding = device.binding(rig.placements[0])
    assert binding.num_threads >= 1
    assert binding.environment
    assert all(Path(file).exists() for file in binding.entry_files)


def test_processes_are_seen_on_their_instance_by_every_object(rig: Rig) -> None:
    device = rig.open()
    for placement in rig.placements:
        device.create(placement)
    inside = rig.occupy(device, rig.placements[0])
    for each in (device, rig.open()):
        assert sorted(each.processes(rig.placements[0])) == inside
        for other in rig.placements[1:]:
            assert list(each.processes(other)) == []


def test_processes_of_an_instance_that_is_not_there_are_none(rig: Rig) -> None:
    assert list(rig.open().processes(rig.placements[0])) == []


def test_an_instance_in_use_stays_and_the_refusal_names_the_processes(rig: Rig) -> None:
    device = rig.open()
    made = device.create(rig.placements[0])
    inside = rig.occupy(device, rig.placements[0])
    with pytest.raises(HostError, match=str(inside[0])) as refused:
        device.destroy(rig.placements[0])
    assert refused.value.is_retryable
    assert list(device.slices()) == [made]
    rig.vacate()
    device.destroy(rig.placements[0])
    assert list(device.slices()) == []


def test_closing_removes_nothing_that_exists(rig: Rig) -> None:
    device = rig.open()
    made = device.create(rig.placements[0])
    device.close()
    assert list(rig.open().slices()) == [made]


def test_closing_without_instances_leaves_no_trace_and_may_be_repeated(rig: Rig) -> None:
    device = rig.open()
    device.create(rig.placements[0])
    device.destroy(rig.placements[0])
    device.close()
    device.close()
    assert rig.traces() == []
