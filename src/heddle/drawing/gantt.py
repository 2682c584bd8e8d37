"""A transition as one picture: steps over time on every GPU, and below it every rate.

Written by ``heddle transition --svg``. ``gantt_panel`` draws the steps, ``rate_panel``
the rates; few GPUs are drawn roomy, many flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from heddle.cluster.command import Action
from heddle.drawing.gantt_bars import COLOURS, SERVING
from heddle.drawing.gantt_chart import GanttChart
from heddle.drawing.gantt_lines import CRITICAL, MOVE, has_arcs
from heddle.drawing.gantt_panel import EMPTY, SPARE_FRAME, GanttPanel
from heddle.drawing.gantt_sizes import MARGIN, PAGE_WIDTH
from heddle.drawing.palette import BOUND, RULE
from heddle.drawing.rate_panel import CURVE, FLOOR, RatePanel
from heddle.drawing.svg import Box, Page, Point, Stroke, circle, document, label, line, rect
from heddle.drawing.typography import FAINT, Font, text_width
from heddle.units import plural

_WIDTH = PAGE_WIDTH - 2 * MARGIN
_TITLE = Font(24, is_bold=True)
_VALUE = Font(18, is_bold=True)
_CAPTION = Font(11, colour=FAINT)
_BODY = Font(12)
_FACTS_TOP = 66.0
_LEGEND_Y = 142.0
_PANEL_TOP = 158.0
_FACT_GAP = 34.0


class _Sign(Enum):
    """The signs of the legend, each with what it means."""

    SERVING = "serves"
    EMPTY = "empty"
    CRITICAL = "longest path"
    MOVE = "move"
    SPARE = "spare GPU"
    CURVE = "rate"
    FLOOR = "floor"
    LOWEST = "lowest"


def gantt_svg(chart: GanttChart) -> str:
    """Return the picture as SVG text; the same chart always gives the same bytes."""
    steps = GanttPanel(chart, _WIDTH)
    rates = RatePanel(chart, _WIDTH, steps.gutter)
    rates_top = _PANEL_TOP + steps.height + 26
    body = [
        label(Point(MARGIN, 50), chart.title, _TITLE, max_width=_WIDTH),
        *_facts(chart),
        *_legend(chart),
        *steps.draw(Point(MARGIN, _PANEL_TOP)),
        *rates.draw(Point(MARGIN, rates_top)),
    ]
    page = Page(PAGE_WIDTH, rates_top + rates.height + 24, chart.title, _description(chart))
    return document(page, (), body)


def _description(chart: GanttChart) -> str:
    facts = ", ".join(f"{value} {caption}" for value, caption in chart.facts)
    services = plural(len(chart.curves), "service")
    return f"{facts}. Below, the ready rate of {services} against the floor."


def _facts(chart: GanttChart) -> Iterator[str]:
    """Yield figures side by side, each over its caption."""
    x = MARGIN
    for value, caption in chart.facts:
        width = max(text_width(value, _VALUE), text_width(caption, _CAPTION))
        if x + width > PAGE_WIDTH - MARGIN:
            break
        yield label(Point(x, _FACTS_TOP + _VALUE.size), value, _VALUE)
        yield label(Point(x, _FACTS_TOP + _VALUE.size + 16), caption, _CAPTION)
        x += width + _FACT_GAP


def _legend(chart: GanttChart) -> Iterator[str]:
    """Yield what the colours and lines mean; what the chart does not have is left out."""
    signs: list[_Sign | Action] = [*_actions(chart), *_signs(chart)]
    x = MARGIN
    for sign in signs:
        yield from _sign(sign, Box(x, _LEGEND_Y - 11, 22, 14))
        yield label(Point(x + 28, _LEGEND_Y), sign.value, _BODY)
        x += 28 + text_width(sign.value, _BODY) + 20


def _actions(chart: GanttChart) -> list[Action]:
    return [action for action in COLOURS if any(bar.action is action for bar in chart.bars)]


def _signs(chart: GanttChart) -> list[_Sign]:
    absent = set()
    if not has_arcs(chart):
        absent.add(_Sign.MOVE)
    if not any(gpu.is_spare for gpu in chart.gpus):
        absent.add(_Sign.SPARE)
    if not any(bar.is_critical for bar in chart.bars):
        absent.add(_Sign.CRITICAL)
    return [sign for sign in _Sign if sign not in absent]


def _sign(sign: _Sign | Action, box: Box) -> Iterator[str]:
    middle = box.y + box.height / 2
    across = Point(box.x, middle), Point(box.right, middle)
    if isinstance(sign, Action):
        yield rect(box, COLOURS[sign])
    elif sign is _Sign.SERVING:
        yield rect(box, SERVING)
    elif sign is _Sign.EMPTY:
        yield rect(box, EMPTY, stroke=Stroke(RULE, 0.75))
    elif sign is _Sign.CRITICAL:
        yield rect(box.inset(1), "none", stroke=CRITICAL)
    elif sign is _Sign.SPARE:
        yield rect(box.inset(0.5), "none", stroke=SPARE_FRAME)
    elif sign is _Sign.LOWEST:
        yield circle(Point(box.middle, middle), 3.25, BOUND)
    else:
        strokes = {_Sign.MOVE: MOVE, _Sign.CURVE: CURVE, _Sign.FLOOR: FLOOR}
        yield line(*across, strokes[sign])
