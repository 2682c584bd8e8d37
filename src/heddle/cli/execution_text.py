"""How an execution ended, as text for ``heddle apply``."""

from __future__ import annotations

from heddle.drawing.table import Column, number_column, table_text
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.progress import ExecutionResult
from heddle.units import plural

_MAX_SERVICES = 40
_MAX_DECISIONS = 20

_HEADLINES = {
    ExecutionOutcome.DONE: "done: ",
    ExecutionOutcome.PAUSED: "",
    ExecutionOutcome.ABORTED: "aborted: ",
    ExecutionOutcome.STOPPED: "",
}


def result_text(result: ExecutionResult) -> str:
    """Return the outcome, figures, the least rate of every service, and what went wrong."""
    last = result.decisions[-1].sentence if result.decisions else ""
    figures = [f"{plural(result.num_done, 'step')} done in {result.elapsed_s:,.1f} s"]
    if result.num_retries:
        figures.append(plural(result.num_retries, "further attempt"))
    if result.num_replans:
        figures.append(f"planned anew {plural(result.num_replans, 'time')}")
    parts = [f"{_HEADLINES[result.outcome]}{last}\n{', '.join(figures)}"]
    if result.least:
        parts.append(_rates_text(result))
    if len(result.decisions) > 1:
        parts.append(_decisions_text(result))
    return "\n\n".join(parts)


def _rates_text(result: ExecutionResult) -> str:
    columns = [
        Column("service", max_width=40),
        number_column("least rate"),
        number_column("floor"),
        Column("kept"),
    ]
    rows = [
        (
            rate.service,
            f"{rate.rate_rps:,.6g}",
            f"{rate.floor_rps:,.6g}",
            "yes" if rate.is_kept else "NO",
        )
        for rate in sorted(result.least, key=lambda r: (r.is_kept, r.service))
    ]
    return table_text(columns, rows, _MAX_SERVICES)


def _decisions_text(result: ExecutionResult) -> str:
    told = result.decisions[:-1]
    lines = [f"- {decision.sentence}" for decision in told[:_MAX_DECISIONS]]
    if len(told) > _MAX_DECISIONS:
        lines.append(f"- … and {len(told) - _MAX_DECISIONS:,} more, in the journal")
    return "On the way:\n" + "\n".join(lines)
