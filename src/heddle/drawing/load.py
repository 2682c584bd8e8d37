"""A load on a service over time: latency against its limit, and requests answered.

Drawn by ``heddle load --svg``; the records are plain, the CLI fills them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from heddle.drawing.chart import (
    TICK_FONT,
    Scale,
    horizontal_grid,
    round_ticks,
    tick_text,
    vertical_grid,
)
from heddle.drawing.figures import latency_text
from heddle.drawing.palette import BOUND, MISSED, shade
from heddle.drawing.svg import (
    Box,
    Page,
    Point,
    Stroke,
    document,
    group,
    label,
    line,
    polyline,
    rect,
)
from heddle.drawing.time_axis import time_ticks
from heddle.drawing.typography import FAINT, Font, text_width

_WIDTH, _HEIGHT = 1160.0, 620.0
_MARGIN = 40.0
_LEFT = _MARGIN + 44
_UPPER = Box(_LEFT, 160.0, _WIDTH - 2 * _MARGIN - 44, 220.0)
_LOWER = Box(_LEFT, 430.0, _WIDTH - 2 * _MARGIN - 44, 140.0)
_TITLE = Font(24, is_bold=True)
_BODY = Font(12.5)
_REMARK = Font(12, colour=FAINT)
_MEDIAN = Stroke(shade(0).colour, 2.0)
_TAIL = Stroke(shade(5).colour, 2.0)
_LIMIT = Stroke(BOUND, 1.5, "6 4")
_DUE = Stroke(BOUND, 1.25)
_ANSWERED = shade(0).colour
_SIGN_WIDTH = 26.0


class LoadMoment(NamedTuple):
    """A short part of the load; rates in requests/s, latencies None without answers."""

    begin_s: float
    end_s: float
    due_rps: float
    answered_rps: float
    failed_rps: float
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class LoadChart:
    """What is drawn; ``marks`` are times with a word, such as the begin of a transition."""

    title: str
    subtitle: str
    slo_ms: float | None
    moments: tuple[LoadMoment, ...]
    marks: tuple[tuple[float, str], ...] = ()


def load_svg(chart: LoadChart) -> str:
    """Return the picture."""
    end_s = chart.moments[-1].end_s if chart.moments else 1.0
    x = Scale(0.0, end_s, _LEFT, _UPPER.right)
    room = _WIDTH - 2 * _MARGIN
    body = [
        label(Point(_MARGIN, 50), chart.title, _TITLE, max_width=room),
        label(Point(_MARGIN, 76), chart.subtitle, _REMARK, max_width=room),
        *_legend(chart, Point(_MARGIN, 110)),
        *_latencies(chart, x),
        *_rates(chart, x),
        *_marks(chart, x),
    ]
    said = f"{chart.title}: {chart.subtitle}"
    return document(Page(_WIDTH, _HEIGHT, chart.title, said), (), body)


def load_html(chart: LoadChart) -> str:
    """Return the picture as a page of its own."""
    picture = load_svg(chart).partition("\n")[2]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>heddle load</title>\n<body>\n{picture}</body>\n</html>\n"
    )


def _latencies(chart: LoadChart, x: Scale) -> Iterator[str]:
    found = [m.p99_ms for m in chart.moments if m.p99_ms is not None]
    ticks = round_ticks(max([*found, chart.slo_ms or 0.0, 0.001]))
    y = Scale(0.0, ticks[-1], _UPPER.bottom, _UPPER.y)
    yield label(Point(_LEFT - 6, _UPPER.y - 12), "ms", TICK_FONT, anchor="end")
    yield from horizontal_grid(y, [(tick, tick_text(tick)) for tick in ticks], _UPPER)
    if chart.slo_ms is not None:
        at = y.at(chart.slo_ms)
        yield line(Point(_LEFT, at), Point(_UPPER.right, at), _LIMIT)
    for read, stroke, name in ((_p99, _TAIL, "p99"), (_p50, _MEDIAN, "p50")):
        for run in _runs(chart.moments, read):
            places = [Point(x.at((m.begin_s + m.end_s) / 2), y.at(value)) for m, value in run]
            if len(places) == 1:
                places.append(Point(places[0].x + 1, places[0].y))
            yield group(name, polyline(places, stroke))


def _rates(chart: LoadChart, x: Scale) -> Iterator[str]:
    most = max((max(m.due_rps, m.answered_rps + m.failed_rps) for m in chart.moments), default=1.0)
    ticks = round_ticks(max(most, 0.001), 4)
    y = Scale(0.0, ticks[-1], _LOWER.bottom, _LOWER.y)
    yield label(Point(_LEFT - 6, _LOWER.y - 12), "requests/s", TICK_FONT, anchor="start")
    yield from horizontal_grid(y, [(tick, tick_text(tick)) for tick in ticks], _LOWER)
    yield from vertical_grid(x, time_ticks(x.high), _LOWER)
    for moment in chart.moments:
        yield from _bar(moment, x, y)
    yield polyline(_steps(chart.moments, x, y), _DUE)


def _bar(moment: LoadMoment, x: Scale, y: Scale) -> Iterator[str]:
    left, right = x.at(moment.begin_s), x.at(moment.end_s)
    top = y.at(moment.answered_rps)
    yield rect(Box(left + 0.5, top, right - left - 1, _LOWER.bottom - top), _ANSWERED)
    if moment.failed_rps:
        above = y.at(moment.answered_rps + moment.failed_rps)
        yield rect(Box(left + 0.5, above, right - left - 1, max(top - above, 2.0)), MISSED)


def _steps(moments: Iterable[LoadMoment], x: Scale, y: Scale) -> Iterator[Point]:
    for moment in moments:
        yield Point(x.at(moment.begin_s), y.at(moment.due_rps))
        yield Point(x.at(moment.end_s), y.at(moment.due_rps))


def _marks(chart: LoadChart, x: Scale) -> Iterator[str]:
    for at_s, word in chart.marks:
        at = x.at(at_s)
        yield line(Point(at, _UPPER.y - 6), Point(at, _LOWER.bottom), Stroke(BOUND, 1.0, "2 3"))
        yield label(Point(at + 4, _UPPER.y - 8), word, _REMARK)


def _legend(chart: LoadChart, at: Point) -> Iterator[str]:
    entries = [("p50", _MEDIAN), ("p99", _TAIL)]
    if chart.slo_ms is not None:
        entries.append((f"limit {latency_text(chart.slo_ms)} ms", _LIMIT))
    entries += [("due", _DUE), ("answered", Stroke(_ANSWERED, 8.0))]
    if any(moment.failed_rps for moment in chart.moments):
        entries.append(("failed", Stroke(MISSED, 8.0)))
    x = at.x
    for name, stroke in entries:
        yield line(Point(x, at.y - 4), Point(x + _SIGN_WIDTH, at.y - 4), stroke)
        yield label(Point(x + _SIGN_WIDTH + 7, at.y), name, _BODY)
        x += _SIGN_WIDTH + 7 + text_width(name, _BODY) + 20


def _p50(moment: LoadMoment) -> float | None:
    return moment.p50_ms


def _p99(moment: LoadMoment) -> float | None:
    return moment.p99_ms


def _runs(
    moments: Iterable[LoadMoment], read: Callable[[LoadMoment], float | None]
) -> Iterator[list[tuple[LoadMoment, float]]]:
    """Yield the parts without a gap, with their values."""
    run: list[tuple[LoadMoment, float]] = []
    for moment in moments:
        value = read(moment)
        if value is not None:
            run.append((moment, value))
        elif run:
            yield run
            run = []
    if run:
        yield run
