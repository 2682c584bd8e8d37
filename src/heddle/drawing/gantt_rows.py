"""Which GPUs of a transition get a row, in what order, and where.

Rows stand node by node, names in the order in which people count. GPUs with nothing to
do get none, and beyond some hundred those with fewest steps get none either; both are
counted. ``gantt_panel`` draws the rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from heddle.drawing.gantt_chart import GanttBar, GanttChart, GanttGpu
from heddle.drawing.gantt_sizes import GanttSizes, sizes_for

#: Rows beyond so many would make a picture that nobody scrolls through.
_MAX_ROWS = 240
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class GanttRow:
    """A GPU and the top of its row, pixels from the top of all rows.

    ``is_first_of_node`` marks the first of its type in its node, where that is named.
    """

    gpu: GanttGpu
    y: float
    is_first_of_node: bool


@dataclass(frozen=True)
class GanttRows:
    """The rows of a chart.

    Attributes
    ----------
    height
        Of all of them, pixels.
    num_idle, num_left_out
        GPUs that have no step, and those that have but are too many to draw.
    """

    rows: tuple[GanttRow, ...]
    sizes: GanttSizes
    height: float
    num_idle: int
    num_left_out: int


def gantt_rows(chart: GanttChart) -> GanttRows:
    """Return the rows of a chart."""
    bars_of: dict[str, list[GanttBar]] = {}
    for bar in chart.bars:
        bars_of.setdefault(bar.gpu, []).append(bar)
    busy = [gpu for gpu in chart.gpus if gpu.id in bars_of]
    ranked = sorted(busy, key=lambda gpu: (*_importance(bars_of[gpu.id]), _counted(gpu.id)))
    drawn = sorted(ranked[:_MAX_ROWS], key=_node_by_node)
    sizes = sizes_for(len(drawn))
    rows = _placed(drawn, sizes)
    return GanttRows(
        rows=rows,
        sizes=sizes,
        height=rows[-1].y + sizes.pitch if rows else 0.0,
        num_idle=len(chart.gpus) - len(busy),
        num_left_out=len(busy) - len(drawn),
    )


def _placed(gpus: Sequence[GanttGpu], sizes: GanttSizes) -> tuple[GanttRow, ...]:
    rows: list[GanttRow] = []
    y = 0.0
    for gpu in gpus:
        is_first = not rows or _group_of(rows[-1].gpu) != _group_of(gpu)
        if is_first and rows:
            y += sizes.node_gap
        rows.append(GanttRow(gpu, y, is_first))
        y += sizes.pitch
    return tuple(rows)


def _group_of(gpu: GanttGpu) -> tuple[str, str]:
    return gpu.node, gpu.gpu_type


def _node_by_node(gpu: GanttGpu) -> tuple[object, ...]:
    return _counted(gpu.node), gpu.gpu_type, _counted(gpu.id)


def _importance(bars: Sequence[GanttBar]) -> tuple[bool, int]:
    return not any(bar.is_critical for bar in bars), -len(bars)


def _counted(name: str) -> tuple[tuple[str, int, str], ...]:
    """Return a key that orders ``gpu-9`` before ``gpu-10``."""
    parts = _DIGITS.split(name)
    numbers = [(digits, int(digits)) for digits in parts[1::2]]
    texts = parts[0::2]
    key = [(text, number, digits) for text, (digits, number) in zip(texts, numbers, strict=False)]
    return (*key, (texts[-1], -1, ""))
