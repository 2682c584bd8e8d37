"""Which steps are before which, against following every chain of waiting."""

from __future__ import annotations

import numpy as np
import pytest

from heddle.cluster.command import Action
from heddle.cluster.partition import Placement
from heddle.transition.invariant.ancestry import Ancestry, Pair, Question
from heddle.transition.step import Step


def random_steps(seed: int, num_steps: int, num_gpus: int) -> list[Step]:
    rng = np.random.default_rng(seed)
    steps = []
    for number in range(num_steps):
        after = [other for other in range(number) if rng.random() < 2 / num_steps]
        gpu = f"gpu-{rng.integers(num_gpus)}"
        place = Placement(number, "1g.5gb")
        steps.append(Step(number, Action.CREATE, gpu, place, None, 1.0, tuple(after)))
    return steps


def ancestors(steps: list[Step], step: int) -> set[int]:
    found: set[int] = set()
    pending = list(steps[step].after)
    while pending:
        other = pending.pop()
        if other not in found:
            found.add(other)
            pending.extend(steps[other].after)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_masks_name_exactly_the_steps_that_chains_lead_to(seed: int) -> None:
    steps = random_steps(seed, 40, 3)
    rng = np.random.default_rng(seed)
    questions = []
    for _ in range(5):
        order = [int(step) for step in rng.permutation(40)]
        questions.append(Question(order[:15], order[15:30]))
    for question, masks in zip(questions, Ancestry(steps).masks(questions), strict=True):
        for later, mask in zip(question.later, masks, strict=True):
            named = {e for bit, e in enumerate(question.earlier) if mask >> bit & 1}
            assert named == ancestors(steps, later) & set(question.earlier)


@pytest.mark.parametrize("seed", range(20))
def test_near_masks_name_only_steps_that_are_before(seed: int) -> None:
    steps = random_steps(seed, 40, 2)
    on_gpu = [step.id for step in steps if step.gpu == "gpu-0"]
    question = Question(on_gpu[::2], on_gpu[1::2])
    ancestry = Ancestry(steps)
    (exact,) = ancestry.masks([question])
    near = ancestry.near_masks(question)
    assert all(part & ~whole == 0 for part, whole in zip(near, exact, strict=True))


def test_near_masks_are_all_there_is_on_one_gpu() -> None:
    steps = random_steps(1, 40, 1)
    question = Question(range(20), range(20, 40))
    ancestry = Ancestry(steps)
    assert [ancestry.near_masks(question)] == ancestry.masks([question])


@pytest.mark.parametrize("seed", range(20))
def test_a_pair_is_ordered_by_a_chain_through_other_gpus_too(seed: int) -> None:
    steps = random_steps(seed, 60, 4)
    pairs = [
        Pair(earlier.id, later.id)
        for later in steps
        for earlier in steps[: later.id]
        if earlier.gpu == later.gpu
    ]
    wanted = [pair for pair in pairs if pair.earlier not in ancestors(steps, pair.later)]
    assert Ancestry(steps).unordered(pairs) == wanted


def test_more_bits_than_one_sweep_carries_are_answered_in_several() -> None:
    # A chain of two GPUs in turn: no pair is ordered by way of its own GPU.
    steps = [
        Step(
            number,
            Action.CREATE,
            f"gpu-{number % 2}",
            Placement(number, "1g.5gb"),
            None,
            1.0,
            (number - 1,) if number else (),
        )
        for number in range(9_000)
    ]
    pairs = [Pair(number - 2, number) for number in range(2, 9_000)]
    assert Ancestry(steps).unordered(pairs) == []
    steps[4_001] = Step(4_001, Action.CREATE, "gpu-1", Placement(0, "1g.5gb"), None, 1.0)
    assert Ancestry(steps).unordered(pairs) == [Pair(3_999, 4_001), Pair(4_000, 4_002)]


def test_a_question_without_steps_has_empty_answers() -> None:
    assert Ancestry(()).masks([Question((), ())]) == [[]]
    assert Ancestry(random_steps(0, 3, 1)).masks([Question((), (0, 2))]) == [[0, 0]]
