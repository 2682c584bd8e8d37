"""The cheapest cover, against all covers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from heddle.verification.cover import Cover, Item, cheapest_cover, undominated


class _Dice:
    """Whole numbers, both ends included."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def randint(self, least: int, most: int) -> int:
        return int(self._generator.integers(least, most, endpoint=True))


def by_trying_all(items: list[Item], demand: int, replicas: int, most: int) -> int | None:
    costs = [
        sum(item.price * count for item, count in zip(items, counts, strict=True))
        for counts in itertools.product(range(most + 1), repeat=len(items))
        if sum(counts) >= replicas
        and sum(item.rate * count for item, count in zip(items, counts, strict=True)) >= demand
    ]
    return min(costs, default=None)


@pytest.mark.parametrize("seed", range(150))
def test_the_cost_is_that_of_the_best_of_all_covers(seed: int) -> None:
    rng = _Dice(seed)
    items = [
        Item(rng.randint(0, 12), rng.randint(0 if seed % 3 == 0 else 1, 9))
        for _ in range(rng.randint(1, 4))
    ]
    demand, replicas = rng.randint(1, 7), rng.randint(0, 4)
    wanted = by_trying_all(items, demand, replicas, most=7)
    assert cheapest_cover(items, demand, replicas) == Cover(wanted, is_exact=True)


def test_without_items_only_nothing_is_covered() -> None:
    assert cheapest_cover([], 0, 0) == Cover(0, is_exact=True)
    assert cheapest_cover([], 1, 1) == Cover(None, is_exact=True)
    assert cheapest_cover([Item(3, 0)], 1, 1) == Cover(None, is_exact=True)
    assert cheapest_cover([Item(3, 0)], 0, 2) == Cover(6, is_exact=True)


def test_a_dominated_item_is_left_out() -> None:
    assert undominated(
        [Item(2, 5), Item(3, 5), Item(2, 4), Item(4, 9), Item(2, 5), Item(5, 10)]
    ) == [
        Item(2, 5),
        Item(4, 9),
        Item(5, 10),
    ]


def test_replicas_are_filled_with_the_cheapest() -> None:
    assert cheapest_cover([Item(1, 1), Item(10, 100)], 100, 5) == Cover(14, is_exact=True)
    assert cheapest_cover([Item(1, 1), Item(10, 100)], 100, 1) == Cover(10, is_exact=True)


def test_fewer_of_the_best_per_rate_may_leave_room_for_cheaper_replicas() -> None:
    items = [Item(4, 9), Item(2, 7), Item(1, 1)]
    assert cheapest_cover(items, 16, 6) == Cover(8, is_exact=True)
    items = [Item(9, 3), Item(10, 5), Item(5, 1)]
    assert cheapest_cover(items, 4, 6) == Cover(30, is_exact=True)


def test_exact_ties_over_a_long_range_end_soon() -> None:
    """Linear scaling: every item has the same price per rate."""
    items = [Item(slices * 142_857_142, slices * 33_400_000) for slices in (1, 2, 3, 4, 7)]
    covered = cheapest_cover(items, 33_400_000 * 9_999 + 1, 1, max_steps=200_000)
    assert covered == Cover(10_000 * 142_857_142, is_exact=True)


def test_near_ties_over_a_long_range_end_soon() -> None:
    rng = _Dice(7)
    for _ in range(20):
        items = [
            Item(
                slices * 142_857_142 + rng.randint(-999, 999),
                slices * 33_412_345 + rng.randint(-99_999, 99_999),
            )
            for slices in (1, 2, 3, 4, 7)
        ]
        demand = 33_412_345 * rng.randint(50, 100)
        assert cheapest_cover(items, demand, 1, max_steps=200_000).is_exact


@pytest.mark.parametrize("seed", range(40))
def test_a_search_that_is_cut_short_never_claims_too_much(seed: int) -> None:
    rng = _Dice(seed)
    items = [Item(rng.randint(1, 999), rng.randint(1, 999)) for _ in range(6)]
    demand, replicas = rng.randint(1_000, 20_000), rng.randint(1, 30)
    truth = cheapest_cover(items, demand, replicas)
    assert truth.is_exact
    assert truth.cost is not None
    for max_steps in (0, 1, 5, 50):
        cut = cheapest_cover(items, demand, replicas, max_steps)
        assert cut.cost is not None
        assert cut.cost <= truth.cost
        assert not cut.is_exact or cut.cost == truth.cost
