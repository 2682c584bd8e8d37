"""The sizes in which a transition is drawn: the more GPUs, the flatter their rows.

``gantt`` chooses one; ``gantt_panel`` and ``rate_panel`` obey it. All in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.drawing.typography import FAINT, Font

PAGE_WIDTH = 1280.0
MARGIN = 40.0


@dataclass(frozen=True, slots=True)
class GanttSizes:
    """The height of a row, of the gap below it, of the gap below a node, and font sizes.

    ``label`` is for text in bars; bars that are lower than it have none.
    """

    pitch: float
    gap: float
    node_gap: float
    name: float
    label: float

    @property
    def row_height(self) -> float:
        """The height of a GPU."""
        return self.pitch - self.gap

    @property
    def names(self) -> Font:
        """The font of the names of GPUs."""
        return Font(self.name)

    @property
    def remarks(self) -> Font:
        """The font of the names of nodes."""
        return Font(self.name, colour=FAINT)


_BY_NUM_ROWS = (
    (8, GanttSizes(pitch=50, gap=8, node_gap=12, name=12.5, label=11)),
    (24, GanttSizes(pitch=34, gap=6, node_gap=10, name=12, label=10)),
    (72, GanttSizes(pitch=20, gap=4, node_gap=8, name=11, label=9.5)),
)
_SMALLEST = GanttSizes(pitch=11, gap=2, node_gap=7, name=9, label=9)


def sizes_for(num_rows: int) -> GanttSizes:
    """Return the sizes for so many GPUs."""
    return next((sizes for most, sizes in _BY_NUM_ROWS if num_rows <= most), _SMALLEST)
