"""GPUs that are not cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.device import Isolation, Slice
from nvidia_machines import a_whole_card, bound, whole_device

WHOLE = Placement(0, "whole")


def test_the_instance_is_the_gpu_and_has_all_the_threads(tmp_path: Path) -> None:
    card = a_whole_card()
    device = whole_device(tmp_path, card)
    assert list(device.slices()) == []
    assert device.create(WHOLE) == Slice(WHOLE, card.uuid)
    assert device.binding(WHOLE).environment["CUDA_VISIBLE_DEVICES"] == card.uuid
    assert device.binding(WHOLE).num_threads == 16


def test_the_instance_survives_the_agent(tmp_path: Path) -> None:
    card = a_whole_card()
    made = whole_device(tmp_path, card).create(WHOLE)
    again = whole_device(tmp_path, card)
    assert list(again.slices()) == [made]
    again.destroy(WHOLE)
    assert list(whole_device(tmp_path, card).slices()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_others_use_is_not_taken(tmp_path: Path) -> None:
    card = a_whole_card()
    card.pids = {12}
    device = whole_device(tmp_path, card)
    with pytest.raises(HostError, match="in use by process 12; it can be taken") as caught:
        device.create(WHOLE)
    assert caught.value.is_retryable
    assert list(device.slices()) == []


def test_an_instance_in_use_is_not_removed(tmp_path: Path) -> None:
    device = whole_device(tmp_path, a_whole_card())
    made = device.create(WHOLE)
    with bound(device, WHOLE, tmp_path) as pid:
        assert list(device.processes(WHOLE)) == [pid]
        with pytest.raises(HostError, match=f"in use by process {pid}") as caught:
            device.destroy(WHOLE)
        assert caught.value.is_retryable
        assert device.create(WHOLE) == made
    device.destroy(WHOLE)
    assert list(device.slices()) == []


def test_what_others_run_there_later_is_neither_ours_nor_in_the_way(tmp_path: Path) -> None:
    card = a_whole_card()
    device = whole_device(tmp_path, card)
    made = device.create(WHOLE)
    card.pids = {1}
    assert list(device.processes(WHOLE)) == []
    assert device.create(WHOLE) == made
    device.destroy(WHOLE)
    assert list(device.slices()) == []


def test_a_profile_of_mig_is_refused(tmp_path: Path) -> None:
    device = whole_device(tmp_path, a_whole_card())
    with pytest.raises(InputError, match=r"no profile '7g\.141gb'"):
        device.create(Placement(0, "7g.141gb"))
    with pytest.raises(InputError, match="may start at 0"):
        device.create(Placement(1, "whole"))


def test_a_binding_needs_the_instance(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="create it first"):
        whole_device(tmp_path, a_whole_card()).binding(WHOLE)


def test_the_note_of_another_card_is_not_believed(tmp_path: Path) -> None:
    whole_device(tmp_path, a_whole_card("H200-141GB")).create(WHOLE)
    assert list(whole_device(tmp_path, a_whole_card("L4-24GB")).slices()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_note_is_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "nvidia-0.json").write_text(text)
    device = whole_device(tmp_path, a_whole_card())
    assert list(device.slices()) == []
    assert device.create(WHOLE).placement == WHOLE


def test_a_note_that_cannot_be_written_fails_the_create(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    device = whole_device(folder, a_whole_card())
    with pytest.raises(HostError, match="nvidia-0") as caught:
        device.create(WHOLE)
    assert caught.value.is_retryable


def test_a_lost_gpu_has_no_instances_to_show(tmp_path: Path) -> None:
    card = a_whole_card()
    device = whole_device(tmp_path, card)
    device.create(WHOLE)
    card.is_lost = True
    with pytest.raises(HostError, match="fallen off the bus"):
        device.slices()
    with pytest.raises(HostError, match="fallen off the bus"):
        device.processes(WHOLE)


def test_a_gpu_that_became_another_is_refused(tmp_path: Path) -> None:
    card = a_whole_card()
    device = whole_device(tmp_path, card)
    card.uuid = "GPU-another"
    with pytest.raises(HostError, match="restart the node agent"):
        device.slices()


def test_it_says_what_it_is(tmp_path: Path) -> None:
    device = whole_device(tmp_path, a_whole_card())
    assert device.isolation is Isolation.WHOLE
    assert device.gpu == ("nvidia-0", "local", "H200-141GB-whole")
    assert "MIG is off (nvidia-smi -mig 1 as root turns it on)" in device.description
    device.close()
