"""A replanned day as text and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heddle.drawing.figures import duration_text, price_text
from heddle.drawing.table import Column, number_column, table_text
from heddle.transition.course import Course
from heddle.transition.day import clock_text
from heddle.transition.day_comparison import Alternative
from heddle.transition.replan import Outcome, ReplannedDay
from heddle.units import plural

_MAX_ROWS = 200
REPLAN = "replan"
Prices = Mapping[str, float]


def day_report(replanned: ReplannedDay, others: Sequence[Alternative], prices: Prices) -> str:
    """Return what ``heddle replan`` prints; prices per hour by GPU type."""
    parts = [
        _intervals_text(replanned.outcomes),
        _totals_text(replanned.course, others, prices if has_prices(prices) else {}),
    ]
    parts += ["\n".join(_remarks(replanned, others))]
    return "\n\n".join(part for part in parts if part)


def has_prices(prices: Prices) -> bool:
    """Whether GPU types differ in price, so that the sum tells more than GPU-hours."""
    return len(set(prices.values())) > 1


def _intervals_text(outcomes: Sequence[Outcome]) -> str:
    columns = [
        Column("time"),
        number_column("GPUs"),
        Column("decision"),
        Column("reason"),
        number_column("steps"),
        number_column("kept"),
        number_column("makespan"),
        number_column("spares"),
        Column("why", max_width=80),
    ]
    return table_text(columns, [_row(outcome) for outcome in outcomes], _MAX_ROWS)


def _row(outcome: Outcome) -> tuple[str, ...]:
    decision, move = outcome.decision, outcome.move
    moved = ("–", "–", "–", "–")
    if move is not None:
        transition = move.transition
        moved = (
            f"{len(transition.steps):,}",
            f"{transition.num_kept:,}",
            duration_text(transition.makespan_s),
            f"{transition.spare_gpus:,}",
        )
    return (
        clock_text(outcome.interval.begin_s),
        f"{outcome.running.num_gpus:,}",
        "move" if decision.is_move else "stay",
        decision.reason.value,
        *moved,
        decision.sentence,
    )


def _totals_text(course: Course, others: Sequence[Alternative], prices: Prices) -> str:
    columns = [
        Column(""),
        number_column("GPU-hours"),
        number_column("replan needs"),
        number_column("most GPUs"),
        number_column("moves"),
        number_column("steps"),
        number_column("moving"),
        *([number_column("price")] if prices else []),
    ]
    rows = [_total(REPLAN, course, course, prices)]
    rows += [_total(o.name, o.course, course, prices) for o in others if o.course is not None]
    return table_text(columns, rows)


def _total(name: str, course: Course, ours: Course, prices: Prices) -> tuple[str, ...]:
    return (
        name,
        f"{course.gpu_hours:,.2f}",
        _ratio_text(ours.gpu_hours, course.gpu_hours),
        f"{course.peak_gpus:,}",
        f"{len(course.moves):,}",
        f"{course.num_steps:,}",
        duration_text(course.moving_s) if course.moves else "–",
        *([price_text(course.price(prices))] if prices else []),
    )


def _ratio_text(ours: float, theirs: float) -> str:
    return f"{100 * ours / theirs:.1f} %" if theirs else "–"


def _remarks(replanned: ReplannedDay, others: Sequence[Alternative]) -> list[str]:
    remarks = [f"no course {o.name!r}: {o.note}" for o in others if o.course is None]
    late = [outcome for outcome in replanned.outcomes if outcome.late_s > 0]
    if late:
        worst = max(late, key=lambda outcome: outcome.late_s)
        remarks.append(
            f"{plural(len(late), 'interval')} too short: the move into "
            f"{clock_text(worst.interval.begin_s)} ends {duration_text(worst.late_s)} late, and "
            "until then its demand is not met"
        )
    return remarks


def day_document(
    replanned: ReplannedDay, others: Sequence[Alternative], prices: Prices
) -> dict[str, object]:
    """Return the day as JSON values; times are seconds since midnight."""
    courses = {REPLAN: replanned.course} | {o.name: o.course for o in others if o.course}
    return {
        "version": 1,
        "intervals": [_interval_document(outcome) for outcome in replanned.outcomes],
        "totals": {name: _course_document(own, prices) for name, own in courses.items()},
        "not_possible": {o.name: o.note for o in others if o.course is None},
    }


def _interval_document(outcome: Outcome) -> dict[str, object]:
    document: dict[str, object] = {
        "begin_s": outcome.interval.begin_s,
        "end_s": outcome.interval.end_s,
        "num_gpus": outcome.running.num_gpus,
        "is_move": outcome.decision.is_move,
        "reason": outcome.decision.reason.name.lower(),
        "sentence": outcome.decision.sentence,
        "late_s": outcome.late_s,
    }
    if outcome.move is not None:
        transition = outcome.move.transition
        document["transition"] = {
            "begin_s": outcome.move.begin_s,
            "makespan_s": transition.makespan_s,
            "num_steps": len(transition.steps),
            "num_kept": transition.num_kept,
            "spare_gpus": transition.spare_gpus,
        }
    return document


def _course_document(course: Course, prices: Prices) -> dict[str, object]:
    return {
        "gpu_hours": course.gpu_hours,
        "price": course.price(prices),
        "peak_gpus": course.peak_gpus,
        "num_moves": len(course.moves),
        "num_steps": course.num_steps,
        "moving_s": course.moving_s,
        "uses": [
            {"begin_s": use.begin_s, "end_s": use.end_s, "num_gpus": use.num_gpus}
            for use in course.uses
        ],
    }
