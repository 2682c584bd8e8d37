"""Where things of a transition stand on the page: GPUs and memory units down, time across.

``gantt_panel`` makes one; bars and lines ask it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from heddle.drawing.chart import Scale
from heddle.drawing.gantt_chart import GanttBar, ServingBand
from heddle.drawing.gantt_rows import GanttRow, GanttRows
from heddle.drawing.svg import Box

#: Steps that take no time to speak of are drawn as wide as this, pixels.
_LEAST_WIDTH = 3.0


@dataclass(frozen=True)
class GanttPlot:
    """The rows, the box that they fill, and the end of the time axis, seconds."""

    rows: GanttRows
    box: Box
    makespan_s: float

    @cached_property
    def time(self) -> Scale:
        """The time axis."""
        return Scale(0.0, self.makespan_s, self.box.x, self.box.right)

    def has(self, gpu: str) -> bool:
        """Whether a GPU has a row."""
        return gpu in self._row_of

    def row_box(self, row: GanttRow) -> Box:
        """Return the whole row of a GPU."""
        height = self.rows.sizes.row_height
        return Box(self.box.x, self.box.y + row.y, self.box.width, height)

    def place(self, thing: GanttBar | ServingBand) -> Box:
        """Return the place of a bar or band; at the right edge it keeps its least width."""
        row = self._row_of[thing.gpu]
        around = self.row_box(row)
        unit = around.height / max(1, row.gpu.num_slots)
        x = min(self.time.at(thing.begin_s), self.box.right - _LEAST_WIDTH)
        width = max(_LEAST_WIDTH, self.time.at(thing.end_s) - x)
        gap = min(1.0, unit / 4)
        return Box(
            x, around.y + thing.slots.first * unit + gap / 2, width, thing.slots.size * unit - gap
        )

    @cached_property
    def _row_of(self) -> dict[str, GanttRow]:
        return {row.gpu.id: row for row in self.rows.rows}
