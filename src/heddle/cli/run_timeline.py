"""From what the runner recorded to the records that the timeline is drawn from."""

from __future__ import annotations

from heddle.drawing.device_timeline_chart import (
    DeviceTimeline,
    TimelineBar,
    TimelineClient,
    TimelinePreemption,
)
from heddle.runtime.core.backend import Span
from heddle.runtime.replay.results import RunResult
from heddle.runtime.replay.window import Window

#: More rows say nothing more; more bars make a picture that no viewer opens.
_MAX_UNITS = 16
_MAX_BARS = 6000


def run_timeline(result: RunResult, window: Window) -> DeviceTimeline:
    """The picture of a window of a run."""
    begin_us, end_us = window.from_ns / 1e3, window.until_ns / 1e3
    spans = [span for span in result.spans if _is_inside(span, result.start_ns, window)]
    units = sorted({span.multiprocessor for span in spans})
    shown = _shown(spans, units)
    names = {client.id: index for index, client in enumerate(result.clients)}
    return DeviceTimeline(
        title=f"{result.workload} on {result.device}, {result.policy}",
        subtitle=_subtitle(result),
        begin_us=begin_us,
        end_us=end_us,
        units=tuple(str(unit) for unit in shown),
        clients=tuple(TimelineClient(one.id, one.is_real_time) for one in result.clients),
        bars=tuple(
            _bar(span, shown.index(span.multiprocessor), names[result.queues[span.queue]], result)
            for span in spans
            if span.multiprocessor in shown
        ),
        preemptions=_preemptions(result, window),
        note=_note(len(shown), len(units), has_spans=bool(result.spans)),
    )


def _is_inside(span: Span, start_ns: int, window: Window) -> bool:
    return span.end_ns - start_ns > window.from_ns and span.start_ns - start_ns < window.until_ns


def _shown(spans: list[Span], units: list[int]) -> list[int]:
    """Those that are drawn, evenly spread: a device fills its first ones most."""
    each = len(spans) / max(1, len(units))
    count = max(1, min(_MAX_UNITS, int(_MAX_BARS / max(1.0, each)), len(units)))
    return [units[index * len(units) // count] for index in range(count)] if units else []


def _bar(span: Span, unit: int, client: int, result: RunResult) -> TimelineBar:
    return TimelineBar(
        unit=unit,
        client=client,
        begin_us=(span.start_ns - result.start_ns) / 1e3,
        end_us=(span.end_ns - result.start_ns) / 1e3,
        blocks=max(1, span.blocks),
        lane=span.slot,
        is_lost=span.is_lost,
    )


def _preemptions(result: RunResult, window: Window) -> tuple[TimelinePreemption, ...]:
    return tuple(
        TimelinePreemption(*(float(mark) / 1e3 for mark in marks_ns))
        for marks_ns in result.preemptions.marks_ns
        if window.from_ns <= marks_ns[0] < window.until_ns
    )


def _subtitle(result: RunResult) -> str:
    parts = [f"{result.label} times"]
    for client in result.clients:
        increase = client.over_alone()
        if client.is_real_time and increase is not None:
            parts.append(f"{client.id} {100 * increase:+.1f} % over alone")
    return "; ".join(parts[:4])


def _note(num_shown: int, num_units: int, *, has_spans: bool) -> str:
    if not has_spans:
        return "Nothing was recorded in this window."
    which = (
        f"{num_shown} of {num_units} multiprocessors, evenly spread"
        if num_shown < num_units
        else "Every multiprocessor"
    )
    return f"{which}, one a row; blocks that are resident together share its height."
