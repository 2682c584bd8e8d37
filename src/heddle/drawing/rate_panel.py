"""The ready rate of every service over time, against what it is promised.

A small chart for each service: a few below each other on the time axis of the steps
above them, many side by side. ``gantt`` puts them below ``gantt_panel``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from heddle.drawing.chart import Scale
from heddle.drawing.figures import rate_text
from heddle.drawing.gantt_chart import CurvePoint, GanttChart, RateCurve
from heddle.drawing.palette import BOUND, MET, MISSED, RULE
from heddle.drawing.svg import (
    Box,
    Point,
    Stroke,
    circle,
    element,
    group,
    label,
    line,
    number,
    polyline,
)
from heddle.drawing.table import more_text
from heddle.drawing.time_axis import time_ticks
from heddle.drawing.typography import FAINT, Font, fitted_name

#: So many charts stand below each other; more stand side by side.
_MAX_WIDE = 6
_MAX_CHARTS = 36
_COLUMNS = 4
_GAP = 30.0
_HEADING = Font(13, is_bold=True)
_NAME = Font(12, is_bold=True)
_REMARK = Font(11, colour=FAINT)
_TICK = Font(10, colour=FAINT)
_FLOOR_TICK = Font(10, is_bold=True, colour=BOUND)
_BODY = Font(12)
FLOOR = Stroke(BOUND, 1.25, "5 3")
CURVE = Stroke(MET, 1.75)
AREA = "#e3ebf3"
_GRID = Stroke(RULE, 0.75)
_HEADING_HEIGHT = 32.0
_TITLE_HEIGHT = 38.0
_PLOT_HEIGHT = 56.0
_AXIS_HEIGHT = 18.0
_CHART_HEIGHT = _TITLE_HEIGHT + _PLOT_HEIGHT + _AXIS_HEIGHT + 12.0
_TICKS_WIDTH = 48.0
#: Above the highest value, as a part of it.
_HEADROOM = 1.08


class _Cell(NamedTuple):
    """A chart: its number, its curve, and where it is drawn."""

    number: str
    curve: RateCurve
    box: Box


class RatePanel:
    """The charts of all services.

    Parameters
    ----------
    chart
        Whose curves to draw.
    width
        Of the panel, pixels.
    gutter
        Width of the names that stand left of the time axis above it.
    """

    def __init__(self, chart: GanttChart, width: float, gutter: float) -> None:
        self._chart = chart
        self._width = width
        self._gutter = gutter
        self._shown = _most_important(chart.curves)
        self._num_columns = 1 if len(self._shown) <= _MAX_WIDE else _COLUMNS

    @property
    def height(self) -> float:
        """How high it is, with its heading."""
        if not self._shown:
            return 0.0
        num_rows = -(-len(self._shown) // self._num_columns)
        return _HEADING_HEIGHT + num_rows * _CHART_HEIGHT + 22 * bool(self._num_left_out)

    def draw(self, at: Point) -> Iterator[str]:
        """Yield the elements; ``at`` is the panel's upper left corner."""
        if not self._shown:
            return
        yield label(Point(at.x, at.y + 13), "Ready rate of each service, requests/s", _HEADING)
        for cell in self._cells(at):
            yield group(_tip(cell.curve), *self._draw_cell(cell))
        if self._num_left_out:
            text = f"{more_text(self._num_left_out, 'services')} further above their floors"
            yield label(Point(at.x, at.y + self.height - 6), text, _BODY)

    @property
    def _num_left_out(self) -> int:
        return len(self._chart.curves) - len(self._shown)

    def _cells(self, at: Point) -> Iterator[_Cell]:
        numbers = self._chart.numbers
        columns = self._num_columns
        width = (self._width - _GAP * (columns - 1)) / columns
        for index, curve in enumerate(self._shown):
            row, column = divmod(index, columns)
            x = at.x + column * (width + _GAP)
            y = at.y + _HEADING_HEIGHT + row * _CHART_HEIGHT
            yield _Cell(numbers[curve.service], curve, Box(x, y, width, _CHART_HEIGHT))

    def _draw_cell(self, cell: _Cell) -> Iterator[str]:
        box = cell.box
        left = self._gutter if self._num_columns == 1 else _TICKS_WIDTH
        plot = Box(box.x + left, box.y + _TITLE_HEIGHT, box.width - left, _PLOT_HEIGHT)
        x = plot.x if self._num_columns == 1 else box.x
        title = fitted_name(f"{cell.number}  {cell.curve.service}", box.right - x, _NAME)
        yield label(Point(x, box.y + 12), title, _NAME)
        yield label(Point(x, box.y + 28), _remark(cell.curve), _REMARK, max_width=box.right - x)
        yield from self._plot(cell.curve, plot)

    def _plot(self, curve: RateCurve, plot: Box) -> Iterator[str]:
        makespan_s = self._chart.makespan_s
        high = max([curve.floor_rps, *(point.rate_rps for point in curve.points)])
        time = Scale(0.0, makespan_s, plot.x, plot.right)
        rate = Scale(0.0, high * _HEADROOM or 1.0, plot.bottom, plot.y)
        for at_s, text in time_ticks(makespan_s, 10 if self._num_columns == 1 else 5):
            x = time.at(at_s)
            yield line(Point(x, plot.y), Point(x, plot.bottom), _GRID)
            yield label(Point(x, plot.bottom + 13), text, _TICK, anchor="middle")
        yield from _curve(curve, time, rate, makespan_s)
        yield from _floor(curve.floor_rps, rate, plot)
        yield from _ticks(curve.floor_rps, high, rate, plot)
        lowest = curve.lowest
        colour = MISSED if lowest.rate_rps < curve.floor_rps else BOUND
        at = Point(time.at(lowest.at_s), rate.at(lowest.rate_rps))
        yield circle(at, 3.25, colour, Stroke("#ffffff", 1))


