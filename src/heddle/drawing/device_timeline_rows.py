"""The rows of a device's timeline: each multiprocessor's height is shared by who is resident.

Real-time blocks stand on top, best-effort blocks below, nothing where the multiprocessor idles. Two
families of colour that people with any colour vision tell apart: cool for real-time, warm for
best-effort. ``device_timeline`` places the panels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from heddle.drawing.chart import Scale
from heddle.drawing.device_timeline_chart import DeviceTimeline, TimelineBar
from heddle.drawing.palette import MISSED
from heddle.drawing.svg import Box, Stroke, element, rect

#: Each family from its leading colour on; neighbours differ in lightness.
_REAL_TIME = ("#1f6fb5", "#9ecae1", "#053061", "#41b6c4", "#6a51a3", "#4a7ba6", "#253494")
_BEST_EFFORT = ("#f28e2b", "#ffd166", "#b35806", "#fbc4ab", "#b8a000", "#fee0b6", "#7f3b08")
#: Killed blocks: their work is lost.
LOST = "url(#lost)"
_LOST_FRAME = Stroke(MISSED, 1.0)
GROUND = "#f4f6f8"
#: Blocks are told apart where each is at least so high, pixels.
_BLOCK_HEIGHT = 3.5
_NARROWEST = 0.35


class Piece(NamedTuple):
    """A part of a bar while the same blocks are resident; places from 0 (top) to 1 of the row."""

    bar: TimelineBar
    begin_us: float
    end_us: float
    top: float
    bottom: float


def colours_of(chart: DeviceTimeline) -> tuple[str, ...]:
    """The colour of each client, by index."""
    counts = {True: 0, False: 0}
    found = []
    for client in chart.clients:
        family = _REAL_TIME if client.is_real_time else _BEST_EFFORT
        found.append(family[counts[client.is_real_time] % len(family)])
        counts[client.is_real_time] += 1
    return tuple(found)


def definitions() -> tuple[str, ...]:
    """The pattern of :data:`LOST`."""
    attributes: dict[str, str | float] = {
        "id": "lost", "width": 5, "height": 5, "patternUnits": "userSpaceOnUse"
    }  # fmt: skip
    strokes: dict[str, str | float] = {
        "d": "M-1,1 l2,-2 M0,5 l5,-5 M4,6 l2,-2", "stroke": MISSED, "fill": "none"
    }  # fmt: skip
    return (element("pattern", attributes, element("path", strokes)),)


def pieces_of(bars: list[TimelineBar], chart: DeviceTimeline) -> Iterator[Piece]:
    """Yield the bars of one row, cut where somebody comes or goes."""
    edges = sorted({time for bar in bars for time in (bar.begin_us, bar.end_us)})
    waiting = sorted(bars, key=lambda bar: bar.begin_us, reverse=True)
    resident: list[TimelineBar] = []
    open_pieces: dict[TimelineBar, Piece] = {}
    for begin_us, end_us in pairwise(edges):
        resident = [bar for bar in resident if bar.end_us > begin_us]
        while waiting and waiting[-1].begin_us <= begin_us:
            resident.append(waiting.pop())
        resident.sort(key=lambda bar: (not chart.clients[bar.client].is_real_time, bar))
        cut = {piece.bar: piece for piece in _shared(resident, begin_us, end_us)}
        for bar, before in open_pieces.items():
            after = cut.get(bar)
            if after is not None and (after.top, after.bottom) == (before.top, before.bottom):
                cut[bar] = before._replace(end_us=end_us)
            else:
                yield before
        open_pieces = cut
    yield from open_pieces.values()


def draw_row(row: int, chart: DeviceTimeline, box: Box, scale: Scale) -> Iterator[str]:
    """Yield the blocks of one row in its box; ``scale`` places microseconds on it."""
    yield rect(box, GROUND)
    colours = colours_of(chart)
    seen = [
        bar
        for bar in chart.bars
        if bar.unit == row and bar.end_us > scale.low and bar.begin_us < scale.high
    ]
    for piece in pieces_of(seen, chart):
        yield from _draw_piece(piece, colours[piece.bar.client], box, scale)


def _shared(resident: list[TimelineBar], begin_us: float, end_us: float) -> Iterator[Piece]:
    for place, bar in enumerate(resident):
        count = len(resident)
        yield Piece(bar, begin_us, end_us, place / count, (place + 1) / count)


def _draw_piece(piece: Piece, colour: str, box: Box, scale: Scale) -> Iterator[str]:
    left, right = scale.at(piece.begin_us), scale.at(piece.end_us)
    width = max(right - left, _NARROWEST)
    height = (piece.bottom - piece.top) * box.height
    blocks = piece.bar.blocks if height / piece.bar.blocks >= _BLOCK_HEIGHT and width > 2 else 1
    each = height / blocks
    gap = 0.6 if blocks > 1 else 0.0
    for block in range(blocks):
        top = box.y + piece.top * box.height + block * each
        place = Box(left, top, width, each - gap)
        yield rect(place, colour)
        if piece.bar.is_lost:
            yield rect(place, LOST, stroke=_LOST_FRAME)
