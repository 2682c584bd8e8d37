"""Steps over time: a row for each GPU, in it a bar for each step.

Across a row runs time; down it run the memory units of the GPU, so that a bar covers
what its instance covers. Where an instance serves there is a pale band; where there is
nothing the row is empty. ``gantt`` puts the panel on a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heddle.drawing.gantt_bars import serving_bands, step_bars
from heddle.drawing.gantt_chart import GanttChart, GanttGpu
from heddle.drawing.gantt_lines import MOVE, critical_path, move_arcs
from heddle.drawing.gantt_plot import GanttPlot
from heddle.drawing.gantt_rows import GanttRow, gantt_rows
from heddle.drawing.palette import RULE
from heddle.drawing.svg import Box, Point, Stroke, label, line, rect
from heddle.drawing.time_axis import time_ticks
from heddle.drawing.typography import FAINT, Font, fitted_tail, text_width
from heddle.units import plural

SPARE_FRAME = Stroke(MOVE.colour, 1.25, "4 3")
SPARE = "spare"
EMPTY = "#f5f7f9"
_TICK = Font(10.5, colour=FAINT)
_NOTE = Font(12, colour=FAINT)
_GRID = Stroke(RULE, 0.75)
_AXIS_HEIGHT = 22.0
_NOTE_HEIGHT = 22.0
_MOST_NAME_WIDTH = 160.0
_NAME_GAP = 12.0


class GanttPanel:
    """All rows of a chart, with a time axis above and below.

    Parameters
    ----------
    chart
        What to draw.
    width
        Of the panel, names included, pixels.
    """

    def __init__(self, chart: GanttChart, width: float) -> None:
        self._chart = chart
        self._rows = gantt_rows(chart)
        self._width = width
        self._has_types = len({gpu.gpu_type for gpu in chart.gpus}) > 1
        firsts = [row for row in self._rows.rows if row.is_first_of_node]
        sizes = self._rows.sizes
        self._node_width = _column_width([self._node(row.gpu) for row in firsts], sizes.remarks)
        names = [_name(row.gpu) for row in self._rows.rows]
        self._gpu_width = _column_width(names, sizes.names)

    @property
    def height(self) -> float:
        """How high it is."""
        return self._rows.height + 2 * _AXIS_HEIGHT + _NOTE_HEIGHT * bool(self._note)

    @property
    def gutter(self) -> float:
        """The width of the names, left of where time begins."""
        return self._node_width + self._gpu_width

    def draw(self, at: Point) -> Iterator[str]:
        """Yield the elements; ``at`` is the panel's upper left corner."""
        box = Box(
            at.x + self.gutter, at.y + _AXIS_HEIGHT, self._width - self.gutter, self._rows.height
        )
        plot = GanttPlot(self._rows, box, self._chart.makespan_s)
        for row in self._rows.rows:
            yield from self._name_row(row, plot.row_box(row))
        yield from serving_bands(self._chart, plot)
        yield from _grid(plot)
        yield from step_bars(self._chart, plot)
        yield from self._spare_frames(plot)
        yield from move_arcs(self._chart, plot)
        yield from critical_path(self._chart, plot)
        note = Point(box.x, box.bottom + _AXIS_HEIGHT + 14)
        yield label(note, self._note, _NOTE, max_width=box.width)

    @property
    def _note(self) -> str:
        rows = self._rows
        parts = []
        if rows.num_left_out:
            parts.append(f"{plural(rows.num_left_out, 'GPU')} with fewer steps")
        if rows.num_idle:
            parts.append(f"{plural(rows.num_idle, 'GPU')} with nothing to do")
        return f"not drawn: {', '.join(parts)}" if parts else ""

    def _name_row(self, row: GanttRow, box: Box) -> Iterator[str]:
        """Yield the empty row and the names left of it."""
        sizes = self._rows.sizes
        yield rect(box, EMPTY)
        baseline = box.y + box.height / 2 + 0.36 * sizes.name
        right = box.x - _NAME_GAP
        width = self._gpu_width - _NAME_GAP
        text = fitted_tail(_name(row.gpu), width, sizes.names)
        yield label(Point(right, baseline), text, sizes.names, anchor="end")
        if row.is_first_of_node:
            left = right - width - _NAME_GAP
            node = fitted_tail(self._node(row.gpu), self._node_width - _NAME_GAP, sizes.remarks)
            yield label(Point(left, baseline), node, sizes.remarks, anchor="end")

    def _node(self, gpu: GanttGpu) -> str:
        """Return the name of a node, in a mixed fleet with the type of its GPUs."""
        return f"{gpu.node}, {gpu.gpu_type}" if self._has_types else gpu.node

    def _spare_frames(self, plot: GanttPlot) -> Iterator[str]:
        for row in self._rows.rows:
            if row.gpu.is_spare:
                yield rect(plot.row_box(row), "none", stroke=SPARE_FRAME)


def _name(gpu: GanttGpu) -> str:
    return f"{gpu.id} ({SPARE})" if gpu.is_spare else gpu.id


def _column_width(texts: Sequence[str], font: Font) -> float:
    widest = max((text_width(text, font) for text in texts), default=0.0)
    return min(_MOST_NAME_WIDTH, widest) + _NAME_GAP


def _grid(plot: GanttPlot) -> Iterator[str]:
    """Yield a line at every tick, with its label above and below."""
    box = plot.box
    for at_s, text in time_ticks(plot.makespan_s):
        x = plot.time.at(at_s)
        yield line(Point(x, box.y - 4), Point(x, box.bottom + 4), _GRID)
        for y in (box.y - 8, box.bottom + 15):
            yield label(Point(x, y), text, _TICK, anchor="middle")
