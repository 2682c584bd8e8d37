"""Solvers side by side: what each found, how far above the best bound, in what time.

``heddle compare`` prints the table and writes the chart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heddle.drawing.chart import (
    Scale,
    decade_ticks,
    round_ticks,
    span_text,
    tick_text,
    vertical_grid,
    whole_ticks,
)
from heddle.drawing.figures import duration_text, objective_text, percent_text
from heddle.drawing.palette import BOUND, MET, MISSED
from heddle.drawing.svg import Box, Page, Point, Stroke, circle, document, group, label, line, rect
from heddle.drawing.table import Column, number_column, table_text
from heddle.drawing.typography import Font, fitted_name, text_width

_WIDTH = 1280.0
_MARGIN = 40.0
_NAME_WIDTH = 150.0
_EXCESS = Box(_MARGIN + _NAME_WIDTH, 0, 600, 0)
_TIME = Box(_EXCESS.right + 50, 0, _WIDTH - _MARGIN - _EXCESS.right - 50, 0)
#: Room to the right of the longest bar, for the numbers beside it.
_LABEL_ROOM = 210.0
_TIME_ROOM = 84.0
_TOP = 124.0
_PITCH = 34.0
_BAR = 18.0
_NOTE_CELLS = 60
_TITLE = Font(24, is_bold=True)
_HEADING = Font(13, is_bold=True)
_NAME = Font(13, is_bold=True)
_BODY = Font(12)
_FAILED = Font(12, colour=MISSED)


@dataclass(frozen=True, slots=True)
class CompareRow:
    """What one solver did.

    Attributes
    ----------
    objective, bound, gap
        In units of the objective; None where it has none.
    wall_s
        Seconds of planning; None when it did not run.
    note
        Why there is no plan, or a remark.
    """

    solver: str
    objective: float | None
    bound: float | None
    gap: float | None
    wall_s: float | None
    note: str = ""


def compare_text(rows: Sequence[CompareRow], objective_kind: str = "gpus") -> str:
    """Return the table of solvers, in the given order.

    The last numbers are against the best bound that any of them proved.
    """
    best = best_bound(rows)
    noun = "price/h" if objective_kind == "price" else "GPUs"
    columns = [
        Column("solver"),
        number_column(noun),
        number_column("bound"),
        number_column("gap"),
        number_column("above best bound"),
        number_column("time"),
        Column("note", max_width=_NOTE_CELLS),
    ]
    cells = [
        (
            row.solver,
            _number(row.objective, objective_kind),
            _number(row.bound, objective_kind),
            _number(row.gap, objective_kind),
            _above_text(row, best, objective_kind),
            "–" if row.wall_s is None else duration_text(row.wall_s),
            row.note or ("no plan" if row.objective is None else ""),
        )
        for row in rows
    ]
    return table_text(columns, cells)


def compare_svg(rows: Sequence[CompareRow], title: str, objective_kind: str = "gpus") -> str:
    """Return the chart: per solver the excess over the best bound, and the time (log axis)."""
    best = best_bound(rows)
    height = len(rows) * _PITCH
    excess = _excess_scale(rows, best)
    times = _time_scale(rows)
    body = [
        label(Point(_MARGIN, 50), title, _TITLE, max_width=_WIDTH - 2 * _MARGIN),
        *_headings(best, objective_kind),
        *_excess_axis(excess, height, objective_kind),
        *_time_axis(times, height),
        *(
            group(
                _tip(row, objective_kind),
                *_name(row, y),
                *_excess_bar(row, best, excess, y, objective_kind),
                *_time_dot(row, times, y),
            )
            for row, y in zip(rows, _baselines(len(rows)), strict=True)
        ),
    ]
    page = Page(_WIDTH, _TOP + height + 52, title, compare_text(rows, objective_kind))
    return document(page, (), body)


def best_bound(rows: Sequence[CompareRow]) -> float | None:
    """Return the highest bound that any solver proved, or None."""
    return max((row.bound for row in rows if row.bound is not None), default=None)


def _baselines(count: int) -> list[float]:
    return [_TOP + i * _PITCH + _PITCH / 2 for i in range(count)]


def _headings(best: float | None, kind: str) -> Iterator[str]:
    noun = "Price per hour" if kind == "price" else "GPUs"
    beside = "" if best is None else f" above the best bound ({objective_text(best, kind)})"
    yield label(Point(_EXCESS.x, _TOP - 22), noun + beside, _HEADING, max_width=_EXCESS.width)
    yield label(Point(_TIME.x, _TOP - 22), "Planning time", _HEADING)


def _excess_of(row: CompareRow, best: float | None) -> float | None:
    if row.objective is None:
        return None
    return row.objective - (best or 0.0)


def _excess_scale(rows: Sequence[CompareRow], best: float | None) -> Scale:
    highest = max((_excess_of(row, best) or 0.0 for row in rows), default=0.0)
    return Scale(0.0, highest or 1.0, _EXCESS.x, _EXCESS.right - _LABEL_ROOM)


def _excess_axis(scale: Scale, height: float, kind: str) -> Iterator[str]:
    ticks = round_ticks(scale.high) if kind == "price" else whole_ticks(scale.high)
    inside = [(tick, tick_text(tick)) for tick in ticks if tick <= scale.high]
    plot = Box(_EXCESS.x, _TOP, _EXCESS.width, height)
    yield from vertical_grid(scale, inside, plot)
    yield line(Point(plot.x, plot.y), Point(plot.x, plot.bottom), Stroke(BOUND, 1.5))


def _time_scale(rows: Sequence[CompareRow]) -> Scale:
    times = [max(row.wall_s, 1e-4) for row in rows if row.wall_s is not None] or [1.0]
    ticks = decade_ticks(min(times), max(times))
    return Scale(ticks[0], ticks[-1], _TIME.x, _TIME.right - _TIME_ROOM, is_log=True)


def _time_axis(scale: Scale, height: float) -> Iterator[str]:
    ticks = decade_ticks(scale.low, scale.high)
    every = -(-len(ticks) // 6)
    labels = [(tick, span_text(tick) if i % every == 0 else "") for i, tick in enumerate(ticks)]
    yield from vertical_grid(scale, labels, Box(_TIME.x, _TOP, _TIME.width, height))


def _name(row: CompareRow, y: float) -> Iterator[str]:
    text = fitted_name(row.solver, _NAME_WIDTH - 14, _NAME)
    yield label(Point(_MARGIN, y + 4.5), text, _NAME)


def _excess_bar(
    row: CompareRow, best: float | None, scale: Scale, y: float, kind: str
) -> Iterator[str]:
    excess = _excess_of(row, best)
    if excess is None:
        text = row.note or "no plan"
        yield label(Point(scale.start + 8, y + 4), text, _FAILED, max_width=_EXCESS.width - 8)
        return
    end = scale.at(excess)
    if end > scale.start:
        yield rect(Box(scale.start, y - _BAR / 2, end - scale.start, _BAR), MET, radius=2)
    else:
        yield circle(Point(scale.start, y), 5, BOUND)
    text = f"{_number(row.objective, kind)}{_above_words(excess, best, kind)}"
    yield from _on_white(Point(end + 10, y + 4), text)


def _time_dot(row: CompareRow, scale: Scale, y: float) -> Iterator[str]:
    if row.wall_s is None:
        return
    x = scale.at(row.wall_s)
    yield line(Point(scale.start, y), Point(x, y), Stroke(MET, 2))
    yield circle(Point(x, y), 5, MET)
    yield from _on_white(Point(x + 11, y + 4), duration_text(row.wall_s))


def _on_white(at: Point, text: str) -> Iterator[str]:
    """Yield a label and, under it, white that keeps grid lines away from it."""
    width = text_width(text, _BODY)
    yield rect(Box(at.x - 2, at.y - _BODY.size, width + 4, _BODY.size + 5), "#ffffff")
    yield label(at, text, _BODY)


def _above_words(excess: float, best: float | None, kind: str) -> str:
    if best is None:
        return ""
    if excess == 0:
        return ", at the bound"
    part = f", {percent_text(excess / best)}" if best > 0 else ""
    return f" (+{objective_text(excess, kind)}{part})"


def _above_text(row: CompareRow, best: float | None, kind: str) -> str:
    excess = _excess_of(row, best)
    if excess is None or best is None:
        return "–"
    part = f" ({percent_text(excess / best)})" if best > 0 and excess else ""
    return f"{objective_text(excess, kind)}{part}"


def _number(value: float | None, kind: str) -> str:
    return "–" if value is None else objective_text(value, kind)


def _tip(row: CompareRow, kind: str) -> str:
    found = f"{row.solver}: {_number(row.objective, kind)}, bound {_number(row.bound, kind)}"
    return f"{found}\n{row.note}" if row.note else found
