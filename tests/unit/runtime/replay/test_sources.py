"""Where requests come from: schedules, closed loops, other clients."""

from __future__ import annotations

import numpy as np

from heddle.runtime.replay.sources import Chained, ClosedLoop, Due, NewestFirst, Schedule

TIMES = np.array([0, 10, 20, 30, 40], dtype=np.int64)


def test_a_schedule_is_submitted_ahead_as_far_as_there_is_room() -> None:
    source = Schedule(TIMES)
    assert source.take(0, 25, room=2) == [Due(0, 0), Due(1, 10)]
    assert source.take(0, 25, room=2) == [Due(2, 20)]
    assert source.take(0, 25, room=2) == []
    assert source.take(30, 100, room=0) == []
    assert source.take(30, 100, room=9) == [Due(3, 30), Due(4, 40)]


def test_a_late_client_gives_up_what_is_older_than_the_newest() -> None:
    source = NewestFirst("a", TIMES)
    assert source.take(0, 100, room=9) == [Due(0, 0)]
    assert source.take(5, 100, room=9) == []
    source.ended("b", 0)
    assert source.take(33, 100, room=9) == []
    source.ended("a", 0)
    assert source.take(33, 100, room=9) == [Due(1, 30)]
    assert source.num_skipped() == 2
    source.ended("a", 1)
    assert source.take(34, 40, room=9) == []
    assert source.take(34, 41, room=9) == [Due(2, 40)]
    assert source.num_skipped() == 2


def test_a_closed_loop_waits_for_its_own_answer() -> None:
    source = ClosedLoop("a")
    assert source.take(3, 100, room=9) == [Due(0, 3)]
    source.ended("b", 0)
    assert source.take(4, 100, room=9) == []
    source.ended("a", 0)
    assert source.take(100, 100, room=9) == []
    assert source.take(5, 100, room=9) == [Due(1, 5)]


def test_a_chained_request_comes_when_all_of_its_number_are_over() -> None:
    source = Chained(("a", "b"))
    source.ended("a", 0)
    source.ended("a", 1)
    source.ended("c", 0)
    assert source.take(7, 100, room=9) == []
    source.ended("b", 1)
    assert source.take(8, 100, room=9) == [Due(1, 8)]
    source.ended("b", 0)
    assert source.take(9, 100, room=9) == [Due(0, 9)]
