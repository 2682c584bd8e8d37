"""The largest surplus: against all choices, and how much work it takes."""

from __future__ import annotations

import numpy as np
import pytest

from heddle.transition.invariant.surplus import largest_surplus


def by_force(gains: list[int], losses: list[int], needs: list[int]) -> tuple[int, set[int]]:
    """Return the best value and the positions that every best choice has."""
    values: dict[int, int] = {}
    for choice in range(1 << len(gains)):
        chosen = [k for k in range(len(gains)) if choice >> k & 1]
        forced = 0
        for k in chosen:
            forced |= needs[k]
        lost = sum(loss for bit, loss in enumerate(losses) if forced >> bit & 1)
        values[choice] = sum(gains[k] for k in chosen) - lost
    best = max(values.values())
    common = (1 << len(gains)) - 1
    for choice, value in values.items():
        if value == best:
            common &= choice
    return best, {k for k in range(len(gains)) if common >> k & 1}


def random_problem(rng: np.random.Generator) -> tuple[list[int], list[int], list[int]]:
    num_gains, num_losses = (int(rng.integers(0, 9)) for _ in range(2))
    most = int(rng.choice([3, 20, 10**15]))
    gains = [int(amount) for amount in rng.integers(0, most, num_gains)]
    losses = [int(amount) for amount in rng.integers(0, most, num_losses)]
    density = rng.choice([0.1, 0.4, 0.8])
    needs = [sum(1 << bit for bit in range(num_losses) if rng.random() < density) for _ in gains]
    return gains, losses, needs


@pytest.mark.parametrize("seed", range(300))
def test_it_is_the_best_of_all_choices_and_the_smallest_best_one(seed: int) -> None:
    gains, losses, needs = random_problem(np.random.default_rng(seed))
    surplus = largest_surplus(gains, losses, needs)
    value, common = by_force(gains, losses, needs)
    assert surplus.value == value
    assert set(surplus.chosen) == common


def test_without_losses_everything_is_taken() -> None:
    assert largest_surplus([3, 4], [], [0, 0])[:2] == (7, (0, 1))


def test_a_gain_that_only_pays_for_its_loss_is_left() -> None:
    assert largest_surplus([5], [5], [1])[:2] == (0, ())


def test_two_gains_may_share_a_loss_that_neither_pays_alone() -> None:
    assert largest_surplus([3, 3], [5], [1, 1])[:2] == (1, (0, 1))


def test_a_charge_is_moved_when_another_gain_has_no_other_loss() -> None:
    # The first gain can be charged with either loss, the second only with the first one.
    assert largest_surplus([4, 4], [4, 4], [0b11, 0b01])[:2] == (0, ())
    # A path that moves two charges on: each gain shares a loss with the next.
    needs = [0b0011, 0b0110, 0b1100, 0b0001]
    assert largest_surplus([1, 1, 1, 1], [1, 1, 1, 1], needs)[:2] == (0, ())


def test_amounts_beyond_64_bits_are_exact() -> None:
    huge = 10**30
    assert largest_surplus([huge + 1, huge], [huge, huge], [0b01, 0b11])[:2] == (1, (0,))


@pytest.mark.parametrize("shape", ["sparse", "dense", "nested", "band"])
def test_the_number_of_paths_grows_in_proportion_to_the_amounts(shape: str) -> None:
    def paths(size: int) -> int:
        rng = np.random.default_rng(0)
        gains = [int(amount) for amount in rng.integers(1, 10**9, size)]
        losses = [int(amount) for amount in rng.integers(1, 10**9, size)]
        return largest_surplus(gains, losses, list(masks(shape, size, rng))).num_paths

    assert paths(800) <= 6 * paths(200)
    assert paths(800) <= 5 * 800


def masks(shape: str, size: int, rng: np.random.Generator) -> list[int]:
    if shape == "nested":
        return [(1 << int(end)) - 1 for end in rng.integers(0, size, size)]
    if shape == "band":
        return [0b11111 << first & (1 << size) - 1 for first in range(size)]
    density = 0.5 if shape == "dense" else 4 / size
    rows = rng.random((size, size)) < density
    return [sum(1 << int(bit) for bit in np.flatnonzero(row)) for row in rows]
