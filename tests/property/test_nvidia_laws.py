"""Laws of MIG devices: any order of creates and destroys, on any card."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.partition import Placement, empty_partition
from heddle.errors import HostError, InputError
from heddle.runtime.nvidia.fake_session import CallFault
from heddle.runtime.nvidia.nvml_error import NvmlCode
from nvidia_machines import PRODUCTS, a_card, mig_device

CUT = sorted(set(PRODUCTS) - {"L4-24GB"})
CALLS = (
    "nvmlDeviceCreateGpuInstanceWithPlacement",
    "nvmlGpuInstanceCreateComputeInstance",
    "nvmlComputeInstanceDestroy",
    "nvmlGpuInstanceDestroy",
    "nvmlGpuInstanceGetInfo",
    "nvmlDeviceGetUUID",
)


@st.composite
def acts(draw: st.DrawFn) -> tuple[str, list[tuple[Placement, bool]]]:
    """Return a type, and placements of it to make (True) or to remove."""
    type_name = draw(st.sampled_from(CUT))
    profiles = a_card(type_name).gpu_type.profiles
    placements = [Placement(s, p.name) for p in profiles for s in range(-1, 13) if s % 2 or p.size]
    act = st.tuples(st.sampled_from(placements), st.booleans())
    return type_name, draw(st.lists(act, max_size=12))


@settings(deadline=None)
@given(acts())
def test_a_device_makes_exactly_what_a_partition_allows(
    plan: tuple[str, list[tuple[Placement, bool]]],
) -> None:
    type_name, steps = plan
    card = a_card(type_name)
    partition = empty_partition(card.gpu_type)
    with tempfile.TemporaryDirectory() as folder:
        device = mig_device(Path(folder), card)
        for placement, is_create in steps:
            is_there = placement in partition.placements
            try:
                if not is_create:
                    device.destroy(placement)
                    partition = partition.without_placement(placement) if is_there else partition
                    continue
                device.create(placement)
                is_made = True
            except InputError:
                is_made = False
            is_legal = placement.start in partition.free_starts(placement.profile)
            assert is_made == (is_there or is_legal)
            if is_made and not is_there:
                partition = partition.with_placement(placement)
            assert tuple(each.placement for each in device.slices()) == partition.placements


@settings(deadline=None)
@given(
    acts(),
    st.lists(
        st.builds(CallFault, st.sampled_from(CALLS), st.sampled_from(NvmlCode), st.integers(0, 20)),
        max_size=6,
    ),
)
def test_after_any_failures_a_second_try_brings_what_was_asked(
    plan: tuple[str, list[tuple[Placement, bool]]], faults: list[CallFault]
) -> None:
    type_name, steps = plan
    card = a_card(type_name)
    with tempfile.TemporaryDirectory() as folder:
        try:
            device = mig_device(Path(folder), card, *faults)
        except ValueError:  # the card itself could not be looked at
            return
        for placement, is_create in steps:
            try:
                device.create(placement) if is_create else device.destroy(placement)
            except (HostError, InputError):
                continue
        healthy = mig_device(Path(folder), card)
        for each in healthy.slices():
            healthy.destroy(each.placement)
        whole = card.gpu_type.largest
        healthy.create(Placement(0, whole.name))
        assert [each.placement for each in healthy.slices()] == [Placement(0, whole.name)]
        assert len(card.instances) == 1
