"""What ``heddle run`` prints: a table of clients, preemptions, blocks."""

from __future__ import annotations

from collections.abc import Iterator

from heddle.drawing.figures import latency_text, rate_text
from heddle.drawing.table import Column, number_column, table_text
from heddle.runtime.replay.result_file import preemption_members
from heddle.runtime.replay.results import ClientResult, RunResult
from heddle.units import plural

_COLUMNS = (
    Column("client", max_width=28),
    Column("kind"),
    Column("network", max_width=20),
    number_column("requests"),
    number_column("per s"),
    number_column("mean ms"),
    number_column("p50"),
    number_column("p95"),
    number_column("p99"),
    number_column("alone"),
    number_column("over alone"),
    number_column("over shared"),
)
_NONE = "–"


def run_text(result: RunResult) -> str:
    """The lines that ``heddle run`` prints."""
    return "\n".join(_lines(result))


def _lines(result: RunResult) -> Iterator[str]:
    yield (
        f"{result.workload} on {result.device}, policy {result.policy}: {result.seconds:g} s, "
        f"seed {result.seed}; times are {result.label}"
    )
    yield ""
    yield table_text(_COLUMNS, [_row(result, client) for client in result.clients])
    yield ""
    yield _totals(result)
    yield _preemption_text(result)
    blocks = result.blocks
    yield (
        f"blocks: {blocks.run:,} run, {blocks.lost:,} lost to kills, {blocks.repeated:,} run again"
    )
    yield from _remarks(result)


def _row(result: RunResult, client: ClientResult) -> list[str]:
    latency_ms = client.latency_ms()
    return [
        client.id,
        "rt" if client.is_real_time else "be",
        client.network,
        f"{client.num_completed:,}",
        rate_text(result.rate_rps(client)),
        *(_ms(latency_ms[name]) for name in ("mean", "p50", "p95", "p99")),
        _ms(client.alone_ms),
        _percent(client.over_alone()),
        _percent(client.over_shared()),
    ]


def _totals(result: RunResult) -> str:
    rates = {True: 0.0, False: 0.0}
    for client in result.clients:
        rates[client.is_real_time] += result.rate_rps(client)
    return (
        f"throughput: {rate_text(sum(rates.values()))}/s, of which real-time "
        f"{rate_text(rates[True])}/s and best-effort {rate_text(rates[False])}/s"
    )


def _preemption_text(result: RunResult) -> str:
    members = preemption_members(result.preemptions)
    if members["p50"] is None:
        return f"preemptions: {members['count']:,}"
    parts = ", ".join(
        f"{name} {_us(part['p50'])}/{_us(part['p99'])}" for name, part in members["parts"].items()
    )
    return (
        f"preemptions: {members['count']:,}; until the first real-time block p50 "
        f"{_us(members['p50'])} µs, p99 {_us(members['p99'])} µs (p50/p99: {parts})"
    )


def _remarks(result: RunResult) -> Iterator[str]:
    for client in result.clients:
        for count, word in (
            (client.num_unfinished, "due and not over at the end"),
            (client.num_failed, "failed"),
            (client.num_skipped, "skipped for newer ones"),
        ):
            if count > (word.startswith("due") and not client.is_real_time):
                yield f"{client.id}: {plural(count, 'request')} {word}"
    yield from result.remarks


def _ms(latency_ms: float | None) -> str:
    return _NONE if latency_ms is None else latency_text(latency_ms)


def _us(length_us: float) -> str:
    return f"{length_us:,.0f}" if length_us >= 100 else f"{round(length_us, 1):g}"


def _percent(part: float | None) -> str:
    return _NONE if part is None else f"{100 * part:+.1f} %"
