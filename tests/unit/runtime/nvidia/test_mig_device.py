"""MIG devices over imitated cards: what they do to the card, and what they leave alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.device import Isolation
from heddle.runtime.nvidia.fake import FakeNvml
from heddle.runtime.nvidia.fake_card import FakeCard
from heddle.runtime.nvidia.fake_session import CallFault
from heddle.runtime.nvidia.nvml import Span
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError
from nvidia_machines import a_card, bound, mig_device

ONE, TWO, THREE = Placement(4, "1g.5gb"), Placement(4, "2g.10gb"), Placement(0, "3g.20gb")
CREATE_GPU_INSTANCE = "nvmlDeviceCreateGpuInstanceWithPlacement"
CREATE_COMPUTE_INSTANCE = "nvmlGpuInstanceCreateComputeInstance"


def layout(card: FakeCard) -> list[tuple[int, int, int]]:
    """Return start, size and number of compute instances of what is on a card."""
    return sorted((i.span.start, i.span.size, len(i.compute_instances)) for i in card.instances)


def by_another_tool(card: FakeCard, slices: int, start: int, *, is_finished: bool = True) -> None:
    """Cut a card behind the device's back."""
    nvml = FakeNvml([card])
    offered = next(o for o in card.offered.values() if o.record.slice_count == slices)
    size = offered.spans[0].size
    made = nvml.create_gpu_instance(card, offered.record.id, Span(start, size))
    if is_finished:
        number = next(
            n
            for n in range(7)
            if n != 5 and nvml.compute_instance_profile(made, n).slice_count == slices
        )
        nvml.create_compute_instance(made, number)


def test_an_instance_is_a_gpu_instance_and_all_of_its_compute(tmp_path: Path) -> None:
    card = a_card()
    made = mig_device(tmp_path, card).create(THREE)
    assert layout(card) == [(0, 4, 1)]
    [compute] = card.instances[0].compute_instances
    assert compute.uuid == made.uuid
    assert compute.profile_id == 2  # 3_SLICE: all three


