"""When to move: the whole table of cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.transition.hysteresis import (
    Hysteresis,
    Prospect,
    Reason,
    Way,
    cost_of,
    decide,
    saving_of,
)

#: Four GPUs instead of six for two hours; the way takes half an hour and borrows one.
PROSPECT = Prospect(
    short=(),
    running=6.0,
    wanted=4.0,
    way=Way(held=7.0, makespan_s=1_800.0),
    unneeded_s=7_200.0,
    is_needed_again=True,
)
#: Saves 2 x 2 h; costs (7 - 4) x 0.5 h, there and back.
SAVING_S, COST_S = 4 * 3_600.0, 3 * 3_600.0


def test_saving_and_cost_are_those_of_the_rule() -> None:
    assert saving_of(PROSPECT, Hysteresis()) == SAVING_S
    assert cost_of(PROSPECT, Hysteresis()) == COST_S


def test_a_saving_is_counted_for_no_longer_than_the_horizon() -> None:
    long = replace(PROSPECT, unneeded_s=36_000.0)
    assert saving_of(long, Hysteresis(horizon_s=14_400.0)) == 2 * 14_400.0


def test_the_way_back_is_charged_only_when_it_comes_within_the_horizon() -> None:
    assert cost_of(replace(PROSPECT, is_needed_again=False), Hysteresis()) == COST_S / 2
    assert cost_of(PROSPECT, Hysteresis(horizon_s=7_199.0)) == COST_S / 2


@pytest.mark.parametrize(
    ("changed", "factor", "reason"),
    [
        ({}, 1.0, Reason.SAVING),
        ({}, 2.0, Reason.TOO_DEAR),
        ({}, SAVING_S / COST_S, Reason.TOO_DEAR),
        ({"is_needed_again": False}, 2.0, Reason.SAVING),
        ({"wanted": 6.0}, 1.0, Reason.NOTHING_SAVED),
        ({"wanted": 7.0}, 1.0, Reason.NOTHING_SAVED),
        ({"wanted": 6.0, "way": None}, 1.0, Reason.NOTHING_SAVED),
        ({"way": None}, 1.0, Reason.NO_ORDER),
        ({"unneeded_s": 0.0}, 1.0, Reason.TOO_DEAR),
        ({"way": Way(6.0, 0.0)}, 2.0, Reason.SAVING),
        ({"short": ("chat",)}, 2.0, Reason.DEMAND),
        ({"short": ("chat",), "wanted": 9.0}, 2.0, Reason.DEMAND),
        ({"short": ("chat",), "wanted": 6.0}, 2.0, Reason.DEMAND),
    ],
)
def test_the_decision_and_its_reason(
    changed: dict[str, object], factor: float, reason: Reason
) -> None:
    decision = decide(replace(PROSPECT, **changed), Hysteresis(factor=factor))  # type: ignore[arg-type] # one value for each field
    assert decision.reason is reason
    assert decision.is_move == (reason in (Reason.SAVING, Reason.DEMAND))


def test_every_sentence_tells_people_what_was_weighed() -> None:
    sentence = decide(PROSPECT, Hysteresis()).sentence
    assert sentence == ("saves 4 GPU-hours, moving costs 3, and saving must be 2 times the cost")
    short = replace(PROSPECT, short=("chat", "eyes", "ears"))
    assert decide(short, Hysteresis()).sentence == (
        "chat and 2 more need more than what runs serves"
    )
