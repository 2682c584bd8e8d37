"""The profiles of cards against those of the catalogue."""

from __future__ import annotations

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.runtime.nvidia.fake import FakeNvml
from heddle.runtime.nvidia.fake_card import fake_card
from heddle.runtime.nvidia.fake_session import CallFault
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError
from heddle.runtime.nvidia.profiles import card_profiles, contradictions, matched
from nvidia_machines import a_card

CUT = [t.name for t in builtin_catalogue() if t.has_mig and t.is_plannable and t.memory_gb]


@pytest.mark.parametrize("type_name", CUT)
def test_every_profile_of_every_type_is_found_on_its_card(type_name: str) -> None:
    card = fake_card(type_name, "any")
    gpu_type = card.gpu_type
    if not gpu_type.architecture or gpu_type.name == "CPU-8":
        pytest.skip("not an NVIDIA GPU")
    offered = card_profiles(FakeNvml([card]), card)
    profiles = matched(gpu_type, offered)
    assert list(profiles) == list(gpu_type.profile_names)
    assert contradictions(gpu_type, profiles) == []
    for name, profile in profiles.items():
        assert profile.record.name == f"MIG {name}"


def test_names_of_the_driver_do_not_matter() -> None:
    card = a_card("A100-80GB")
    offered = [
        profile._replace(record=profile.record._replace(name="MIG 7g.79gb"))
        for profile in card_profiles(FakeNvml([card]), card)
    ]
    assert "7g.80gb" in matched(card.gpu_type, offered)


def test_what_a_card_does_not_offer_or_offers_elsewhere_is_said() -> None:
    card = a_card("A100-40GB")
    offered = list(card_profiles(FakeNvml([card]), card))
    [double] = [p for p in offered if p.number == 9]
    [three] = [p for p in offered if p.number == 2]
    offered.remove(double)
    offered[offered.index(three)] = three._replace(spans=three.spans[:1])
    assert contradictions(card.gpu_type, matched(card.gpu_type, offered)) == [
        "the driver does not offer 1g.10gb",
        "the driver lets 3g.20gb start at 0 only",
    ]


def test_a_shape_that_the_catalogue_does_not_have_is_matched_with_nothing() -> None:
    card = a_card("A100-40GB")
    odd = [
        p._replace(record=p.record._replace(slice_count=6))
        for p in card_profiles(FakeNvml([card]), card)
    ]
    assert matched(card.gpu_type, odd) == {}
    assert len(contradictions(card.gpu_type, {})) == len(card.gpu_type.profiles)


def test_an_error_while_listing_is_not_taken_for_the_end() -> None:
    card = a_card()
    fault = CallFault("nvmlDeviceGetGpuInstanceProfileInfoV", NvmlCode.UNKNOWN, num_before=3)
    with pytest.raises(NvmlError, match="inside the driver"):
        card_profiles(FakeNvml([card], [fault]), card)


def test_double_memory_and_plain_profiles_of_one_slice_are_told_apart() -> None:
    card = a_card("H200-141GB")
    profiles = matched(card.gpu_type, card_profiles(FakeNvml([card]), card))
    assert profiles["1g.18gb"].spans[0].size == 1
    assert profiles["1g.35gb"].spans[0].size == 2
    assert profiles["1g.18gb+me"].number == 7
