"""What a machine's GPUs become."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.cluster.partition import Placement
from heddle.errors import HostError
from heddle.runtime.device import Isolation
from heddle.runtime.nvidia.discovery import nvidia_devices, open_nvml
from heddle.runtime.nvidia.fake_card import fake_card
from heddle.runtime.nvidia.fake_session import CallFault
from heddle.runtime.nvidia.nvml import MigMode
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError
from nvidia_machines import a_card, a_whole_card, found


def test_every_gpu_becomes_what_its_mode_allows(tmp_path: Path) -> None:
    discovery = found(
        tmp_path, [a_card("A100-40GB"), a_whole_card("H200-141GB"), a_card("L4-24GB")]
    )
    assert [(d.gpu.id, d.gpu.gpu_type, d.isolation) for d in discovery.devices] == [
        ("nvidia-0", "A100-40GB", Isolation.MIG),
        ("nvidia-1", "H200-141GB-whole", Isolation.WHOLE),
        ("nvidia-2", "L4-24GB", Isolation.WHOLE),
    ]
    assert discovery.left_out == ()


def test_the_gpus_share_the_processors(tmp_path: Path) -> None:
    [one, two] = found(tmp_path, [a_card("L4-24GB", 0), a_card("L4-24GB", 1)]).devices
    for device in (one, two):
        placement = device.create(Placement(0, "whole")).placement
        assert device.binding(placement).num_threads == 8


def test_a_gpu_with_mig_on_that_may_not_be_cut_is_left_out_with_both_ways_out(
    tmp_path: Path,
) -> None:
    card = a_card("A100-40GB")
    card.is_permitted = False
    discovery = found(tmp_path, [card, a_card("L4-24GB")])
    assert [device.gpu.id for device in discovery.devices] == ["nvidia-1"]
    [sentence] = discovery.left_out
    assert "nvidia-0: MIG is on, and this user may not cut the GPU" in sentence
    assert "nvidia-smi -mig 0" in sentence
    assert "run as root" in sentence


def test_a_product_that_is_not_in_the_catalogue_is_used_whole(tmp_path: Path) -> None:
    card = fake_card("L4-24GB", "NVIDIA GeForce RTX 5090")
    [device] = found(tmp_path, [card]).devices
    assert device.gpu.gpu_type == "RTX-5090-24GB-whole"
    assert device.isolation is Isolation.WHOLE
    assert "the catalogue has no type" in device.description


def test_a_product_with_mig_on_that_is_not_in_the_catalogue_is_left_out(tmp_path: Path) -> None:
    discovery = found(tmp_path, [fake_card("A100-40GB", "NVIDIA X900")])
    assert discovery.devices == ()
    assert "does not say how a NVIDIA X900 is cut" in discovery.left_out[0]


def test_a_pending_mode_is_said_and_the_present_one_is_used(tmp_path: Path) -> None:
    soon_cut, soon_whole = a_card("A100-40GB"), a_card("A100-80GB")
    soon_cut.mode = MigMode(is_on=False, is_pending_on=True)
    soon_whole.mode = MigMode(is_on=True, is_pending_on=False)
    [first, second] = found(tmp_path, [soon_cut, soon_whole]).devices
    assert first.isolation is Isolation.WHOLE
    assert "MIG is off until the next reset" in first.description
    assert second.isolation is Isolation.MIG
    assert "MIG will be off after the next reset" in second.description


def test_a_gpu_that_is_lost_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    lost = a_card("A30-24GB")
    lost.is_lost = True
    discovery = found(tmp_path, [lost, a_card("L4-24GB")])
    assert [device.gpu.id for device in discovery.devices] == ["nvidia-1"]
    assert "fallen off the bus" in discovery.left_out[0]


def test_a_card_that_contradicts_the_catalogue_says_so(tmp_path: Path) -> None:
    # The call comes once for each of the numbers 0 to 17; that of 3_SLICE fails.
    fault = CallFault("nvmlDeviceGetGpuInstanceProfileInfoV", NvmlCode.NOT_SUPPORTED, num_before=2)
    [device] = found(tmp_path, [a_card("A100-40GB")], [fault]).devices
    assert "but the driver does not offer 3g.20gb" in device.description


def test_without_a_driver_there_are_no_devices(tmp_path: Path) -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA driver")
    assert open_nvml() is None
    discovery = nvidia_devices(tmp_path)
    assert (discovery.devices, discovery.left_out) == ((), ())
    assert list(tmp_path.iterdir()) == []


def test_a_driver_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    fault = CallFault("nvmlDeviceGetCount_v2", NvmlCode.LIB_RM_VERSION_MISMATCH)
    with pytest.raises(HostError, match="different versions") as caught:
        found(tmp_path, [a_card()], [fault])
    assert isinstance(caught.value, NvmlError)
