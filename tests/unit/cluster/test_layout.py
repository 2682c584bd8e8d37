"""The enumeration of partitions and layouts, held against the known counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import (
    fits,
    maximal_layouts,
    maximal_partitions,
    partitions,
    place,
    undominated_layouts,
)
from heddle.cluster.profile import WHOLE
from heddle.errors import InputError

A100 = builtin_catalogue().get("A100-80GB")
BASE = ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")
WITH_DOUBLE = ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")
WITH_MEDIA = ("1g.10gb", "1g.10gb+me", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")
SEVEN_EIGHTHS = [
    gpu_type.name
    for gpu_type in builtin_catalogue()
    if gpu_type.memory_units == 8 and gpu_type.has_mig and gpu_type.name != "CPU-8"
]


def counted(gpu_type: GpuType, profiles: tuple[str, ...]) -> tuple[int, int, int]:
    return (
        len(partitions(gpu_type, profiles)),
        len(maximal_partitions(gpu_type, profiles)),
        len(maximal_layouts(gpu_type, profiles)),
    )


@pytest.mark.parametrize(
    ("profiles", "counts"),
    [
        (BASE, (297, 19, 14)),
        (WITH_DOUBLE, (722, 78, 38)),
        (WITH_MEDIA, (1088, 67, 24)),
        (A100.profile_names, (2318, 239, 64)),
    ],
)
def test_the_seven_eighths_family_has_the_known_counts(
    profiles: tuple[str, ...], counts: tuple[int, int, int]
) -> None:
    assert counted(A100, profiles) == counts


def test_twelve_layouts_are_in_no_other() -> None:
    assert len(undominated_layouts(A100, BASE)) == 12


def test_without_four_beside_three_there_are_18_maximal_partitions_and_13_layouts() -> None:
    older = replace(A100, excludes=(("4g.40gb", "3g.40gb"),))
    assert counted(older, BASE)[1:] == (18, 13)


@pytest.mark.parametrize("name", SEVEN_EIGHTHS)
def test_every_gpu_of_the_family_is_cut_like_the_a100(name: str) -> None:
    gpu_type = builtin_catalogue().get(name)
    assert counted(gpu_type, gpu_type.profile_names) == (2318, 239, 64)


def test_the_family_is_complete() -> None:
    assert len(SEVEN_EIGHTHS) == 12


def test_the_a30_has_the_known_counts() -> None:
    a30 = builtin_catalogue().get("A30-24GB")
    assert counted(a30, ("1g.6gb", "2g.12gb", "4g.24gb")) == (25, 5, 4)
    assert counted(a30, a30.profile_names) == (75, 17, 8)


def test_the_rtx_pro_6000_has_the_known_counts() -> None:
    rtx = builtin_catalogue().get("RTX-PRO-6000-Blackwell-96GB")
    assert counted(rtx, ("1g.24gb", "2g.48gb", "4g.96gb")) == (25, 5, 4)
    assert counted(rtx, rtx.profile_names) == (716, 302, 64)


def test_all_17_mig_types_are_listed_and_those_without_starts_are_refused_by_name() -> None:
    with_mig = [t for t in builtin_catalogue() if t.has_mig and t.name != "CPU-8"]
    assert len(with_mig) == 17
    refused = []
    for gpu_type in with_mig:
        if not gpu_type.is_plannable:
            refused.append(gpu_type.name)
            with pytest.raises(InputError, match=gpu_type.name):
                partitions(gpu_type)
    assert refused == ["RTX-PRO-5000-Blackwell-48GB", "RTX-PRO-4500-Blackwell-32GB", "Thor-iGPU"]


def test_a_gpu_without_mig_has_one_partition() -> None:
    without_mig = [gpu_type for gpu_type in builtin_catalogue() if not gpu_type.has_mig]
    assert without_mig
    for gpu_type in without_mig:
        assert counted(gpu_type, (WHOLE,)) == (1, 1, 1)


def test_a_profile_of_another_type_is_refused() -> None:
    with pytest.raises(InputError, match=r"has no profile '1g\.5gb'"):
        partitions(A100, ("1g.5gb",))


def test_every_partition_is_listed_once() -> None:
    every = [frozenset(partition.placements) for partition in partitions(A100)]
    assert len(set(every)) == len(every)


def test_a_layout_fits_exactly_when_it_can_be_placed() -> None:
    assert fits(A100, BASE, (0, 0, 0, 0, 0))
    assert fits(A100, BASE, (3, 0, 0, 1, 0))
    assert not fits(A100, BASE, (4, 0, 0, 1, 0))
    assert place(A100, BASE, (4, 0, 0, 1, 0)) is None


def test_every_partition_s_layout_is_placed_with_the_same_instances() -> None:
    for layout in {
        tuple(partition.profile_counts.get(name, 0) for name in BASE)
        for partition in partitions(A100, BASE)
    }:
        placed = place(A100, BASE, layout)
        assert placed is not None
        assert tuple(placed.profile_counts.get(name, 0) for name in BASE) == layout


def test_nothing_is_placed_as_the_empty_partition() -> None:
    placed = place(A100, BASE, (0, 0, 0, 0, 0))
    assert placed is not None
    assert placed.placements == ()


def test_placing_leaves_room_for_the_largest_profile() -> None:
    placed = place(A100, BASE, (3, 0, 0, 0, 0))
    assert placed is not None
    assert [start for start, _ in placed.placements] == [4, 5, 6]
    assert placed.free_starts("4g.40gb") == (0,)
