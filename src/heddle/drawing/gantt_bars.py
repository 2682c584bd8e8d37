"""The bars of a transition: steps coloured by kind, and pale bands where something serves.

``gantt_panel`` draws them, ``gantt`` explains the colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heddle.cluster.command import Action
from heddle.drawing.figures import duration_text
from heddle.drawing.gantt_chart import GanttBar, GanttChart, ServingBand
from heddle.drawing.gantt_plot import GanttPlot
from heddle.drawing.palette import ink_on
from heddle.drawing.svg import Box, Point, group, label, rect
from heddle.drawing.typography import Font, first_fitting

#: Colours that people with any colour vision can tell apart, from ``palette``'s.
COLOURS = {
    Action.CREATE: "#0072b2",
    Action.START: "#009e73",
    Action.STOP: "#e69f00",
    Action.DESTROY: "#a80000",
}
SERVING = "#d9e2ec"
_SERVING_INK = "#52606d"
_PADDING = 4.0
#: Capitals and digits reach 0.73 of the font size above the baseline.
_CAPITALS = 0.73


def serving_bands(chart: GanttChart, plot: GanttPlot) -> Iterator[str]:
    """Yield the bands, with the service where there is room for it."""
    font = Font(plot.rows.sizes.label, colour=_SERVING_INK)
    for band in chart.bands:
        if plot.has(band.gpu):
            box = plot.place(band)
            text = _text(band.service, chart.numbers, box, font)
            yield group(_band_tip(band), rect(box, SERVING), text)


def step_bars(chart: GanttChart, plot: GanttPlot) -> Iterator[str]:
    """Yield the bars, short ones last: they lie on what they touch."""
    drawn = [bar for bar in chart.bars if plot.has(bar.gpu)]
    for bar in sorted(drawn, key=_longest_first):
        box = plot.place(bar)
        colour = COLOURS[bar.action]
        font = Font(plot.rows.sizes.label, colour=ink_on(colour))
        text = _text(bar.service, chart.numbers, box, font) if bar.service else ""
        yield group(_tip(bar), rect(box, colour), text)


def _longest_first(bar: GanttBar) -> tuple[float, float, str, int]:
    return bar.begin_s - bar.end_s, bar.begin_s, bar.gpu, bar.slots.first


def _text(service: str, numbers: Mapping[str, str], box: Box, font: Font) -> str:
    """Return the service's name, its number where that is too long, or nothing."""
    if box.height < font.size + 1:
        return ""
    candidates = (service, numbers.get(service, ""))
    text = first_fitting(candidates, box.width - 2 * _PADDING, font)
    baseline = box.y + (box.height + _CAPITALS * font.size) / 2
    return label(Point(box.x + _PADDING, baseline), text, font)


def _tip(bar: GanttBar) -> str:
    what = f"{bar.action.value} {bar.service} on {bar.profile}" if bar.service else ""
    moved = "" if bar.move is None else f", part of move {bar.move}"
    critical = ", on the longest path" if bar.is_critical else ""
    return (
        f"{what or f'{bar.action.value} {bar.profile}'} at {bar.slots.first} of {bar.gpu}{moved}\n"
        f"{_time_text(bar.begin_s)} to {_time_text(bar.end_s)}{critical}"
    )


def _band_tip(band: ServingBand) -> str:
    return (
        f"{band.service} serves on {band.gpu}\n"
        f"{_time_text(band.begin_s)} to {_time_text(band.end_s)}"
    )


def _time_text(at_s: float) -> str:
    return duration_text(at_s) if at_s else "0"
