"""Laws of every replanned day."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.deployment import Deployment
from heddle.cluster.deployment_file import deployment_text
from heddle.transition.day import HOUR_S, Day
from heddle.transition.replan import Replanning, replan
from heddle.units import micro_ceil, micro_floor
from replan_days import NAMES, day_of, replanning, workload

HEADROOM = 0.1


@st.composite
def days(draw: st.DrawFn) -> Day:
    """Days of two to five intervals, from a minute to two hours each."""
    num_intervals = draw(st.integers(2, 5))
    rates = st.lists(st.integers(0, 60).map(float), min_size=num_intervals, max_size=num_intervals)
    columns = {name: draw(rates) for name in NAMES}
    return day_of(columns, draw(st.sampled_from((60, HOUR_S, 2 * HOUR_S))))


def setting(times: str) -> Replanning:
    return replanning(workload(headroom=HEADROOM), times)


TIMES = st.sampled_from(("direct", "kubernetes"))
few = settings(max_examples=25, deadline=None)


@few
@given(days(), TIMES)
def test_what_runs_in_an_interval_serves_its_demand_with_headroom(day: Day, times: str) -> None:
    services = workload(headroom=HEADROOM).services
    for outcome in replan(day, setting(times)).outcomes:
        for service in services:
            asked = replace(service, rate_rps=outcome.interval.rates_rps[service.name])
            served = sum(
                micro_floor(instance.rate_rps)
                for _, instance in outcome.running.instances()
                if instance.service == service.name
            )
            assert served >= micro_ceil(asked.required_rps)


@few
@given(days(), TIMES)
def test_demand_is_met_when_its_interval_begins_unless_it_is_said_to_be_late(
    day: Day, times: str
) -> None:
    free_s = float(day.begin_s)
    for outcome in replan(day, setting(times)).outcomes:
        if outcome.move is None:
            continue
        assert outcome.move.begin_s >= free_s
        free_s = outcome.move.end_s
        is_early = outcome.move.begin_s > day.begin_s and outcome.late_s == 0
        if outcome.decision.reason.name == "DEMAND" and is_early:
            assert outcome.move.end_s <= outcome.interval.begin_s + 1e-6


@few
@given(days(), TIMES)
def test_no_fewer_gpu_hours_than_the_optimum_of_every_interval(day: Day, times: str) -> None:
    with_planner = setting(times)
    replanned = replan(day, with_planner)
    least = 0.0
    for outcome in replanned.outcomes:
        optimum = with_planner.planner.plain(outcome.interval.rates_rps).num_gpus
        assert outcome.running.num_gpus >= optimum
        least += optimum * max(0.0, outcome.interval.length_s - outcome.late_s) / HOUR_S
    assert replanned.course.gpu_hours >= least - 1e-9


@few
@given(days(), TIMES)
def test_uses_cover_the_day_without_gaps(day: Day, times: str) -> None:
    uses = replan(day, setting(times)).course.uses
    assert (uses[0].begin_s, uses[-1].end_s) == (day.begin_s, day.end_s)
    assert all(before.end_s == after.begin_s for before, after in pairwise(uses))


@settings(max_examples=8, deadline=None)
@given(days())
def test_the_same_day_gives_the_same_bytes(day: Day) -> None:
    first, second = replan(day, setting("direct")), replan(day, setting("direct"))
    assert first.course.uses == second.course.uses
    for one, other in zip(first.outcomes, second.outcomes, strict=True):
        assert _bytes(one.running) == _bytes(other.running)
        assert one.decision == other.decision
        if one.move is not None and other.move is not None:
            assert one.move.transition.steps == other.move.transition.steps


def _bytes(deployment: Deployment) -> str:
    """Return the file of a deployment, without the certificate: that has the planning time."""
    return deployment_text(replace(deployment, certificate=None))
