"""The parts of a chart: scales from values to pixels, round ticks, and axes.

``compare`` and ``scaling`` are drawn with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from heddle.drawing.palette import RULE
from heddle.drawing.svg import Box, Point, Stroke, label, line
from heddle.drawing.typography import FAINT, Font

TICK_FONT = Font(10.5, colour=FAINT)
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_GRID = Stroke(RULE, 0.75)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``low`` to ``high`` on pixels from ``start`` to ``end``.

    ``start`` may be the larger one, as on a vertical axis; a logarithmic scale needs
    ``low`` above 0.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value, kept within the ends."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        part = (value - low) / (high - low) if high > low else 0.0
        return self.start + part * (self.end - self.start)


def round_ticks(high: float, max_ticks: int = 5) -> tuple[float, ...]:
    """Return round values from 0 on, the last at ``high`` or just beyond it.

    At most ``max_ticks`` steps of 1, 2, 2.5 or 5 times a power of ten.
    """
    if high <= 0 or not math.isfinite(high):
        return (0.0, 1.0)
    decade = 10.0 ** math.floor(math.log10(high / max_ticks))
    step = next(s * decade for s in _STEPS if math.ceil(high / (s * decade) - 1e-9) <= max_ticks)
    return tuple(i * step for i in range(math.ceil(high / step - 1e-9) + 1))


def whole_ticks(high: float, max_ticks: int = 5) -> tuple[float, ...]:
    """Return round ticks that are whole numbers, for things that are counted."""
    ticks = round_ticks(max(high, 1.0), max_ticks)
    if all(tick == round(tick) for tick in ticks):
        return ticks
    return tuple(float(i) for i in range(math.ceil(high) + 1))


def decade_ticks(low: float, high: float) -> tuple[float, ...]:
    """Return the powers of ten from the one at or below ``low`` to that at or beyond ``high``."""
    first = math.floor(math.log10(low))
    last = max(math.ceil(math.log10(high)), first + 1)
    return tuple(10.0**exponent for exponent in range(first, last + 1))


def tick_text(value: float) -> str:
    """Return a tick's label: ``0``, ``2.5``, ``1,500``, ``20k``, ``3M``."""
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= unit:
            return f"{value / (1e3 if suffix == 'k' else unit):g}{suffix}"
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def span_text(wall_s: float) -> str:
    """Return the label of a power of ten of seconds: ``1 ms``, ``0.1 s``, ``100 s``."""
    return f"{wall_s * 1000:g} ms" if wall_s < 0.05 else f"{wall_s:g} s"


def vertical_grid(scale: Scale, labels: list[tuple[float, str]], plot: Box) -> Iterator[str]:
    """Yield a line up from every tick of a horizontal scale, and its label below the plot."""
    for value, text in labels:
        x = scale.at(value)
        yield line(Point(x, plot.y), Point(x, plot.bottom), _GRID)
        yield label(Point(x, plot.bottom + 15), text, TICK_FONT, anchor="middle")


def horizontal_grid(scale: Scale, labels: list[tuple[float, str]], plot: Box) -> Iterator[str]:
    """Yield a line across from every tick of a vertical scale, and its label to the left."""
    for value, text in labels:
        y = scale.at(value)
        yield line(Point(plot.x, y), Point(plot.right, y), _GRID)
        yield label(Point(plot.x - 6, y + 3.6), text, TICK_FONT, anchor="end")
