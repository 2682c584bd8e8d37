"""Legality and the priciest layout, held against the partitions of ``cluster``."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.layout import maximal_layouts, partitions
from heddle.verification.findings import FindingKind
from heddle.verification.geometry import Place, objections, priciest_layout

A100 = builtin_catalogue().get("A100-80GB")
A30 = builtin_catalogue().get("A30-24GB")


@pytest.mark.parametrize(
    ("places", "kinds"),
    [
        ([("4g.40gb", 0), ("3g.40gb", 4)], []),
        ([("3g.40gb", 0), ("1g.10gb", 3)], [FindingKind.OVERLAP]),
        ([("2g.20gb", 1)], [FindingKind.ILLEGAL_START]),
        ([("1g.10gb", 7)], [FindingKind.ILLEGAL_START]),
        ([("5g.50gb", 0)], [FindingKind.UNKNOWN_PROFILE]),
        (
            [("1g.10gb+me", 0), ("1g.10gb+me", 1)],
            [FindingKind.TOO_MANY_INSTANCES, FindingKind.ENGINE_EXCEEDED],
        ),
        ([("7g.80gb", 0), ("7g.80gb", 0)], [FindingKind.OVERLAP, FindingKind.TOO_MANY_INSTANCES]),
    ],
)
def test_each_rule_has_its_objection(places: list[Place], kinds: list[FindingKind]) -> None:
    assert [objection.kind for objection in objections(A100, places)] == kinds


def test_an_engine_of_two_profiles_is_counted_together() -> None:
    found = objections(A30, [("1g.6gb+me", 0), ("2g.12gb+me", 2)])
    assert [objection.kind for objection in found] == [FindingKind.ENGINE_EXCEEDED]
    assert found[0].sentence == "its instances use 2 of engine 'me'; the GPU has 1"


def test_an_excluded_pair_is_found_in_either_order() -> None:
    older = replace(A100, excludes=(("4g.40gb", "3g.40gb"),))
    for places in ([("4g.40gb", 0), ("3g.40gb", 4)], [("3g.40gb", 4), ("4g.40gb", 0)]):
        assert [objection.kind for objection in objections(older, places)] == [
            FindingKind.EXCLUDED_PAIR
        ]


def test_a_profile_without_published_starts_may_start_nowhere() -> None:
    thor = builtin_catalogue().get("Thor-iGPU")
    found = objections(thor, [(thor.profiles[0].name, 0)])
    assert [objection.kind for objection in found] == [FindingKind.ILLEGAL_START]


def test_every_partition_of_every_type_is_legal_here_too() -> None:
    for gpu_type in builtin_catalogue():
        for partition in partitions(gpu_type) if gpu_type.is_plannable else ():
            places = [(profile, start) for start, profile in partition.placements]
            assert objections(gpu_type, places) == []


@pytest.mark.parametrize("name", ["A30-24GB", "A100-80GB", "RTX-PRO-6000-Blackwell-96GB"])
@pytest.mark.parametrize("seed", range(3))
def test_the_priciest_layout_is_the_dearest_of_all(name: str, seed: int) -> None:
    gpu_type = builtin_catalogue().get(name)
    names = gpu_type.profile_names
    price = {n: Fraction((7 * seed + 13) * (k + 2) % 17, 10) for k, n in enumerate(names)}
    dearest = max(
        sum(price[n] * count for n, count in zip(names, layout, strict=True))
        for layout in maximal_layouts(gpu_type, names)
    )
    found = priciest_layout(gpu_type, price)
    assert found.price == dearest
    assert sum(price[n] * count for n, count in found.counts) == dearest


def test_without_prices_the_priciest_layout_is_nothing() -> None:
    found = priciest_layout(A100, {})
    assert str(found) == "nothing"
    assert found.price == 0


def test_a_long_axis_of_small_profiles_is_no_trouble() -> None:
    one = replace(A100.profiles[0], size=1, starts=tuple(range(64)), max_instances=50)
    two = replace(
        A100.profiles[1], size=2, starts=tuple(range(63)), max_instances=9, uses={"me": 1}
    )
    long = replace(A100, profiles=(one, two), memory_units=64, engines={"me": 5})
    found = priciest_layout(long, {one.name: Fraction(1), two.name: Fraction(3)})
    assert found.price == 5 * 3 + 50
