"""A device as a picture: whose blocks ran on each multiprocessor, and how preemptions went.

Above the whole window, below it one preemption from close by. Drawn by ``heddle run --svg`` from
the records of ``device_timeline_chart``.
"""

from __future__ import annotations

from collections.abc import Iterator

from heddle.drawing.chart import Scale, vertical_grid
from heddle.drawing.device_timeline_chart import DeviceTimeline, TimelinePreemption
from heddle.drawing.device_timeline_marks import (
    STEPS_HEIGHT,
    draw_instants,
    draw_steps,
    draw_steps_legend,
)
from heddle.drawing.device_timeline_rows import GROUND, LOST, colours_of, definitions, draw_row
from heddle.drawing.svg import Box, Page, Point, document, label, rect
from heddle.drawing.typography import FAINT, Font, text_width

_WIDTH = 1280.0
_MARGIN = 40.0
_LEFT = 96.0
_TITLE = Font(24, is_bold=True)
_HEADING = Font(14, is_bold=True)
_BODY = Font(12.5)
_REMARK = Font(12, colour=FAINT)
_NAME = Font(10, colour=FAINT)
_ROWS_TOP = 186.0
_PLOT_WIDTH = _WIDTH - _LEFT - _MARGIN
_GAP = 3.0
_AXIS = 40.0
#: The part of a closer look that a preemption takes, and the least it shows, microseconds.
_LEAST_LOOK_US = 12.0
_BEFORE, _AFTER = 0.35, 0.9
_LONGEST_LOOK_US = 400.0


def device_timeline_svg(chart: DeviceTimeline) -> str:
    """The picture as SVG text; the same chart always gives the same bytes."""
    overview = _rows_box(_ROWS_TOP, len(chart.units), _pitch(len(chart.units)))
    body = [
        label(Point(_MARGIN, 50), chart.title, _TITLE, max_width=_WIDTH - 2 * _MARGIN),
        label(Point(_MARGIN, 76), chart.subtitle, _REMARK, max_width=_WIDTH - 2 * _MARGIN),
        *_legend(chart, Point(_MARGIN, 112)),
        *_overview(chart, overview),
    ]
    bottom = overview.bottom + _AXIS
    closer = _closest(chart)
    if closer is not None:
        look = _rows_box(bottom + 52 + STEPS_HEIGHT, len(chart.units), _pitch(len(chart.units)))
        body.extend(_closer_look(chart, closer, look))
        bottom = look.bottom + _AXIS
    body.append(label(Point(_MARGIN, bottom + 8), chart.note, _REMARK, max_width=_PLOT_WIDTH))
    page = Page(_WIDTH, bottom + 28, chart.title, f"{chart.title}: {chart.subtitle}")
    return document(page, definitions(), [part for part in body if part])


def _pitch(num_units: int) -> float:
    return max(9.0, min(26.0, 260.0 / max(1, num_units)))


def _rows_box(top: float, num_units: int, pitch: float) -> Box:
    return Box(_LEFT, top, _PLOT_WIDTH, max(1, num_units) * pitch)


def _legend(chart: DeviceTimeline, at: Point) -> Iterator[str]:
    """Yield the clients, real-time ones first line, best-effort ones second."""
    colours = colours_of(chart)
    for kind, is_real_time in enumerate((True, False)):
        y = at.y + 22 * kind
        x = at.x
        word = "real-time" if is_real_time else "best-effort"
        yield label(Point(x, y), word, Font(12.5, is_bold=True))
        x += 90
        for client, colour in zip(chart.clients, colours, strict=True):
            if client.is_real_time != is_real_time:
                continue
            yield rect(Box(x, y - 11, 16, 13), colour)
            yield label(Point(x + 21, y), client.name, _BODY)
            x += 21 + text_width(client.name, _BODY) + 18
        if is_real_time:
            continue
        yield rect(Box(x, y - 11, 16, 13), GROUND)
        yield label(Point(x + 21, y), "idle", _BODY)
        if any(bar.is_lost for bar in chart.bars):
            x += 21 + text_width("idle", _BODY) + 18
            yield rect(Box(x, y - 11, 16, 13), LOST)
            yield label(Point(x + 21, y), "killed: its work is lost", _BODY)


def _overview(chart: DeviceTimeline, box: Box) -> Iterator[str]:
    scale = Scale(chart.begin_us, chart.end_us, box.x, box.right)
    yield label(Point(_MARGIN, box.y - 8), "multiprocessor", _NAME)
    yield from _rows(chart, box, scale)
    yield from _axis(box, scale, chart.begin_us)
    yield from draw_instants(chart, box, scale)


def _closer_look(chart: DeviceTimeline, one: TimelinePreemption, box: Box) -> Iterator[str]:
    length_us = min(max(one.last_us - one.arrived_us, _LEAST_LOOK_US), _LONGEST_LOOK_US)
    begin_us, end_us = (
        one.arrived_us - _BEFORE * length_us,
        one.arrived_us + length_us * (1 + _AFTER),
    )
    scale = Scale(begin_us, end_us, box.x, box.right)
    y = box.y - STEPS_HEIGHT - 26
    heading = "One preemption from close by"
    yield label(Point(_MARGIN, y), heading, _HEADING)
    yield from draw_steps_legend(one, Point(_MARGIN + text_width(heading, _HEADING) + 24, y))
    yield from _rows(chart, box, scale)
    yield from _axis(box, scale, one.arrived_us)
    yield from draw_steps(one, box, scale)


def _closest(chart: DeviceTimeline) -> TimelinePreemption | None:
    """The first preemption in the window; None without one."""
    inside = (p for p in chart.preemptions if chart.begin_us <= p.arrived_us < chart.end_us)
    return next(inside, None)


def _rows(chart: DeviceTimeline, box: Box, scale: Scale) -> Iterator[str]:
    pitch = box.height / max(1, len(chart.units))
    gap = min(_GAP, pitch / 5)
    for row, name in enumerate(chart.units):
        place = Box(box.x, box.y + row * pitch, box.width, pitch - gap)
        yield from draw_row(row, chart, place, scale)
        yield label(Point(box.x - 8, place.y + place.height / 2 + 3.5), name, _NAME, anchor="end")


def _axis(box: Box, scale: Scale, zero_us: float) -> Iterator[str]:
    """Yield round ticks in microseconds from ``zero_us`` on, and to its left."""
    step = _step(scale.high - scale.low)
    first = -int((zero_us - scale.low) / step)
    last = int((scale.high - zero_us) / step)
    ticks = [(zero_us + i * step, _tick_text(i * step)) for i in range(first, last + 1)]
    yield from vertical_grid(scale, ticks, box)
    since = "since the request came" if zero_us > scale.low else "since the start of the window"
    yield label(Point(box.right, box.bottom + 31), f"µs {since}", _NAME, anchor="end")


def _tick_text(at_us: float) -> str:
    return f"{at_us:,.0f}" if abs(at_us) >= 10 else f"{round(at_us, 3):g}"


def _step(length_us: float) -> float:
    power = 1e-3
    while True:
        for factor in (1.0, 2.0, 5.0):
            if length_us / (factor * power) <= 12:
                return factor * power
        power *= 10
