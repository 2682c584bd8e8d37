"""Laws of partitions, on the built-in types and on invented ones."""

from __future__ import annotations

from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_partitions, partitions
from heddle.cluster.partition import (
    Partition,
    Placement,
    choose_start,
    empty_partition,
    legal_partition,
)
from heddle.cluster.profile import Profile
from heddle.errors import InputError

BUILT_IN = [gpu_type for gpu_type in builtin_catalogue() if gpu_type.is_plannable]


@st.composite
def invented_types(draw: st.DrawFn) -> GpuType:
    units = draw(st.integers(1, 6))
    profiles = []
    for index in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, units))
        starts = draw(st.sets(st.integers(0, units - size), min_size=1))
        uses = draw(st.dictionaries(st.sampled_from(["me", "jpeg"]), st.integers(1, 2), max_size=1))
        profiles.append(
            Profile(
                name=f"p{index}",
                compute_slices=draw(st.integers(1, 3)),
                size=size,
                starts=tuple(sorted(starts)),
                max_instances=draw(st.integers(1, 4)),
                uses=MappingProxyType(uses),
            )
        )
    names = [profile.name for profile in profiles]
    pairs = [(one, other) for one in names for other in names if one < other]
    excludes = draw(st.sets(st.sampled_from(pairs), max_size=2)) if pairs else set()
    engines = draw(st.fixed_dictionaries({"me": st.integers(1, 3), "jpeg": st.integers(1, 3)}))
    return GpuType(
        name="invented",
        profiles=tuple(profiles),
        compute_slices=7,
        memory_units=units,
        memory_gb=0,
        engines=MappingProxyType(engines),
        excludes=tuple(sorted(excludes)),
    )


TYPES = st.sampled_from(BUILT_IN) | invented_types()


def candidates(gpu_type: GpuType) -> list[Placement]:
    return [
        Placement(start, profile.name)
        for profile in gpu_type.profiles
        for start in profile.starts or ()
    ]


@st.composite
def some_partitions(draw: st.DrawFn) -> Partition:
    partition = empty_partition(draw(TYPES))
    wanted = draw(st.lists(st.sampled_from(candidates(partition.gpu_type)), max_size=8))
    for placement in wanted:
        if placement.start in partition.free_starts(placement.profile):
            partition = partition.with_placement(placement)
    return partition


def is_legal_by_bits(gpu_type: GpuType, placements: list[Placement]) -> bool:
    """Legality from its definition, one rule a line."""
    by_name = {profile.name: profile for profile in gpu_type.profiles}
    chosen = [by_name[placement.profile] for placement in placements]
    units = [
        unit
        for placement, profile in zip(placements, chosen, strict=True)
        for unit in range(placement.start, placement.start + (profile.size or 0))
    ]
    names = [profile.name for profile in chosen]
    return (
        len(units) == len(set(units))
        and all(
            placement.start in (profile.starts or ())
            for placement, profile in zip(placements, chosen, strict=True)
        )
        and all(names.count(profile.name) <= profile.max_instances for profile in chosen)
        and all(
            sum(profile.uses.get(engine, 0) for profile in chosen) <= amount
            for engine, amount in gpu_type.engines.items()
        )
        and not any(one in names and other in names for one, other in gpu_type.excludes)
    )


@given(gpu_type=TYPES, chosen=st.data())
def test_a_set_is_legal_exactly_when_the_bit_mask_check_says_so(
    gpu_type: GpuType, chosen: st.DataObject
) -> None:
    pool = candidates(gpu_type)
    beyond = [Placement(placement.start + 1, placement.profile) for placement in pool]
    placements = chosen.draw(st.lists(st.sampled_from([*pool, *beyond]), max_size=5))
    try:
        legal_partition(gpu_type, placements)
        is_legal = True
    except InputError:
        is_legal = False
    assert is_legal == is_legal_by_bits(gpu_type, placements)


@given(gpu_type=invented_types())
def test_enumeration_finds_every_legal_set(gpu_type: GpuType) -> None:
    expected = {frozenset[Placement]()}
    for placement in candidates(gpu_type):
        expected |= {
            found | {placement}
            for found in expected
            if is_legal_by_bits(gpu_type, [*found, placement])
        }
    every = partitions(gpu_type)
    assert {frozenset(partition.placements) for partition in every} == expected - {frozenset()}
    assert len(every) == len(expected) - 1
    maximal = {frozenset(partition.placements) for partition in maximal_partitions(gpu_type)}
    assert maximal == {
        found for found in expected - {frozenset()} if not any(found < other for other in expected)
    }


@given(partition=some_partitions(), chosen=st.data())
def test_the_canonical_form_does_not_depend_on_the_order(
    partition: Partition, chosen: st.DataObject
) -> None:
    shuffled = chosen.draw(st.permutations(partition.placements))
    one_by_one = empty_partition(partition.gpu_type)
    for placement in shuffled:
        one_by_one = one_by_one.with_placement(placement)
    assert one_by_one == partition
    assert legal_partition(partition.gpu_type, shuffled) == partition
    assert list(partition.placements) == sorted(partition.placements)


@given(partition=some_partitions())
def test_removing_undoes_adding(partition: Partition) -> None:
    for placement in candidates(partition.gpu_type):
        if placement.start in partition.free_starts(placement.profile):
            larger = partition.with_placement(placement)
            assert larger.without_placement(placement) == partition
            assert larger.occupied & ~partition.occupied
    for placement in partition.placements:
        smaller = partition.without_placement(placement)
        assert smaller.with_placement(placement) == partition


@given(partition=some_partitions(), chosen=st.data())
def test_the_chosen_start_keeps_the_most_valuable_profile_that_any_start_keeps(
    partition: Partition, chosen: st.DataObject
) -> None:
    name = chosen.draw(st.sampled_from(partition.gpu_type.profile_names))
    start = choose_start(partition, name)
    free = partition.free_starts(name)
    if start is None:
        assert free == ()
        return
    assert start in free
    after = {other: partition.with_placement(Placement(other, name)) for other in free}
    still_fitting = {
        other: [p for p in partition.gpu_type.profiles if result.free_starts(p.name)]
        for other, result in after.items()
    }
    every = [profile for found in still_fitting.values() for profile in found]
    if every:
        best = max(every, key=lambda profile: (profile.value, profile.name))
        assert best in still_fitting[start]
