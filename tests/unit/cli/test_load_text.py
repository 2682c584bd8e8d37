"""What ``heddle load`` prints and draws."""

from __future__ import annotations

import pytest

from heddle.cli.load_text import load_chart, load_text
from heddle.serving.load.open_loop import Sent
from heddle.serving.load.summary import summary_of

KIND = "poisson arrivals, 50/s for 2 s"


def answered(due_s: float, latency_ms: float) -> Sent:
    return Sent(due_s, due_s + latency_ms / 1000, 200, is_right=True)


def failed(due_s: float, status: int, reason: str) -> Sent:
    return Sent(due_s, due_s + 0.01, status, is_right=False, reason=reason)


SENT = [answered(0.0, 5.0), answered(0.5, 5.0), answered(1.0, 80.0), failed(1.5, 503, "busy")]


def test_counts_latencies_and_rates_are_one_line_each() -> None:
    lines = load_text("nap", KIND, summary_of(SENT, 2.0, 50.0)).splitlines()
    assert lines[:3] == [
        f"nap: {KIND}", "4 requests sent, 3 answered, 1 failed", "  1 x 503: busy"
    ]  # fmt: skip
    assert lines[3].startswith("latency, from when a request was due: p50 5 ms, p95 80 ms")
    assert lines[3].endswith("longest 80 ms")
    assert lines[4] == "rate: 2/s asked, 1/s answered within the limit of 50 ms (50.0 %)"


def test_without_a_limit_all_right_answers_count() -> None:
    last = load_text("nap", KIND, summary_of(SENT, 2.0, None)).splitlines()[-1]
    assert last == "rate: 2/s asked, 1.5/s answered"


def test_a_load_without_an_answer_says_so() -> None:
    text = load_text("nap", KIND, summary_of([failed(0.0, 0, "reset")], 1.0, None))
    assert "1 request sent, 0 answered, 1 failed" in text
    assert "nothing was answered" in text


def test_the_chart_covers_the_whole_load_without_gaps() -> None:
    chart = load_chart("nap", KIND, summary_of(SENT, 2.0, 50.0))
    assert chart.slo_ms == 50.0
    assert chart.moments[0].begin_s == 0.0
    assert chart.moments[-1].end_s == pytest.approx(2.0)
    ends = [moment.end_s for moment in chart.moments[:-1]]
    assert ends == [moment.begin_s for moment in chart.moments[1:]]
    due = sum(one.due_rps * (one.end_s - one.begin_s) for one in chart.moments)
    assert due == pytest.approx(len(SENT))