def _most_important(curves: Sequence[RateCurve]) -> list[RateCurve]:
    """Return all, or those that come closest to their floors, in the given order."""
    ranked = sorted(
        range(len(curves)),
        key=lambda i: (curves[i].floor_rps == 0, _surplus(curves[i]), i),
    )
    return [curves[i] for i in sorted(ranked[:_MAX_CHARTS])]


def _surplus(curve: RateCurve) -> float:
    """Return what it has above its floor at the least, as a part of the floor."""
    return (curve.least_rps - curve.floor_rps) / curve.floor_rps if curve.floor_rps else 0.0


def _curve(curve: RateCurve, time: Scale, rate: Scale, makespan_s: float) -> Iterator[str]:
    outline = _outline(curve.points, makespan_s)
    points = [Point(time.at(at_s), rate.at(rate_rps)) for at_s, rate_rps in outline]
    area = [Point(points[0].x, rate.start), *points, Point(points[-1].x, rate.start)]
    joined = " ".join(f"{number(x)},{number(y)}" for x, y in area)
    yield element("polygon", {"points": joined, "fill": AREA})
    yield polyline(points, CURVE)


def _outline(points: Sequence[CurvePoint], makespan_s: float) -> list[CurvePoint]:
    """Return the corners of a curve that keeps its value until the next point."""
    corners: list[CurvePoint] = []
    for point in points:
        if corners:
            corners.append(CurvePoint(point.at_s, corners[-1].rate_rps))
        corners.append(point)
    return [*corners, CurvePoint(max(makespan_s, corners[-1].at_s), corners[-1].rate_rps)]


def _floor(floor_rps: float, rate: Scale, plot: Box) -> Iterator[str]:
    y = rate.at(floor_rps)
    yield line(Point(plot.x, plot.bottom), Point(plot.right, plot.bottom), _GRID)
    if floor_rps > 0:
        yield line(Point(plot.x, y), Point(plot.right, y), FLOOR)


def _ticks(floor_rps: float, high: float, rate: Scale, plot: Box) -> Iterator[str]:
    """Yield the values at the left: the floor, and 0 and the highest where they fit."""
    floor_y = rate.at(floor_rps)
    for value, font in ((floor_rps, _FLOOR_TICK), (0.0, _TICK), (high, _TICK)):
        y = rate.at(value)
        if font is _FLOOR_TICK or abs(y - floor_y) > 11:
            yield label(Point(plot.x - 6, y + 3.5), rate_text(value), font, anchor="end")


def _remark(curve: RateCurve) -> str:
    if not curve.floor_rps:
        return f"{_fate(curve)}, nothing promised"
    lowest = rate_text(curve.lowest.rate_rps)
    least = rate_text(curve.least_rps)
    late = f", {least} in any timing" if least != lowest else ""
    return f"floor {rate_text(curve.floor_rps)}, lowest {lowest}{late}"


def _fate(curve: RateCurve) -> str:
    if curve.points[0].rate_rps == 0:
        return "begins"
    return "ends" if curve.points[-1].rate_rps == 0 else "not required by both sides"


def _tip(curve: RateCurve) -> str:
    first, last = curve.points[0].rate_rps, curve.points[-1].rate_rps
    return f"{curve.service}: {rate_text(first)} to {rate_text(last)} requests/s\n{_remark(curve)}"
