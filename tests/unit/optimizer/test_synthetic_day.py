"""Synthetic days: reproducible, with a night and two peaks."""

from __future__ import annotations

from statistics import fmean

from heddle.cluster.catalogue import builtin_catalogue
from heddle.optimizer.synthetic import Recipe, generate
from heddle.optimizer.synthetic_day import HOURS, synthetic_day
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB

CATALOGUE = builtin_catalogue()
TABLE = PerformanceTable(load_performance(PARVAGPU_A100_80GB, CATALOGUE))
WORKLOAD = generate(TABLE, GpuPool(CATALOGUE.get("A100-80GB")), Recipe(20, 60))


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert synthetic_day(WORKLOAD, 3) == synthetic_day(WORKLOAD, 3)
    assert synthetic_day(WORKLOAD, 3) != synthetic_day(WORKLOAD, 4)


def test_no_hour_is_far_beyond_the_rate_of_the_workload() -> None:
    day = synthetic_day(WORKLOAD, 0)
    for service in WORKLOAD.services:
        assert len(day[service.name]) == HOURS
        assert min(day[service.name]) > 0
        assert max(day[service.name]) <= 1.05 * service.rate_rps + 1e-3


def test_demand_has_two_peaks_with_a_dip_between_and_is_low_at_night() -> None:
    day = synthetic_day(WORKLOAD, 0)
    part = [
        fmean(day[service.name][hour] / service.rate_rps for service in WORKLOAD.services)
        for hour in range(HOURS)
    ]
    night, morning, noon, evening = (
        fmean(part[first:last]) for first, last in ((2, 5), (9, 12), (14, 16), (18, 21))
    )
    assert night < 0.8 * noon
    assert noon < morning
    assert noon < evening


def test_services_peak_at_different_hours() -> None:
    day = synthetic_day(WORKLOAD, 0)
    assert len({own.index(max(own)) for own in day.values()}) >= 4
