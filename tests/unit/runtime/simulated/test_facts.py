"""The shipped facts of the simulated device: types, networks, and how block times are scaled."""

from __future__ import annotations

import pytest

from heddle.errors import InputError
from heddle.runtime.simulated.facts import device_type, device_types, network, networks
from heddle.runtime.simulated.profiles import kernel_of, occupancy_of, time_ratio

_DISB = ("vgg", "resnet152", "densenet", "inception", "bert")


def test_every_number_of_a_device_type_has_a_source() -> None:
    for found in device_types().values():
        described = set(found.__slots__) - {"name", "label", "sources"}
        assert described <= found.sources.keys() | {"multiprocessors"}, found.name


def test_only_the_type_that_was_measured_is_not_labelled_extrapolated() -> None:
    labels = {name: found.label for name, found in device_types().items()}
    assert labels == {
        "MI50": "simulated",
        "V100": "extrapolated",
        "A100": "extrapolated",
        "H200": "extrapolated",
    }


def test_programs_have_as_many_kernels_as_reef_launches() -> None:
    lengths = {name: len(found.program) for name, found in networks().items()}
    assert lengths["vgg"] == 71
    assert lengths["resnet152"] == 207
    assert lengths["resnet"] == 330
    for found in networks().values():
        assert set(found.program) == set(range(len(found.kernels)))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("vgg19", "vgg"),
        ("vgg19-imagenet", "vgg"),
        ("densenet201", "densenet"),
        ("distilbert", "bert"),
        ("inceptionv3", "inception"),
        ("ResNet152", "resnet152"),
    ],
)
def test_names_of_disb_lead_to_the_network_that_stands_in(asked: str, found: str) -> None:
    assert network(asked).name == found


def test_a_strange_network_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no network 'yolo'.*vgg"):
        network("yolo")


def test_a_strange_device_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no simulated device 'B300'.*MI50"):
        device_type("B300")


def test_device_names_are_read_in_any_case() -> None:
    assert device_type("h200").name == "H200"


def test_a_kernel_fits_its_device_type() -> None:
    for target in device_types().values():
        for name in _DISB:
            for facts in network(name).kernels:
                kernel = kernel_of(facts, target)
                assert 1 <= kernel.occupancy <= target.blocks_per_multiprocessor
                threads = kernel.occupancy * kernel.threads
                assert threads <= target.threads_per_multiprocessor or kernel.occupancy == 1
                assert min(kernel.wave_ns) >= target.shortest_block_ns


def test_the_levels_of_a_profile_are_the_occupancy_on_the_mi50() -> None:
    facts = network("vgg").kernels[0]
    assert occupancy_of(facts, device_type("MI50")) == len(facts.waves_us)


def test_times_scale_by_the_peak_of_one_multiprocessor() -> None:
    assert time_ratio("compute", device_type("MI50")) == 1
    assert time_ratio("compute", device_type("H200")) == pytest.approx(13.4 / 60 / (67 / 132))
    assert time_ratio("memory", device_type("V100")) == pytest.approx(1024 / 60 / (900 / 80))
