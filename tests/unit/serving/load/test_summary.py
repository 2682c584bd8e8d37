"""What a load showed."""

import pytest

from heddle.serving.load.open_loop import Sent
from heddle.serving.load.summary import summary_of


def answered(due_s: float, latency_ms: float) -> Sent:
    return Sent(due_s, due_s + latency_ms / 1000, 200, is_right=True)


def failed(due_s: float, status: int, reason: str) -> Sent:
    return Sent(due_s, due_s + 0.01, status, is_right=False, reason=reason)


def test_percentiles_are_latencies_that_were_seen() -> None:
    summary = summary_of([answered(0.0, float(i)) for i in range(1, 101)], 1.0, None)
    assert summary.percentiles_ms == pytest.approx({50.0: 50.0, 95.0: 95.0, 99.0: 99.0})
    assert summary.max_ms == pytest.approx(100.0)


def test_an_answer_counts_towards_the_slo_only_when_it_is_right_and_in_time() -> None:
    sent = [answered(0.0, 5.0), answered(0.1, 50.0), failed(0.2, 503, "busy")]
    summary = summary_of(sent, 2.0, slo_ms=10.0)
    assert (summary.num_sent, summary.num_answered, summary.num_failed) == (3, 2, 1)
    assert summary.num_within == 1
    assert summary.attained_rps == 0.5
    assert summary.part_within == pytest.approx(1 / 3)


def test_failures_are_counted_by_their_reason() -> None:
    sent = [failed(0.0, 503, "busy"), failed(0.0, 503, "busy"), failed(0.0, 0, "reset")]
    assert summary_of(sent, 1.0, None).failures == {"503: busy": 2, "reset": 1}


def test_the_course_has_every_request_in_the_part_in_which_it_was_due() -> None:
    sent = [answered(0.1, 5.0), answered(0.9, 5.0), failed(1.0, 0, "reset")]
    course = summary_of(sent, 1.0, None, num_moments=2).moments
    assert [(m.begin_s, m.num_due, m.num_answered, m.num_failed) for m in course] == [
        (0.0, 1, 1, 0),
        (0.5, 2, 1, 1),
    ]


def test_a_load_without_requests_has_no_percentiles() -> None:
    summary = summary_of([], 1.0, 10.0)
    assert summary.percentiles_ms == {}
    assert summary.members()["latency_ms"] == {"max": None}
