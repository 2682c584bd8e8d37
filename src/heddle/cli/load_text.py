"""What a load showed, as text and as a picture's records."""

from __future__ import annotations

from collections.abc import Iterator

from heddle.drawing.figures import latency_text, percent_text, rate_text
from heddle.drawing.load import LoadChart, LoadMoment
from heddle.serving.load.summary import Moment, Summary
from heddle.units import plural


def load_text(service: str, kind: str, summary: Summary) -> str:
    """Return the lines that ``heddle load`` prints."""
    return "\n".join(_lines(service, kind, summary))


def load_chart(service: str, kind: str, summary: Summary) -> LoadChart:
    """Return what ``heddle load --svg`` draws."""
    ends = [moment.begin_s for moment in summary.moments[1:]] + [summary.duration_s]
    return LoadChart(
        title=f"{service} under load",
        subtitle=f"{kind}: {_counts(summary)}; {_latencies(summary)}",
        slo_ms=summary.slo_ms,
        moments=tuple(
            _moment(moment, end_s) for moment, end_s in zip(summary.moments, ends, strict=True)
        ),
    )


def _lines(service: str, kind: str, summary: Summary) -> Iterator[str]:
    yield f"{service}: {kind}"
    yield _counts(summary)
    for reason, count in summary.failures.items():
        yield f"  {count:,} x {reason}"
    yield f"latency, from when a request was due: {_latencies(summary)}"
    rates = f"rate: {rate_text(summary.sent_rps)}/s asked"
    if summary.slo_ms is None:
        yield f"{rates}, {rate_text(summary.attained_rps)}/s answered"
        return
    yield (
        f"{rates}, {rate_text(summary.attained_rps)}/s answered within the limit of "
        f"{latency_text(summary.slo_ms)} ms ({percent_text(summary.part_within)})"
    )


def _counts(summary: Summary) -> str:
    return (
        f"{plural(summary.num_sent, 'request')} sent, {summary.num_answered:,} answered, "
        f"{summary.num_failed:,} failed"
    )


def _latencies(summary: Summary) -> str:
    if summary.max_ms is None:
        return "nothing was answered"
    found = [f"p{at:g} {latency_text(ms)} ms" for at, ms in summary.percentiles_ms.items()]
    return ", ".join([*found, f"longest {latency_text(summary.max_ms)} ms"])


def _moment(moment: Moment, end_s: float) -> LoadMoment:
    length_s = end_s - moment.begin_s
    return LoadMoment(
        begin_s=moment.begin_s,
        end_s=end_s,
        due_rps=moment.num_due / length_s,
        answered_rps=moment.num_answered / length_s,
        failed_rps=moment.num_failed / length_s,
        p50_ms=moment.p50_ms,
        p99_ms=moment.p99_ms,
    )
