"""What is legal on one GPU, and where the next instance goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.partition import (
    Partition,
    Placement,
    choose_start,
    empty_partition,
    legal_partition,
    room,
)
from heddle.errors import InputError

A100 = builtin_catalogue().get("A100-80GB")


def a100(*placements: tuple[int, str]) -> Partition:
    return legal_partition(A100, [Placement(start, profile) for start, profile in placements])


def test_four_and_three_slices_share_a_gpu() -> None:
    assert a100((0, "4g.40gb"), (4, "3g.40gb")).occupied == 0b1111_1111


def test_two_instances_of_three_slices_take_all_units() -> None:
    partition = a100((0, "3g.40gb"), (4, "3g.40gb"))
    assert partition.occupied == 0b1111_1111
    assert not any(partition.free_starts(name) for name in A100.profile_names)


def test_after_three_slices_at_0_one_slice_cannot_start_at_3() -> None:
    assert a100((0, "3g.40gb")).free_starts("1g.10gb") == (4, 5, 6)


def test_the_eighth_unit_starts_no_single_slice() -> None:
    full = a100(*((start, "1g.10gb") for start in range(7)))
    assert full.profile_counts == {"1g.10gb": 7}
    assert full.free_starts("1g.10gb") == ()


def test_the_media_engine_goes_to_one_instance_only() -> None:
    partition = a100((0, "1g.10gb+me"))
    assert partition.free_starts("1g.10gb+me") == ()
    assert partition.free_starts("1g.10gb") == (1, 2, 3, 4, 5, 6)


def test_an_engine_is_shared_out_between_different_profiles() -> None:
    a30 = builtin_catalogue().get("A30-24GB")
    partition = legal_partition(a30, [Placement(0, "1g.6gb+me")])
    assert partition.free_starts("2g.12gb+me") == ()
    assert partition.free_starts("2g.12gb") == (2,)


def test_an_excluded_pair_does_not_share_a_gpu() -> None:
    older = replace(A100, excludes=(("4g.40gb", "3g.40gb"),))
    four = empty_partition(older).with_placement(Placement(0, "4g.40gb"))
    assert four.free_starts("3g.40gb") == ()
    three = empty_partition(older).with_placement(Placement(4, "3g.40gb"))
    assert three.free_starts("4g.40gb") == ()
    assert three.free_starts("3g.40gb") == (0,)


@pytest.mark.parametrize(
    ("placements", "message"),
    [
        ([(3, "2g.20gb")], "2g.20gb at 3 on A100-80GB: it may start at 0, 2, 4"),
        ([(0, "3g.40gb"), (3, "1g.10gb")], "1g.10gb at 3 on A100-80GB: overlaps"),
        ([(0, "1g.10gb+me"), (1, "1g.10gb+me")], "cannot hold this beside 1 x 1g.10gb"),
        ([(0, "1g.10g")], "did you mean '1g.10gb'"),
    ],
)
def test_what_is_not_legal_is_refused_with_the_reason(
    placements: list[tuple[int, str]], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        a100(*placements)
    assert message in str(refusal.value)


def test_a_profile_without_published_starts_is_refused_by_name() -> None:
    thor = builtin_catalogue().get("Thor-iGPU")
    name = thor.profiles[0].name
    assert empty_partition(thor).free_starts(name) == ()
    with pytest.raises(InputError, match="starts of this profile are not published"):
        legal_partition(thor, [Placement(0, name)])


def test_removing_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in"):
        a100((0, "1g.10gb")).without_placement(Placement(1, "1g.10gb"))


@pytest.mark.parametrize(
    ("profile", "start"),
    [
        ("1g.10gb", 6),
        ("1g.20gb", 6),
        ("2g.20gb", 4),
        ("3g.40gb", 4),
        ("4g.40gb", 0),
        ("7g.80gb", 0),
    ],
)
def test_the_first_instance_leaves_the_low_starts_open(profile: str, start: int) -> None:
    assert choose_start(empty_partition(A100), profile) == start


def test_single_slices_fill_the_upper_half_first() -> None:
    partition, starts = empty_partition(A100), []
    while (start := choose_start(partition, "1g.10gb")) is not None:
        starts.append(start)
        partition = partition.with_placement(Placement(start, "1g.10gb"))
    assert sorted(starts) == list(range(7))
    assert set(starts[:3]) == {4, 5, 6}


def test_the_highest_start_is_not_taken_when_it_blocks_a_more_valuable_profile() -> None:
    large = replace(A100.profile("2g.20gb"), starts=(1,))
    small = replace(A100.profile("1g.10gb"), starts=(0, 2))
    odd = replace(A100, name="odd", profiles=(small, large), memory_units=3)
    assert choose_start(empty_partition(odd), "1g.10gb") == 0


def test_a_full_gpu_has_no_start() -> None:
    assert choose_start(a100((0, "7g.80gb")), "1g.10gb") is None


def test_room_counts_each_profile_alone_most_valuable_first() -> None:
    by_name = dict(
        zip(
            sorted(
                A100.profile_names,
                key=lambda name: (A100.profile(name).value, name),
                reverse=True,
            ),
            room(empty_partition(A100)),
            strict=True,
        )
    )
    assert by_name == {profile.name: profile.max_instances for profile in A100.profiles}
