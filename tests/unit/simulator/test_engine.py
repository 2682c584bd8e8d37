"""Virtual time: what happens first, and that nothing is skipped."""

from __future__ import annotations

import math
from functools import partial

import pytest

from heddle.simulator.engine import Engine, Rank


def run(engine: Engine) -> None:
    while engine.next_s < math.inf:
        engine.run_instant()


def test_time_jumps_from_one_happening_to_the_next() -> None:
    engine = Engine()
    seen: list[float] = []
    for at_s in (7.0, 2.0, 5.0):
        engine.plan(at_s, Rank.COMMAND, "x", lambda: seen.append(engine.now_s()))
    run(engine)
    assert seen == [2.0, 5.0, 7.0]


def test_what_happens_at_one_instant_is_ordered_by_rank_then_name_then_plan() -> None:
    engine = Engine()
    seen: list[str] = []
    for rank, name in (
        (Rank.DELIVERY, "a"),
        (Rank.COMMAND, "b"),
        (Rank.COMMAND, "a"),
        (Rank.FAULT, "z"),
    ):
        engine.plan(1.0, rank, name, partial(seen.append, f"{rank.name} {name}"))
    engine.plan(1.0, Rank.COMMAND, "a", partial(seen.append, "COMMAND a, planned later"))
    engine.run_instant()
    assert seen == [
        "FAULT z",
        "COMMAND a",
        "COMMAND a, planned later",
        "COMMAND b",
        "DELIVERY a",
    ]


def test_what_a_happening_plans_for_the_same_instant_still_belongs_to_it() -> None:
    engine = Engine()
    seen: list[str] = []

    def first() -> None:
        engine.plan(1.0, Rank.FAULT, "then", lambda: seen.append("then"))

    engine.plan(1.0, Rank.DELIVERY, "first", first)
    engine.run_instant()
    assert seen == ["then"]


def test_nothing_is_planned_for_the_past_or_for_never() -> None:
    engine = Engine()
    engine.move_to(3.0)
    for at_s in (2.9, math.inf, math.nan):
        with pytest.raises(ValueError, match="cannot plan"):
            engine.plan(at_s, Rank.COMMAND, "x", lambda: None)


def test_the_clock_passes_over_nothing_and_never_goes_back() -> None:
    engine = Engine()
    engine.plan(4.0, Rank.COMMAND, "x", lambda: None)
    with pytest.raises(ValueError, match="cannot skip"):
        engine.move_to(4.5)
    engine.run_instant()
    engine.move_to(1.0)
    assert engine.now_s() == 4.0
