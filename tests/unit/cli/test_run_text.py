"""What ``heddle run`` prints and draws."""

from __future__ import annotations

import numpy as np

from heddle.cli.run_text import run_text
from heddle.cli.run_timeline import run_timeline
from heddle.runtime.core.backend import Span
from heddle.runtime.replay.results import Blocks, ClientResult, Preemptions, Requests, RunResult
from heddle.runtime.replay.window import Window

MS = 1_000_000


def client(name: str, latencies_ms: list[float], *, num_failed: int = 0) -> ClientResult:
    ended = np.array([round(one * MS) for one in latencies_ms], dtype=np.int64)
    zeros = np.zeros_like(ended)
    return ClientResult(
        id=name,
        network="vgg",
        is_real_time=name.endswith("_rt"),
        requests=Requests(zeros, zeros, ended, zeros),
        alone_ms=4.0,
        num_unfinished=2,
        num_failed=num_failed,
    )


def result(*clients: ClientResult, spans: tuple[Span, ...] = ()) -> RunResult:
    marks_ns = np.array([[5_000, 5_000, 6_000, 8_000, 11_000]], dtype=np.int64) + 1_000_000
    return RunResult(
        device="sim:MI50",
        label="simulated",
        policy="wait",
        workload="A",
        seconds=2.0,
        seed=1,
        clients=clients,
        preemptions=Preemptions(7, np.array([0]), marks_ns[:, 0], marks_ns),
        blocks=Blocks(1000, 20, 10),
        remarks=("x names no network; it ran vgg",),
        spans=spans,
        queues={0: "a_rt", 1: "b_be"},
        start_ns=500,
    )


def test_the_table_has_a_line_a_client_and_says_what_the_times_are_worth() -> None:
    text = run_text(result(client("a_rt", [4.0, 5.0, 6.0]), client("b_be", [8.0], num_failed=1)))
    assert text.startswith("A on sim:MI50, policy wait: 2 s, seed 1; times are simulated")
    row = next(line for line in text.splitlines() if line.startswith("a_rt"))
    assert row.split() == [
        "a_rt", "rt", "vgg", "3", "1.5", "5", "5", "6", "6", "4", "+25.0", "%", "+20.0", "%"
    ]  # fmt: skip
    assert "throughput: 2/s, of which real-time 1.5/s and best-effort 0.5/s" in text
    assert "preemptions: 7; until the first real-time block p50 6 µs, p99 6 µs" in text
    assert "drain 2/2, launch 3/3" in text
    assert "blocks: 1,000 run, 20 lost to kills, 10 run again" in text


def test_what_went_wrong_is_told_below() -> None:
    lines = run_text(result(client("a_rt", []), client("b_be", [8.0], num_failed=1))).splitlines()
    assert lines[-4:] == [
        "a_rt: 2 requests due and not over at the end",
        "b_be: 2 requests due and not over at the end",
        "b_be: 1 request failed",
        "x names no network; it ran vgg",
    ]


def test_the_picture_holds_what_lies_in_the_window() -> None:
    spans = tuple(
        Span(at_ns + 500, at_ns + 60_500, unit, 0, unit % 2, 0, 0, 0, 2)
        for unit in range(40)
        for at_ns in (0, 1_000_000, 5_000_000)
    )
    asked = result(client("a_rt", [4.0]), client("b_be", [8.0]), spans=spans)
    chart = run_timeline(asked, Window(900_000, 1_200_000))
    assert len(chart.units) == 16
    assert chart.note.startswith("16 of 40 multiprocessors")
    assert {bar.begin_us for bar in chart.bars} == {1000.0}
    assert {chart.clients[bar.client].is_real_time for bar in chart.bars} == {True, False}
    assert chart.preemptions[0].arrived_us == 1005.0
    assert "a_rt +0.0 % over alone" in chart.subtitle


def test_a_window_without_spans_says_so() -> None:
    chart = run_timeline(result(client("a_rt", [4.0])), Window(0, 10))
    assert (chart.units, chart.bars) == ((), ())
    assert chart.note == "Nothing was recorded in this window."