def test_the_others_are_not_touched_by_a_create_or_a_destroy(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    three = device.create(THREE)
    card.instance_at(0).pids = {100}
    device.create(ONE)
    device.destroy(ONE)
    assert list(device.slices()) == [three]


def test_the_uuid_is_another_after_another_create_and_the_binding_follows(tmp_path: Path) -> None:
    device = mig_device(tmp_path, a_card())
    first = device.create(TWO)
    device.destroy(TWO)
    second = device.create(TWO)
    assert first.uuid != second.uuid
    assert device.binding(TWO).environment["CUDA_VISIBLE_DEVICES"] == second.uuid


def test_a_part_of_the_gpu_gets_that_part_of_the_threads(tmp_path: Path) -> None:
    device = mig_device(tmp_path, a_card())
    device.create(THREE)
    device.create(ONE)
    assert device.binding(THREE).num_threads == 8
    assert device.binding(ONE).num_threads == 2


def test_an_instance_survives_the_agent(tmp_path: Path) -> None:
    card = a_card()
    made = mig_device(tmp_path, card).create(TWO)
    assert list(mig_device(tmp_path, card).slices()) == [made]


def test_processes_are_those_that_were_bound_to_the_instance(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(THREE)
    device.create(TWO)
    # Somebody else's, which NVML sees: never to be ended by us.
    card.instance_at(0).pids = {1}
    with bound(device, THREE, tmp_path) as pid:
        assert list(device.processes(THREE)) == [pid]
        assert list(device.processes(TWO)) == []
        assert list(device.processes(ONE)) == []


def test_an_instance_is_in_use_before_its_process_has_opened_the_gpu(tmp_path: Path) -> None:
    device = mig_device(tmp_path, a_card())
    device.create(TWO)
    with (
        bound(device, TWO, tmp_path) as pid,
        pytest.raises(HostError, match=f"in use by process {pid}") as caught,
    ):
        device.destroy(TWO)
    assert caught.value.is_retryable
    device.destroy(TWO)


def test_an_instance_in_use_is_left_whole_and_its_processes_are_named(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(THREE)
    card.instance_at(0).pids = {4711}
    with pytest.raises(HostError, match="in use by process 4711") as caught:
        device.destroy(THREE)
    assert caught.value.is_retryable
    assert layout(card) == [(0, 4, 1)]
    card.instance_at(0).pids = set()
    device.destroy(THREE)
    assert layout(card) == []


def test_an_instance_that_a_monitor_holds_open_is_retried(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(TWO)
    card.instance_at(4).is_held = True
    with pytest.raises(HostError, match="a monitor such as DCGM") as caught:
        device.destroy(TWO)
    assert caught.value.is_retryable
    card.instance_at(4).is_held = False
    device.destroy(TWO)
    assert layout(card) == []


def test_a_destroy_that_stopped_half_way_is_finished_by_the_next(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card, CallFault("nvmlGpuInstanceDestroy", NvmlCode.IN_USE))
    device.create(TWO)
    with pytest.raises(HostError):
        device.destroy(TWO)
    assert layout(card) == [(4, 2, 0)]
    assert list(device.slices()) == []
    device.destroy(TWO)
    assert layout(card) == []


def test_a_create_whose_second_half_fails_leaves_nothing(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card, CallFault(CREATE_COMPUTE_INSTANCE, NvmlCode.UNKNOWN))
    with pytest.raises(NvmlError, match=r"2g\.10gb at 4 of nvidia-0"):
        device.create(TWO)
    assert layout(card) == []


@pytest.mark.parametrize("wanted", [TWO, ONE, THREE], ids=lambda p: p.profile)
def test_what_a_kill_between_the_halves_left_is_no_obstacle(
    tmp_path: Path, wanted: Placement
) -> None:
    card = a_card()
    by_another_tool(card, 2, 4, is_finished=False)
    by_another_tool(card, 2, 0, is_finished=False)
    device = mig_device(tmp_path, card)
    assert list(device.slices()) == []
    made = device.create(wanted)
    assert list(device.slices()) == [made]
    assert (wanted.start, 1) in [(start, num) for start, _, num in layout(card)]


def test_an_unfinished_instance_elsewhere_is_left_alone(tmp_path: Path) -> None:
    card = a_card()
    by_another_tool(card, 2, 0, is_finished=False)
    mig_device(tmp_path, card).create(ONE)
    assert layout(card) == [(0, 2, 0), (4, 1, 1)]


def test_instances_of_others_are_seen_and_not_cut_away(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    by_another_tool(card, 4, 0)
    assert [each.placement for each in device.slices()] == [Placement(0, "4g.20gb")]
    with pytest.raises(InputError, match=r"4g\.20gb is at 0, over 4 units"):
        device.create(THREE)
    assert layout(card) == [(0, 4, 1)]


def test_a_place_that_somebody_takes_at_that_moment_may_be_free_later(tmp_path: Path) -> None:
    fault = CallFault(CREATE_GPU_INSTANCE, NvmlCode.INSUFFICIENT_RESOURCES)
    device = mig_device(tmp_path, a_card(), fault)
    with pytest.raises(HostError, match="does not fit beside") as caught:
        device.create(TWO)
    assert caught.value.is_retryable
    assert device.create(TWO).placement == TWO


@pytest.mark.parametrize(
    ("placement", "words"),
    [
        (Placement(3, "2g.10gb"), "lets it start at: 0, 2, 4"),
        (Placement(0, "9g.90gb"), "has no profile '9g.90gb'"),
        (Placement(0, "1g.5gb+me"), "1g.5gb"),
    ],
)
def test_a_placement_that_is_not_legal_is_the_askers_fault(
    tmp_path: Path, placement: Placement, words: str
) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(Placement(1, "1g.5gb+me"))
    with pytest.raises(InputError, match=words):
        device.create(placement)
    assert layout(card) == [(1, 1, 1)]


def test_a_binding_needs_an_instance(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="create it first"):
        mig_device(tmp_path, a_card()).binding(ONE)


@pytest.mark.parametrize("code", [NvmlCode.NO_PERMISSION, NvmlCode.NOT_SUPPORTED])
def test_rights_and_modes_that_change_are_not_retried(tmp_path: Path, code: NvmlCode) -> None:
    device = mig_device(tmp_path, a_card(), CallFault(CREATE_GPU_INSTANCE, code))
    with pytest.raises(HostError) as caught:
        device.create(ONE)
    assert not caught.value.is_retryable


def test_a_lost_gpu_fails_every_question_with_the_way_out(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(ONE)
    card.is_lost = True
    for ask in (
        device.slices,
        lambda: device.create(TWO),
        lambda: device.destroy(ONE),
        lambda: device.processes(ONE),
        lambda: device.binding(ONE),
    ):
        with pytest.raises(HostError, match=r"nvidia-0: .*fallen off the bus.*reset") as caught:
            ask()
        assert not caught.value.is_retryable


def test_mig_devices_that_are_gone_and_still_listed_are_passed_over(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(TWO)
    card.stale = list(card.mig_handles)
    device.destroy(TWO)
    made = device.create(TWO)
    assert list(device.slices()) == [made]


def test_an_instance_that_goes_while_it_is_looked_at_is_left_out(tmp_path: Path) -> None:
    card = a_card()
    mig_device(tmp_path, card).create(TWO)
    fault = CallFault("nvmlGpuInstanceGetInfo", NvmlCode.INVALID_ARGUMENT)
    device = mig_device(tmp_path, card, fault)
    assert list(device.slices()) == []
    assert [each.placement for each in device.slices()] == [TWO]


def test_several_threads_may_cut_one_gpu(tmp_path: Path) -> None:
    device = mig_device(tmp_path, a_card())
    placements = [Placement(start, "1g.5gb") for start in range(7)]

    def again_and_again(placement: Placement) -> None:
        for _ in range(5):
            device.create(placement)
            device.destroy(placement)
        device.create(placement)

    with ThreadPoolExecutor(len(placements)) as threads:
        list(threads.map(again_and_again, placements))
    assert [each.placement for each in device.slices()] == placements


def test_a_reset_under_the_device_leaves_no_instance(tmp_path: Path) -> None:
    card = a_card()
    device = mig_device(tmp_path, card)
    device.create(TWO)
    card.reset()
    assert list(device.slices()) == []
    device.destroy(TWO)


def test_it_says_what_it_is(tmp_path: Path) -> None:
    device = mig_device(tmp_path, a_card("H200-141GB"))
    assert device.isolation is Isolation.MIG
    assert device.gpu == ("nvidia-0", "local", "H200-141GB")
    assert device.description.startswith("NVIDIA H200 (GPU-")
    assert "cut by MIG" in device.description
    device.close()
