"""CPU devices beyond the contract: what is written where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices import Crowd, cpu_device, quota_groups
from fake_control_groups import FakeVersionTwo, fake_root
from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.cpu.affinity import Affinity
from heddle.runtime.cpu.control_groups import ControlGroups, Ground
from heddle.runtime.cpu.discovery import cpu_devices, find_ground
from heddle.runtime.cpu.enclosure import clear
from heddle.runtime.cpu.hierarchy import Hierarchy
from heddle.runtime.device import Isolation
from heddle.runtime.process import wait_gone

HALF = Placement(0, "4c")
QUARTER = Placement(4, "2c")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fake_root(tmp_path / "cgroup")


def group_of(root: Path, placement: Placement) -> Path:
    [found] = (root / "heddle-1" / "cpu-0").glob(f"{placement.start}-{placement.profile}-*")
    return found


def test_an_instance_is_a_group_with_quota_and_weight_by_its_size(root: Path) -> None:
    device = cpu_device(quota_groups(root, 20_000), cores_per_unit=0.1875)
    device.create(HALF)
    device.create(QUARTER)
    assert (group_of(root, HALF) / "cpu.max").read_text().startswith("15000 20000")
    assert (group_of(root, QUARTER) / "cpu.max").read_text().startswith("7500 20000")
    assert (group_of(root, HALF) / "cpu.max.burst").read_text().startswith("15000")
    assert (group_of(root, HALF) / "cpu.weight").read_text().startswith("75")
    assert device.isolation is Isolation.QUOTA
    assert device.cores(HALF) == 0.75
    assert "0.1875 cores a unit" in device.description
    assert "cgroup v2 holds each instance to its quota in every 20 ms" in device.description


def test_a_creation_that_was_cut_off_is_finished_by_the_next_device(root: Path) -> None:
    quota_groups(root)
    version = FakeVersionTwo()
    half_made = root / "heddle-1" / "cpu-0" / "0-4c-00000000000000aa"
    version.open_to_children(half_made.parent)
    version.make(half_made)
    assert (half_made / "cpu.max").read_text() == "max 100000\n"
    device = cpu_device(quota_groups(root))
    assert [each.uuid for each in device.slices()] == ["CPU-00000000000000aa"]
    assert (half_made / "cpu.max").read_text().startswith("80000 20000")


def test_while_it_loads_an_instance_has_no_quota_and_the_least_weight(root: Path) -> None:
    device = cpu_device(quota_groups(root, 20_000), cores_per_unit=0.1875)
    device.create(HALF)
    device.loosen(HALF)
    assert (group_of(root, HALF) / "cpu.max").read_text().startswith("max")
    assert (group_of(root, HALF) / "cpu.weight").read_text().startswith("1")
    device.tighten(HALF)
    assert (group_of(root, HALF) / "cpu.max").read_text().startswith("15000 20000")
    assert (group_of(root, HALF) / "cpu.weight").read_text().startswith("75")


def test_a_device_that_is_opened_again_holds_every_instance_tightly(root: Path) -> None:
    device = cpu_device(quota_groups(root, 20_000), cores_per_unit=0.1875)
    device.create(HALF)
    device.loosen(HALF)
    cpu_device(quota_groups(root, 20_000), cores_per_unit=0.1875)
    assert (group_of(root, HALF) / "cpu.max").read_text().startswith("15000 20000")


def test_groups_of_others_are_left_alone(root: Path) -> None:
    device = cpu_device(quota_groups(root))
    for name in ("notes", "0-9x-00000000000000aa", "0-4c-xyz"):
        (root / "heddle-1" / "cpu-0" / name).mkdir()
    assert list(device.slices()) == []


def test_an_overlap_with_what_exists_is_refused(root: Path) -> None:
    device = cpu_device(quota_groups(root))
    device.create(HALF)
    with pytest.raises(InputError, match="overlaps"):
        device.create(Placement(2, "2c"))


def test_everything_on_an_instance_can_be_killed(root: Path, tmp_path: Path) -> None:
    device = cpu_device(quota_groups(root))
    device.create(HALF)
    crowd = Crowd(tmp_path / "log")
    inside = crowd.occupy(device, HALF) + crowd.occupy(device, HALF)
    assert list(device.processes(HALF)) == sorted(inside)
    device.kill(HALF)
    wait_gone(inside, 20.0)
    crowd.vacate()
    assert list(device.processes(HALF)) == []
    device.destroy(HALF)


def test_threads_of_a_quota_are_the_cores_rounded_up(root: Path) -> None:
    device = cpu_device(quota_groups(root), cores_per_unit=0.1875)
    device.create(Placement(0, "8c"))
    binding = device.binding(Placement(0, "8c"))
    assert binding.num_threads == 2
    assert binding.environment["OMP_NUM_THREADS"] == "2"
    assert binding.environment["CUDA_VISIBLE_DEVICES"] == ""
    assert binding.cores == ()


def test_less_than_a_core_is_refused_where_there_are_no_quotas(tmp_path: Path) -> None:
    device = cpu_device(Affinity(tmp_path / "d", "quotas are not permitted"), cores_per_unit=0.25)
    with pytest.raises(InputError, match=r"2c on cpu-0: it is worth 0\.5 cores, and quotas are"):
        device.create(QUARTER)
    assert list(device.slices()) == []
    device.create(HALF)
    assert len(device.binding(HALF).cores) == device.binding(HALF).num_threads == 1


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "devices").touch()
    with pytest.raises(HostError, match="devices"):
        Affinity(tmp_path / "devices" / "cpu-0", "")


def test_a_device_that_is_no_more_is_cleared_with_its_processes(root: Path, tmp_path: Path) -> None:
    groups = quota_groups(root)
    device = cpu_device(groups)
    device.create(HALF)
    crowd = Crowd(tmp_path / "log")
    inside = crowd.occupy(device, HALF)
    clear(groups)
    wait_gone(inside, 20.0)
    crowd.vacate()
    assert not (root / "heddle-1").exists()


def test_a_group_that_has_processes_itself_cannot_have_quotas_in_it(
    root: Path, tmp_path: Path
) -> None:
    device = cpu_device(quota_groups(root))
    device.create(HALF)
    crowd = Crowd(tmp_path / "log")
    crowd.occupy(device, HALF)
    crowded = Ground(group_of(root, HALF) / "heddle-2", FakeVersionTwo(), 1.0)
    with pytest.raises(HostError, match="busy") as refused:
        ControlGroups(crowded, "cpu-0", 10_000, 1.0)
    assert refused.value.is_retryable
    crowd.vacate()


def test_where_no_group_can_be_made_the_reason_is_told(tmp_path: Path) -> None:
    nowhere = tmp_path / "gone"
    ground, reason = find_ground([Hierarchy(1, nowhere, nowhere)], "heddle-1", 1.0)
    assert ground is None
    assert f"{nowhere / 'heddle-1'}: no such file or directory" in reason
    assert (
        find_ground([], "heddle-1", 1.0)[1] == "this machine shows no control groups for processors"
    )


def test_the_machine_has_as_many_devices_as_asked_for(tmp_path: Path) -> None:
    devices = cpu_devices(tmp_path, 2, "n1")
    assert [tuple(device.gpu) for device in devices] == [
        ("cpu-0", "n1", "CPU-8"),
        ("cpu-1", "n1", "CPU-8"),
    ]
    largest = Placement(0, "8c")
    if devices[1].isolation is Isolation.QUOTA:
        devices[1].create(largest)
        [device] = cpu_devices(tmp_path, 1)
        assert list(devices[1].slices()) == []
        devices = [device]
    for device in devices:
        device.close()
