"""Lines between the bars of a transition: moves, and the longest path.

``gantt_panel`` lays them over its bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from heddle.cluster.command import Action
from heddle.drawing.gantt_chart import GanttBar, GanttChart
from heddle.drawing.gantt_plot import GanttPlot
from heddle.drawing.svg import Box, Point, Stroke, circle, element, group, number, polyline, rect

MOVE = Stroke("#842478", 1.25)
CRITICAL = Stroke("#10151a", 1.5)
_HALO = Stroke("#ffffff", 3)
#: More arcs than this hide what they connect.
_MAX_ARCS = 40
_BULGE = 12.0
_MOST_BULGE = 90.0


def move_arcs(chart: GanttChart, plot: GanttPlot) -> Iterator[str]:
    """Yield an arc for each move: from the old instance's stop to the new one's start."""
    if chart.num_moves > _MAX_ARCS:
        return
    ends: dict[int, dict[Action, GanttBar]] = {}
    for bar in chart.bars:
        if bar.move is not None and plot.has(bar.gpu):
            ends.setdefault(bar.move, {})[bar.action] = bar
    for move, by_action in sorted(ends.items()):
        if Action.START in by_action and Action.STOP in by_action:
            new, old = by_action[Action.START], by_action[Action.STOP]
            tip = f"move {move}: {new.service} from {old.gpu} to {new.gpu}"
            yield group(tip, *_arc(plot.place(old), plot.place(new), plot.box.x))


def has_arcs(chart: GanttChart) -> bool:
    """Whether moves are drawn."""
    return 0 < chart.num_moves <= _MAX_ARCS


def critical_path(chart: GanttChart, plot: GanttPlot) -> Iterator[str]:
    """Yield frames around the steps of the longest path, and lines from one to the next."""
    steps = [bar for bar in chart.bars if bar.is_critical and plot.has(bar.gpu)]
    boxes = [plot.place(bar) for bar in sorted(steps, key=lambda bar: (bar.begin_s, bar.end_s))]
    for box, following in pairwise(boxes):
        yield from _hop(box, following)
    for box in boxes:
        yield rect(box.inset(-0.75), "none", stroke=CRITICAL)


def _arc(old: Box, new: Box, left: float) -> Iterator[str]:
    """Yield an arc that bulges to the left, where bars have no labels."""
    start = Point(old.x, old.y + old.height / 2)
    end = Point(new.right, new.y + new.height / 2)
    bulge = min(_MOST_BULGE, _BULGE + abs(end.y - start.y) / 6)
    bent = max(left, min(start.x, end.x) - bulge)
    path = (
        f"M{number(start.x)},{number(start.y)} C{number(bent)},{number(start.y)} "
        f"{number(bent)},{number(end.y)} {number(end.x)},{number(end.y)}"
    )
    for stroke in (_HALO, MOVE):
        yield element("path", {"d": path, "fill": "none", **stroke.attributes()})
    yield circle(end, 2.75, MOVE.colour, Stroke("#ffffff", 1))


def _hop(box: Box, following: Box) -> Iterator[str]:
    """Yield the way from a bar to the next: from its edge down or up, then across."""
    is_down = following.y >= box.y
    start = Point(box.right, box.bottom if is_down else box.y)
    end = Point(following.x, following.y if is_down else following.bottom)
    if (end.y - start.y) * (1 if is_down else -1) > 0:
        for stroke in (_HALO, CRITICAL):
            yield polyline((start, Point(start.x, end.y), end), stroke)
