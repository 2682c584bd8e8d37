"""Preemptions on a device's timeline: where each is, and one of them step by step.

``device_timeline`` places them. A preemption has two tracks, since real-time blocks may begin
before the last best-effort block has left: what the real-time request waits for, and how long
best-effort blocks take to leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from heddle.drawing.chart import Scale
from heddle.drawing.device_timeline_chart import DeviceTimeline, TimelinePreemption
from heddle.drawing.svg import Box, Point, Stroke, element, label, line, number, rect
from heddle.drawing.typography import INK, Font, text_width

#: The height of :func:`draw_steps` above its rows.
STEPS_HEIGHT = 92.0
MARK = "#b3261e"
_LINE = Stroke(MARK, 1.25)
_DASHED = Stroke(INK, 1.0, "3 3")
_BODY = Font(12)
_SMALL = Font(11)
_STRIP = 11.0
_COLOURS = {"notice": "#5f6b7a", "flag": "#b3261e", "drain": "#d9b38c", "launch": "#4393c3"}


class _Step(NamedTuple):
    """One part of a preemption on a track."""

    name: str
    begin_us: float
    end_us: float


def draw_instants(chart: DeviceTimeline, box: Box, scale: Scale) -> Iterator[str]:
    """Yield a flag and a line for every preemption in the window."""
    last_x = -1e9
    for one in chart.preemptions:
        x = scale.at(one.arrived_us)
        if not box.x <= x <= box.right or not chart.begin_us <= one.arrived_us <= chart.end_us:
            continue
        yield line(Point(x, box.y - 4), Point(x, box.bottom), _LINE)
        yield _flag(Point(x, box.y - 4))
        text = f"preemption: {time_text(one.started_us - one.arrived_us)}"
        if x - last_x > text_width(text, _SMALL) + 16:
            yield _beside(Point(x, box.y - 6), text, box)
            last_x = x


def draw_steps(one: TimelinePreemption, box: Box, scale: Scale) -> Iterator[str]:
    """Yield the tracks of one preemption above the rows in ``box``, and its instants in them."""
    top = box.y - STEPS_HEIGHT
    ready_us = _ready_us(one)
    request = [
        _Step("notice", one.arrived_us, one.noticed_us),
        _Step("flag", one.noticed_us, one.flagged_us),
        _Step("drain", one.flagged_us, ready_us),
        _Step("launch", ready_us, one.started_us),
    ]
    waited = time_text(one.started_us - one.arrived_us)
    left = time_text(one.drained_us - one.flagged_us)
    instants = {
        one.arrived_us: _LINE, one.flagged_us: _DASHED, one.drained_us: _DASHED,
        one.started_us: _LINE,
    }  # fmt: skip
    for at_us, stroke in instants.items():
        if at_us <= scale.high:
            yield line(Point(scale.at(at_us), top + 22), Point(scale.at(at_us), box.bottom), stroke)
    yield from _track(request, top + 22, f"first real-time block after {waited}", box, scale)
    drain = [_Step("drain", one.flagged_us, one.drained_us)]
    yield from _track(drain, top + 58, f"last best-effort block that left: {left}", box, scale)
    yield _flag(Point(scale.at(one.arrived_us), top + 22))


def draw_steps_legend(one: TimelinePreemption, at: Point) -> Iterator[str]:
    """Yield the parts with their colours and times, from a point to the right."""
    ready_us = _ready_us(one)
    parts = {
        "notice": one.noticed_us - one.arrived_us,
        "flag": one.flagged_us - one.noticed_us,
        "drain": one.drained_us - one.flagged_us,
        "launch": max(0.0, one.started_us - ready_us),
    }
    x = at.x
    for name, length_us in parts.items():
        text = f"{name} {time_text(length_us)}"
        yield rect(Box(x, at.y - 10, 14, 11), _COLOURS[name])
        yield label(Point(x + 19, at.y), text, _BODY)
        x += 19 + text_width(text, _BODY) + 18


def time_text(length_us: float) -> str:
    """Microseconds with as many decimals as say something."""
    return f"{length_us:,.0f} µs" if abs(length_us) >= 100 else f"{round(length_us, 1):g} µs"


def _ready_us(one: TimelinePreemption) -> float:
    """When nothing but the launch was to come: the flag, where no block had to leave first."""
    return one.drained_us if one.drained_us <= one.started_us else one.flagged_us


def _track(steps: list[_Step], top: float, words: str, box: Box, scale: Scale) -> Iterator[str]:
    for step in steps:
        left, right = scale.at(step.begin_us), scale.at(step.end_us)
        if step.end_us > step.begin_us:
            yield rect(Box(left, top, max(right - left, 1.0), _STRIP), _COLOURS[step.name])
    start, end = scale.at(steps[0].begin_us), scale.at(steps[-1].end_us)
    width = text_width(words, _BODY)
    if width <= box.right - end - 12:
        yield rect(Box(end + 5, top - 2, width, _STRIP + 5), "#ffffff")
        yield label(Point(end + 8, top + _STRIP - 1), words, _BODY)
    else:
        yield label(Point(start, top - 4), words, _BODY, max_width=box.right - start)


def _flag(at: Point) -> str:
    points = [Point(at.x, at.y), Point(at.x - 5, at.y - 8), Point(at.x + 5, at.y - 8)]
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return element("polygon", {"points": joined, "fill": MARK})


def _beside(at: Point, text: str, box: Box) -> str:
    """The words to the right of a flag, or to its left at the right edge."""
    if at.x + 10 + text_width(text, _SMALL) <= box.right:
        return label(Point(at.x + 9, at.y), text, _SMALL)
    return label(Point(at.x - 9, at.y), text, _SMALL, anchor="end")
