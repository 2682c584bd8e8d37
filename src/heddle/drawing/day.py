"""The GPUs in use over a day as step lines: one way to spend it beside others.

Drawn by ``heddle replan --svg``; the records are plain, the CLI fills them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from heddle.drawing.chart import (
    TICK_FONT,
    Scale,
    horizontal_grid,
    tick_text,
    vertical_grid,
    whole_ticks,
)
from heddle.drawing.palette import shade
from heddle.drawing.svg import (
    Box,
    Page,
    Point,
    Stroke,
    circle,
    document,
    group,
    label,
    line,
    polyline,
)
from heddle.drawing.typography import FAINT, Font, text_width

_WIDTH, _HEIGHT = 1160.0, 560.0
_MARGIN = 40.0
_PLOT = Box(_MARGIN + 44, 168.0, _WIDTH - 2 * _MARGIN - 44, _HEIGHT - 168.0 - 42.0)
_TITLE = Font(24, is_bold=True)
_BODY = Font(12.5)
_NAME = Font(12.5, is_bold=True)
_REMARK = Font(12, colour=FAINT)
_SIGN_WIDTH = 30.0
_HOUR_S = 3_600.0
#: Hours between ticks, and more than so many of them would crowd the axis.
_TICK_HOURS = (0.25, 0.5, 1.0, 2.0, 3.0, 6.0)
_MAX_TICKS = 13
#: The first line stands out; the dashes tell the others apart without their colours.
_FIRST = Stroke(shade(0).colour, 3.0)
_OTHERS = (
    Stroke(shade(5).colour, 1.75, "2 3"),
    Stroke(shade(2).colour, 1.75, "9 5"),
    Stroke(shade(3).colour, 1.75),
)
_MARK_RADIUS = 5.0
_GROWS = "move for demand"
_SAVES = "move for saving"


class Level(NamedTuple):
    """So many GPUs from one time to another, seconds since midnight."""

    begin_s: float
    end_s: float
    num_gpus: int


@dataclass(frozen=True, slots=True)
class DayLine:
    """A way to spend the day: its name, its total in words, its levels in order of time."""

    name: str
    total: str
    levels: tuple[Level, ...]


class DayMove(NamedTuple):
    """A move of the first line: when it begins, where it leads, and why."""

    at_s: float
    num_gpus: int
    is_growth: bool
    tip: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """What is drawn; the first line is the one that the moves belong to."""

    title: str
    subtitle: str
    begin_s: float
    end_s: float
    lines: tuple[DayLine, ...]
    moves: tuple[DayMove, ...]


def day_svg(chart: DayChart) -> str:
    """Return the picture: four lines at most, the first in front."""
    most = max((level.num_gpus for own in chart.lines for level in own.levels), default=1)
    ticks = whole_ticks(float(most), 6)
    x = Scale(chart.begin_s, chart.end_s, _PLOT.x, _PLOT.right)
    y = Scale(0.0, ticks[-1], _PLOT.bottom, _PLOT.y)
    room = _WIDTH - 2 * _MARGIN
    body = [
        label(Point(_MARGIN, 50), chart.title, _TITLE, max_width=room),
        label(Point(_MARGIN, 76), chart.subtitle, _REMARK, max_width=room),
        *_legend(chart, Point(_MARGIN, 110)),
        *horizontal_grid(y, [(tick, tick_text(tick)) for tick in ticks], _PLOT),
        *vertical_grid(x, _hours(chart), _PLOT),
        label(Point(_PLOT.x - 6, _PLOT.y - 10), "GPUs", TICK_FONT, anchor="end"),
    ]
    for index in reversed(range(len(chart.lines))):
        own = chart.lines[index]
        tip = f"{own.name}: {own.total}"
        body.append(group(tip, polyline(_steps(own, x, y), _stroke(index))))
    body.extend(_mark(move, Point(x.at(move.at_s), y.at(move.num_gpus))) for move in chart.moves)
    description = f"GPUs over the day: {', '.join(own.name for own in chart.lines)}"
    return document(Page(_WIDTH, _HEIGHT, chart.title, description), (), body)


def _stroke(index: int) -> Stroke:
    return _FIRST if index == 0 else _OTHERS[(index - 1) % len(_OTHERS)]


def _steps(own: DayLine, x: Scale, y: Scale) -> Iterator[Point]:
    for level in own.levels:
        yield Point(x.at(level.begin_s), y.at(level.num_gpus))
        yield Point(x.at(level.end_s), y.at(level.num_gpus))


def _hours(chart: DayChart) -> list[tuple[float, str]]:
    """Return the times of the axis with their labels."""
    length_h = (chart.end_s - chart.begin_s) / _HOUR_S
    step_h = next((h for h in _TICK_HOURS if length_h / h < _MAX_TICKS), _TICK_HOURS[-1])
    step_s = step_h * _HOUR_S
    number = -(-chart.begin_s // step_s)
    found = []
    while number * step_s <= chart.end_s:
        minutes = round(number * step_s / 60)
        found.append((number * step_s, f"{minutes // 60:02d}:{minutes % 60:02d}"))
        number += 1
    return found


def _mark(move: DayMove, at: Point) -> str:
    return group(move.tip, _disc(at, is_growth=move.is_growth))


def _disc(at: Point, *, is_growth: bool) -> str:
    fill = _FIRST.colour if is_growth else "#ffffff"
    return circle(at, _MARK_RADIUS, fill, Stroke(_FIRST.colour, 2.0))


def _legend(chart: DayChart, at: Point) -> Iterator[str]:
    """Yield the lines with what they mean, and below them the marks."""
    x = at.x
    for index, own in enumerate(chart.lines):
        yield line(Point(x, at.y - 4), Point(x + _SIGN_WIDTH, at.y - 4), _stroke(index))
        x += _SIGN_WIDTH + 7
        yield label(Point(x, at.y), own.name, _NAME)
        x += text_width(own.name, _NAME) + 6
        yield label(Point(x, at.y), own.total, _BODY)
        x += text_width(own.total, _BODY) + 18
    x, y = at.x + _SIGN_WIDTH / 2, at.y + 22
    for text, is_growth in ((_GROWS, True), (_SAVES, False)):
        yield _disc(Point(x, y - 4), is_growth=is_growth)
        yield label(Point(x + _SIGN_WIDTH / 2 + 7, y), text, _BODY)
        x += _SIGN_WIDTH + 7 + text_width(text, _BODY)
