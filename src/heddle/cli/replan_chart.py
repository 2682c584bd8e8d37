"""A replanned day as the records that ``drawing.day`` draws."""

from __future__ import annotations

from collections.abc import Sequence

from heddle.cli.replan_text import REPLAN
from heddle.drawing.day import DayChart, DayLine, DayMove, Level
from heddle.drawing.figures import duration_text
from heddle.transition.course import Course
from heddle.transition.day import Day, clock_text
from heddle.transition.day_comparison import Alternative
from heddle.transition.replan import Outcome, ReplannedDay
from heddle.units import plural


def day_chart(
    day: Day, replanned: ReplannedDay, others: Sequence[Alternative], title: str
) -> DayChart:
    """Return the chart of GPUs in use over the day."""
    lines = [_line(REPLAN, replanned.course)]
    lines += [_line(o.name, o.course) for o in others if o.course is not None]
    return DayChart(
        title=title,
        subtitle=_subtitle(replanned),
        begin_s=day.begin_s,
        end_s=day.end_s,
        lines=tuple(lines),
        moves=tuple(_move(o) for o in replanned.outcomes if o.move is not None),
    )


def _subtitle(replanned: ReplannedDay) -> str:
    course = replanned.course
    stays = sum(not outcome.decision.is_move for outcome in replanned.outcomes[1:])
    return (
        f"GPUs in use: {plural(len(replanned.outcomes), 'interval')}, "
        f"{plural(len(course.moves), 'move')}, stays {plural(stays, 'time')}; "
        f"{duration_text(course.moving_s)} of moving in all"
    )


def _line(name: str, course: Course) -> DayLine:
    levels = tuple(Level(use.begin_s, use.end_s, use.num_gpus) for use in course.uses)
    return DayLine(name, f"{course.gpu_hours:,.1f} GPU-hours", levels)


def _move(outcome: Outcome) -> DayMove:
    move = outcome.move
    begin_s = outcome.interval.begin_s if move is None else move.begin_s
    makespan_s = 0.0 if move is None else move.transition.makespan_s
    tip = (
        f"{clock_text(begin_s)}, {duration_text(makespan_s)}: "
        f"{outcome.decision.reason.value}; {outcome.decision.sentence}"
    )
    return DayMove(
        begin_s,
        outcome.running.num_gpus,
        is_growth=outcome.decision.reason.name == "DEMAND",
        tip=tip,
    )
