"""How a network's rate grows with the instance: small charts side by side.

Drawn by ``heddle study``, one panel for each model and batch; the values are plain,
``workload.study`` finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.drawing.chart import (
    Scale,
    horizontal_grid,
    round_ticks,
    tick_text,
    vertical_grid,
    whole_ticks,
)
from heddle.drawing.figures import rate_text
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
from heddle.drawing.table import more_text
from heddle.drawing.typography import FAINT, Font, fitted_name, text_width

_MARGIN = 40.0
_GAP = 26.0
_TOP = 108.0
_PANEL_WIDTH = 282.0
_PANEL_HEIGHT = 232.0
_AXIS_LEFT = 48.0
_MAX_COLUMNS = 4
_MAX_PANELS = 48
_MEASURED = "measured"
_FITTED = "fitted"
_MODEL = "fitted model"
_TITLE = Font(24, is_bold=True)
_NAME = Font(12.5, is_bold=True)
_REMARK = Font(11, colour=FAINT)
_BODY = Font(12)
_AXES = Font(12, colour=FAINT)
_LINEAR = Stroke("#7b8794", 1.25, "5 4")
_COLOUR = shade(0).colour
_CURVE = Stroke(shade(1).colour, 2)


class ScalingPoint(NamedTuple):
    """A rate on an instance of so many compute slices, measured or fitted."""

    slices: float
    rate_rps: float
    is_fitted: bool = False


@dataclass(frozen=True, slots=True)
class ScalingPanel:
    """One chart.

    Attributes
    ----------
    title
        Which model and batch.
    points
        At least one; the dashed reference line goes through the smallest measured
        one and the origin.
    curve
        ``(slices, rate_rps)`` along the fitted model, ascending; may be empty.
    note
        What it shows in words, such as ``sub-linear, most per slice on 1g.10gb``.
    """

    title: str
    points: tuple[ScalingPoint, ...]
    curve: tuple[tuple[float, float], ...] = ()
    note: str = ""


def scaling_svg(panels: Sequence[ScalingPanel], title: str) -> str:
    """Return the charts in rows of four; beyond 48 panels the rest is counted."""
    shown = panels[:_MAX_PANELS]
    columns = min(_MAX_COLUMNS, max(1, len(shown)))
    width = max(900.0, 2 * _MARGIN + columns * (_PANEL_WIDTH + _GAP) - _GAP)
    rows = -(-len(shown) // columns)
    bottom = _TOP + rows * (_PANEL_HEIGHT + _GAP)
    body = [
        label(Point(_MARGIN, 50), title, _TITLE, max_width=width - 2 * _MARGIN),
        *_legend(Point(_MARGIN, 80)),
    ]
    for i, panel in enumerate(shown):
        row, column = divmod(i, columns)
        x = _MARGIN + column * (_PANEL_WIDTH + _GAP)
        y = _TOP + row * (_PANEL_HEIGHT + _GAP)
        body.extend(_panel(panel, Box(x, y, _PANEL_WIDTH, _PANEL_HEIGHT)))
    if len(panels) > len(shown):
        text = f"{more_text(len(panels) - len(shown), 'charts')} not drawn"
        body.append(label(Point(_MARGIN, bottom + 6), text, _BODY))
        bottom += 24
    description = f"Rate against compute slices, {len(panels)} charts"
    return document(Page(width, bottom, title, description), (), body)


def _panel(panel: ScalingPanel, box: Box) -> Iterator[str]:
    name = fitted_name(panel.title, box.width, _NAME)
    yield group(panel.title, label(Point(box.x, box.y + 13), name, _NAME))
    yield label(Point(box.x, box.y + 29), panel.note, _REMARK, max_width=box.width)
    plot = Box(box.x + _AXIS_LEFT, box.y + 42, box.width - _AXIS_LEFT - 8, box.height - 42 - 24)
    yield from _plot(panel, plot)


def _plot(panel: ScalingPanel, plot: Box) -> Iterator[str]:
    most_slices = max((p.slices for p in panel.points), default=1.0)
    rates = [p.rate_rps for p in panel.points] + [rate for _, rate in panel.curve]
    x_ticks = whole_ticks(most_slices, 8)
    y_ticks = round_ticks(max(rates, default=1.0), 4)
    x = Scale(0.0, x_ticks[-1], plot.x, plot.right)
    y = Scale(0.0, y_ticks[-1], plot.bottom, plot.y)
    yield from horizontal_grid(y, [(tick, tick_text(tick)) for tick in y_ticks], plot)
    yield from vertical_grid(x, [(tick, tick_text(tick)) for tick in x_ticks], plot)
    yield from _linear_reference(panel, x, y)
    if panel.curve:
        yield polyline((Point(x.at(s), y.at(rate)) for s, rate in panel.curve), _CURVE)
    for point in panel.points:
        yield _dot(point, Point(x.at(point.slices), y.at(point.rate_rps)))


def _linear_reference(panel: ScalingPanel, x: Scale, y: Scale) -> Iterator[str]:
    """Yield the line through the origin and the smallest measured instance, up to the edge."""
    measured = [p for p in panel.points if not p.is_fitted and p.slices > 0 and p.rate_rps > 0]
    if not measured:
        return
    first = min(measured, key=lambda p: (p.slices, p.rate_rps))
    slope = first.rate_rps / first.slices
    end = min(x.high, y.high / slope)
    yield line(Point(x.at(0), y.at(0)), Point(x.at(end), y.at(end * slope)), _LINEAR)


def _dot(point: ScalingPoint, at: Point) -> str:
    kind = _FITTED if point.is_fitted else _MEASURED
    tip = f"{point.slices:g} slices: {rate_text(point.rate_rps)} requests/s, {kind}"
    return group(tip, _disc(at, is_fitted=point.is_fitted))


def _legend(at: Point) -> Iterator[str]:
    """Yield what the signs mean, and the axes."""
    x = at.x
    for text in (_MEASURED, _FITTED, _MODEL, "linear from the smallest instance"):
        yield _sign(text, Point(x, at.y - 4))
        yield label(Point(x + 24, at.y), text, _BODY)
        x += 24 + text_width(text, _BODY) + 20
    yield label(Point(x, at.y), "x: compute slices, y: requests/s", _AXES)


def _sign(text: str, at: Point) -> str:
    if text in (_MEASURED, _FITTED):
        return _disc(Point(at.x + 8, at.y), is_fitted=text == _FITTED)
    return line(at, Point(at.x + 16, at.y), _CURVE if text == _MODEL else _LINEAR)


def _disc(at: Point, *, is_fitted: bool) -> str:
    return circle(at, 4.5, "#ffffff" if is_fitted else _COLOUR, Stroke(_COLOUR, 1.75))
