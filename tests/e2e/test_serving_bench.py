"""A quick part of ``heddle bench serving`` on real processes: what it counts, not how fast."""

from __future__ import annotations

from heddle.benchmarks.serving_moves import measure_moves


def test_transitions_under_load_lose_nothing_and_keep_the_floors() -> None:
    told: list[str] = []
    measured = measure_moves(seed=1, is_quick=True, report=told.append)
    assert told == ["transition 1 of 2", "transition 2 of 2"]
    failed, ready, _ = measured.figures
    assert (failed.value, failed.is_met) == (0, True)
    assert ready.is_met
    moves = [row for row in measured.rows if row["part"] == "moves"]
    assert {row["service"] for row in moves} == {"red", "green", "blue"}
    assert all(int(row["sent"]) > 0 for row in moves)
    durations = {row["action"]: row for row in measured.rows if row["part"] == "durations"}
    assert {"start", "stop", "transition"} <= durations.keys()
    assert durations["transition"]["times"] == 3
