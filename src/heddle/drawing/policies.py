"""Policies compared: what each costs real-time work, and what it gets done in all.

One panel a workload. Down is better for real-time work, right is more work done. Drawn by
``scripts/draw-pictures`` from the record of ``heddle bench runtime``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heddle.drawing.chart import Scale, horizontal_grid, round_ticks, tick_text, vertical_grid
from heddle.drawing.palette import RULE, shade
from heddle.drawing.svg import Box, Page, Point, Stroke, circle, document, group, label, line, rect
from heddle.drawing.typography import FAINT, Font

_MARGIN = 36.0
_PANEL_WIDTH, _PANEL_HEIGHT = 330.0, 280.0
_LEFT, _TOP, _FOOT = 62.0, 56.0, 64.0
_IN_A_ROW = 3
_HEADER = 128.0
_LEAST, _MOST = 0.1, 1000.0
_TICKS = [(0.1, "0.1 %"), (1.0, "1 %"), (10.0, "10 %"), (100.0, "100 %"), (1000.0, "1000 %")]
_RADIUS = 5.0
_TITLE = Font(22, is_bold=True)
_HEADING = Font(13, is_bold=True)
_BODY = Font(12)
_REMARK = Font(12, colour=FAINT)
_FRAME = Stroke(RULE, 0.75)
_RING = Stroke("#ffffff", 1.0)


@dataclass(frozen=True, slots=True)
class PolicyPoint:
    """One policy on one workload.

    ``over_percent`` is the mean real-time latency above that of real-time work alone; below 0.1 %
    it is drawn at 0.1 %. ``throughput`` is all requests finished, over those of real-time work
    alone.
    """

    workload: str
    policy: str
    over_percent: float
    throughput: float


@dataclass(frozen=True, slots=True)
class PolicyChart:
    """What is drawn, with a title and a line on what the numbers are worth."""

    title: str
    remark: str
    points: Sequence[PolicyPoint]

    def workloads(self) -> list[str]:
        """The panels, in the order of the points."""
        return list(dict.fromkeys(point.workload for point in self.points))

    def policies(self) -> list[str]:
        """Their names, in the order of the points."""
        return list(dict.fromkeys(point.policy for point in self.points))


def policies_svg(chart: PolicyChart) -> str:
    """The picture as SVG text; the same chart always gives the same bytes."""
    workloads = chart.workloads()
    num_rows = -(-len(workloads) // _IN_A_ROW)
    width = 2 * _MARGIN + _IN_A_ROW * _PANEL_WIDTH
    body = [
        label(Point(_MARGIN, 48), chart.title, _TITLE),
        label(Point(_MARGIN, 72), chart.remark, _REMARK),
        *_legend(chart, Point(_MARGIN, 102)),
    ]
    for place, workload in enumerate(workloads):
        row, column = divmod(place, _IN_A_ROW)
        corner = Point(_MARGIN + column * _PANEL_WIDTH, _HEADER + row * _PANEL_HEIGHT)
        body += _panel(chart, workload, corner)
    page = Page(width, _HEADER + num_rows * _PANEL_HEIGHT + 8, chart.title, chart.remark)
    return document(page, (), [part for part in body if part])


def _legend(chart: PolicyChart, at: Point) -> Iterator[str]:
    pitch = (_IN_A_ROW * _PANEL_WIDTH) / max(1, -(-len(chart.policies()) // 2))
    for place, policy in enumerate(chart.policies()):
        row, column = place % 2, place // 2
        x, y = at.x + column * pitch, at.y + 20 * row
        yield circle(Point(x + _RADIUS, y - 4), _RADIUS, shade(place).colour)
        yield label(Point(x + 16, y), f"{place + 1} {policy}", _BODY)


def _panel(chart: PolicyChart, workload: str, corner: Point) -> Iterator[str]:
    points = [point for point in chart.points if point.workload == workload]
    plot = Box(
        corner.x + _LEFT,
        corner.y + _TOP,
        _PANEL_WIDTH - _LEFT - 16,
        _PANEL_HEIGHT - _TOP - _FOOT,
    )
    ticks = round_ticks(max(point.throughput for point in points), 4)
    across = Scale(0.0, ticks[-1], plot.x, plot.right)
    up = Scale(_LEAST, _MOST, plot.bottom, plot.y, is_log=True)
    yield label(Point(plot.x, plot.y - 14), f"workload {workload}", _HEADING)
    yield from vertical_grid(across, [(tick, f"{tick_text(tick)} ×") for tick in ticks], plot)
    yield from horizontal_grid(up, _TICKS, plot)
    yield rect(plot, "none", stroke=_FRAME)
    yield label(Point(plot.middle, plot.bottom + 34), "requests in all", _REMARK, anchor="middle")
    order = chart.policies()
    for point in points:
        yield _mark(
            point,
            order.index(point.policy),
            Point(across.at(point.throughput), up.at(max(point.over_percent, _LEAST))),
        )


def _mark(point: PolicyPoint, place: int, at: Point) -> str:
    tip = f"{point.policy}: {point.over_percent:+.1f} %, {point.throughput:.2f} ×"
    return group(
        tip,
        line(at, Point(at.x + 8, at.y - 8), _FRAME),
        circle(at, _RADIUS, shade(place).colour, _RING),
        label(Point(at.x + 9, at.y - 7), str(place + 1), Font(10.5)),
    )
