"""The same day spent in three other ways, to hold ``replan`` against.

- Whole: every service has GPUs of its own, uncut, as many as it needs in each
  interval; they come and go in no time, which is more than any cluster can do.
- Static: one plan for the highest rate of every service, all day.
- Scratch: the plain plan of every interval, whatever ran before, with MIG-serving's
  exchange and compact as the way there. Its transitions count like those of ``replan``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from heddle.errors import InputError, NoPlanError
from heddle.transition.course import Course, Move, course_of, gpus_in, still_course
from heddle.transition.day import Day, clock_text
from heddle.transition.plan import plan_transition
from heddle.transition.replan import Replanning, at_time, begin_of

WHOLE, STATIC, SCRATCH = "whole GPUs", "static peak", "from scratch"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way to spend the day; without a course, and with a note, where there is none."""

    name: str
    course: Course | None
    note: str = ""


def alternatives(day: Day, replanning: Replanning) -> tuple[Alternative, ...]:
    """Return whole, static and scratch."""
    return (
        _tried(WHOLE, lambda: whole_course(day, replanning)),
        _tried(STATIC, lambda: static_course(day, replanning)),
        _tried(SCRATCH, lambda: scratch_course(day, replanning)),
    )


def _tried(name: str, course: Callable[[], Course]) -> Alternative:
    try:
        return Alternative(name, course())
    except (NoPlanError, InputError) as error:
        return Alternative(name, None, str(error))


def whole_course(day: Day, replanning: Replanning) -> Course:
    """Return the course with uncut GPUs of every service's own, resized at no cost."""
    whole = replanning.planner.whole
    return still_course(day, [whole(interval.rates_rps) for interval in day.intervals])


def static_course(day: Day, replanning: Replanning) -> Course:
    """Return the course with one plan for the highest rate of every service."""
    replanning.report("the static plan for the peak")
    gpus = gpus_in(replanning.planner.plain(day.peak_rps()))
    return still_course(day, [gpus] * len(day.intervals))


def scratch_course(day: Day, replanning: Replanning) -> Course:
    """Return the course with the plain plan of every interval and exchange and compact.

    Raises
    ------
    NoPlanError
        An interval has no plan, or there is no order of steps; it begins with the time.
    """
    planner = replanning.planner
    first = running = planner.plain(day.intervals[0].rates_rps)
    free_s = float(day.begin_s)
    moves: list[Move] = []
    for interval in day.intervals[1:]:
        replanning.report(f"{clock_text(interval.begin_s)}, from scratch")
        is_needed = bool(planner.short(interval.rates_rps, running))
        try:
            request = replanning.request_of(running, planner.plain(interval.rates_rps))
            transition = plan_transition(request, "exchange_compact")
        except (NoPlanError, InputError) as error:
            raise at_time(error, interval.begin_s) from error
        running = transition.target
        if transition.steps:
            begin_s = begin_of(interval, transition, free_s, is_needed=is_needed)
            moves.append(Move(begin_s, transition))
            free_s = moves[-1].end_s
    return course_of(day, first, moves)
