"""The services of a plan, one row each: colour, model, replicas, rate and latency against the SLO.

Drawn by ``plan`` beside ``gpu_panel``; it is also the legend of the bars there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heddle.drawing.figures import latency_text, rate_text
from heddle.drawing.palette import BOUND, MET, MISSED, NOTHING_FITS, shaded
from heddle.drawing.plan_sizes import PlanSizes
from heddle.drawing.service_figures import ServiceFigures
from heddle.drawing.service_looks import ServiceLooks
from heddle.drawing.svg import Box, Point, Stroke, group, label, line, rect
from heddle.drawing.table import more_text
from heddle.drawing.typography import Font, fitted, fitted_name, text_width
from heddle.units import plural

#: The SLO stands at this part of a bar's length; a value above 1/that is cut off.
_MARK_AT = 0.72
_COLUMN_GAP = 18.0
_NAME_PART = 0.44
_RATE_PART = 0.32


@dataclass(frozen=True, slots=True)
class _Measure:
    """A value against its limit, as drawn in one cell."""

    value: float
    limit: float
    text: str
    is_met: bool


class ServicePanel:
    """Rows of services.

    Parameters
    ----------
    shown
        The services that get a row, in order.
    left_out
        Those that do not; they are counted below.
    """

    def __init__(
        self,
        shown: Sequence[ServiceFigures],
        left_out: Sequence[ServiceFigures],
        looks: ServiceLooks,
        sizes: PlanSizes,
    ) -> None:
        self._shown = shown
        self._left_out = left_out
        self._looks = looks
        self._sizes = sizes

    @property
    def height(self) -> float:
        """How high it is, with heading and the line about what is left out."""
        rows = self._sizes.heading_height + len(self._shown) * self._sizes.service_pitch
        return rows + (self._sizes.heading_height if self._left_out else 0.0)

    def draw(self, at: Point) -> Iterator[str]:
        """Yield the elements; ``at`` is the panel's upper left corner."""
        yield from self._headings(at)
        y = at.y + self._sizes.heading_height
        for figures in self._shown:
            box = Box(at.x, y, self._sizes.service_width, self._sizes.service_pitch)
            yield group(_tip(figures), *self._row(figures, box))
            y += self._sizes.service_pitch
        if self._left_out:
            baseline = Point(at.x, at.y + self.height - 6)
            text = _left_out_text(self._left_out)
            yield label(baseline, text, self._sizes.body, max_width=self._sizes.service_width)

    def _headings(self, at: Point) -> Iterator[str]:
        sizes = self._sizes
        baseline = at.y + sizes.heading_baseline
        count = plural(len(self._shown) + len(self._left_out), "service")
        name, rate, latency = self._cells(Box(at.x, at.y, sizes.service_width, 0))
        for cell, text, font in (
            (name, count, sizes.heading),
            (rate, "planned / required, req/s", sizes.remark),
            (latency, "batch / limit, ms", sizes.remark),
        ):
            yield label(Point(cell.x, baseline), text, font, max_width=cell.width)

    def _cells(self, row: Box) -> tuple[Box, Box, Box]:
        """Return the cells of name, rate and latency."""
        name = row.width * _NAME_PART
        rate = row.width * _RATE_PART
        latency = row.width - name - rate
        return (
            Box(row.x, row.y, name - _COLUMN_GAP, row.height),
            Box(row.x + name, row.y, rate - _COLUMN_GAP, row.height),
            Box(row.x + name + rate, row.y, latency, row.height),
        )

    def _row(self, figures: ServiceFigures, box: Box) -> Iterator[str]:
        name, rate, latency = self._cells(box)
        yield from self._name(figures, name)
        yield from self._measure(_rate(figures), rate)
        yield from self._measure(_latency(figures), latency)

    def _name(self, figures: ServiceFigures, cell: Box) -> Iterator[str]:
        sizes = self._sizes
        look = self._looks.of(figures.name)
        swatch = Box(cell.x, cell.y, sizes.service_swatch, sizes.service_swatch)
        yield shaded(swatch, look.shade, radius=3)
        ink = Font(sizes.medium, is_bold=True, colour=look.shade.ink)
        baseline = swatch.y + swatch.height / 2 + sizes.medium * 0.35
        yield label(Point(swatch.middle, baseline), look.number, ink, anchor="middle")
        x = swatch.right + 8
        width = cell.right - x
        upper = Point(x, cell.y + sizes.medium - 1)
        yield label(upper, fitted_name(figures.name, width, sizes.name), sizes.name)
        replicas = f" · {plural(figures.num_replicas, 'replica')}"
        model = fitted(figures.model, width - text_width(replicas, sizes.remark), sizes.remark)
        lower = Point(x, cell.y + sizes.service_swatch - 1)
        yield label(lower, model + replicas, sizes.remark)

    def _measure(self, measure: _Measure, cell: Box) -> Iterator[str]:
        sizes = self._sizes
        colour = BOUND if measure.is_met else MISSED
        font = Font(sizes.small, is_bold=not measure.is_met, colour=colour)
        yield label(
            Point(cell.x, cell.y + sizes.medium - 1), measure.text, font, max_width=cell.width
        )
        height = sizes.service_swatch * 0.3
        track = Box(cell.x, cell.y + sizes.service_swatch - height, cell.width, height)
        yield from _bar(measure, track)


def _bar(measure: _Measure, track: Box) -> Iterator[str]:
    """Yield the bar, from 0, and the mark of the limit; a bar beyond the track is cut open."""
    yield rect(track, NOTHING_FITS)
    part = measure.value / measure.limit * _MARK_AT if measure.limit > 0 else 0.0
    length = track.width * min(part, 1.0)
    yield rect(Box(track.x, track.y, length, track.height), MET if measure.is_met else MISSED)
    if part > 1.0:
        for offset in (9.0, 5.0):
            x = track.right - offset
            yield line(Point(x - 3, track.bottom), Point(x + 1, track.y), Stroke("#ffffff", 1.5))
    x = track.x + track.width * _MARK_AT
    yield line(Point(x, track.y - 2.5), Point(x, track.bottom + 2.5), Stroke(BOUND, 2))


def _rate(figures: ServiceFigures) -> _Measure:
    text = f"{rate_text(figures.planned_rps)} / {rate_text(figures.required_rps)}"
    return _Measure(figures.planned_rps, figures.required_rps, text, figures.is_rate_met)


def _latency(figures: ServiceFigures) -> _Measure:
    text = f"{latency_text(figures.latency_ms)} / {latency_text(figures.limit_ms)}"
    return _Measure(figures.latency_ms, figures.limit_ms, text, figures.is_latency_met)


def _tip(figures: ServiceFigures) -> str:
    return (
        f"{figures.name} ({figures.model}), {plural(figures.num_replicas, 'replica')}\n"
        f"{rate_text(figures.planned_rps)} of {rate_text(figures.required_rps)} requests/s, "
        f"batch latency {latency_text(figures.latency_ms)} of "
        f"{latency_text(figures.limit_ms)} ms"
    )


def _left_out_text(left_out: Sequence[ServiceFigures]) -> str:
    more = more_text(len(left_out), "service" if len(left_out) == 1 else "services")
    missed = sum(not figures.is_met for figures in left_out)
    verdict = f"{missed:,} of them fall short" if missed else "all within their SLOs"
    return f"{more} (white boxes) not listed; {verdict}"
