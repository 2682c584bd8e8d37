"""The sizes in which a plan is drawn: roomy for a slide, dense for hundreds of GPUs.

``plan`` chooses one; ``gpu_panel`` and ``service_panel`` obey it. All in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from heddle.drawing.typography import FAINT, INK, Font


@dataclass(frozen=True, slots=True)
class PlanSizes:
    """Widths, heights and fonts of one size.

    Attributes
    ----------
    page_width, margin, panel_gap, service_width
        Of the page; the GPU panel takes what the service panel leaves.
    bar_pitch, bar_height, max_label_width, max_columns, max_panel_height, column_gap
        Of the GPU bars and the columns that they flow into; the panel may be as high
        as that of the services if that is higher.
    service_pitch, service_swatch
        Height of one service's row, and side of its coloured square.
    large, medium, small
        Font sizes.
    """

    page_width: float
    margin: float
    panel_gap: float
    service_width: float
    bar_pitch: float
    bar_height: float
    max_label_width: float
    max_columns: int
    max_panel_height: float
    column_gap: float
    service_pitch: float
    service_swatch: float
    large: float
    medium: float
    small: float

    @property
    def gpu_width(self) -> float:
        """The width of the GPU panel."""
        return self.page_width - 2 * self.margin - self.panel_gap - self.service_width

    @property
    def heading_height(self) -> float:
        """The height of a heading over bars or rows."""
        return self.medium + 21

    @property
    def heading_baseline(self) -> float:
        """How far below its top the text of a heading stands."""
        return self.heading_height - 11

    @property
    def heading(self) -> Font:
        """The font of headings."""
        return Font(self.medium, is_bold=True)

    @property
    def body(self) -> Font:
        """The font of names."""
        return Font(self.medium)

    @property
    def name(self) -> Font:
        """The font of names that matter."""
        return Font(self.medium, is_bold=True)

    @property
    def remark(self) -> Font:
        """The font of everything secondary."""
        return Font(self.small, colour=FAINT)

    @property
    def figure(self) -> Font:
        """The font of numbers beside bars."""
        return Font(self.small, colour=INK)


ROOMY = PlanSizes(
    page_width=1280,
    margin=40,
    panel_gap=40,
    service_width=520,
    bar_pitch=42,
    bar_height=36,
    max_label_width=96,
    max_columns=1,
    max_panel_height=900,
    column_gap=0,
    service_pitch=42,
    service_swatch=30,
    large=24,
    medium=13,
    small=11,
)

DENSE = PlanSizes(
    page_width=1600,
    margin=40,
    panel_gap=44,
    service_width=560,
    bar_pitch=28,
    bar_height=23,
    max_label_width=84,
    max_columns=3,
    max_panel_height=690,
    column_gap=22,
    service_pitch=32,
    service_swatch=24,
    large=24,
    medium=12,
    small=10.5,
)

#: Many services on few GPUs: dense rows beside roomy bars.
DENSE_ROWS = replace(
    DENSE,
    bar_pitch=ROOMY.bar_pitch,
    bar_height=ROOMY.bar_height,
    max_columns=ROOMY.max_columns,
    max_panel_height=ROOMY.max_panel_height,
)
