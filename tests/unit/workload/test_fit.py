"""The fitted law: exact on its own form, monotone, honest, cautious."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.workload.fit import LAW_FITTERS, fit
from heddle.workload.gaps import fill_gaps, fitted_points
from heddle.workload.held_out import HeldOut
from heddle.workload.instance_shape import shape_rule
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.round_law import Shapes
from heddle.workload.tables import PARVAGPU_A100_80GB

CATALOGUE = builtin_catalogue()
A100 = CATALOGUE.get("A100-80GB")
MEASURED = ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")

RoundMs = Callable[[float, float, int, int], float]


def sum_of_bottlenecks(sms: float, memory: float, batch: int, processes: int) -> float:
    requests = batch * processes
    return 2.0 + 0.5 * processes + 30.0 * requests / sms + 0.7 * requests / memory


def soft_roofline(sms: float, memory: float, batch: int, processes: int) -> float:
    requests = batch * processes
    return math.hypot(4.0, 0.3 * processes, 50.0 * requests / sms, 1.5 * requests / memory)


def power_law(sms: float, memory: float, batch: int, processes: int) -> float:
    return 40.0 * math.pow(batch, 0.9) * math.pow(processes, 0.8) / math.pow(sms, 0.6)


def table_of(
    round_ms: RoundMs,
    profiles: Iterable[str] = MEASURED,
    batches: Iterable[int] = (1, 2, 4, 8, 16),
    processes: Iterable[int] = (1, 2, 3),
    latency_ratio: float = 1.0,
) -> PerformanceTable:
    rule = shape_rule(A100)
    cells = [(name, b, w) for name in profiles for b in batches for w in processes]
    return PerformanceTable(
        OperatingPoint(
            gpu="A100-80GB",
            profile=name,
            model="net",
            batch=b,
            processes=w,
            rate_rps=1000 * b * w / round_ms(rule.compute[name], rule.memory[name], b, w),
            latency_ms=latency_ratio * round_ms(rule.compute[name], rule.memory[name], b, w),
        )
        for name, b, w in cells
    )


def only(table: PerformanceTable, keep: Callable[[OperatingPoint], bool]) -> PerformanceTable:
    return PerformanceTable(point for point in table if keep(point))


def parvagpu() -> PerformanceTable:
    return PerformanceTable(load_performance(PARVAGPU_A100_80GB, CATALOGUE))


def key(point: OperatingPoint) -> tuple[str, str, int, int]:
    return point.profile, point.model, point.batch, point.processes


@pytest.mark.parametrize("round_ms", [sum_of_bottlenecks, soft_roofline, power_law])
def test_a_profile_that_was_not_measured_is_exact_where_a_law_holds(round_ms: RoundMs) -> None:
    whole = table_of(round_ms, latency_ratio=1.3)
    fitted = fit(only(whole, lambda p: p.profile not in ("2g.20gb", "4g.40gb")), CATALOGUE)
    for point in whole:
        predicted = fitted.predict(
            point.gpu, point.profile, point.model, point.batch, point.processes
        )
        assert predicted.rate_rps == pytest.approx(point.rate_rps, rel=1e-6)
        assert predicted.latency_ms == pytest.approx(point.latency_ms, rel=1e-6)
        assert predicted.is_fitted
    (error,) = fitted.errors.values()
    assert error.high_rate < 1e-6


def test_the_law_with_the_smallest_held_out_error_is_chosen() -> None:
    fitted = fit(table_of(soft_roofline), CATALOGUE)
    assert fitted.law_name == "soft roofline"
    assert fitted.law_errors[fitted.law_name] == min(fitted.law_errors.values())
    assert set(fitted.law_errors) == set(LAW_FITTERS)
    assert fitted.law_errors["power law"] > 0.05


@pytest.mark.parametrize("law", LAW_FITTERS)
def test_more_compute_or_memory_never_makes_a_predicted_round_longer(law: str) -> None:
    rng = np.random.default_rng(5)
    noisy = table_of(
        lambda sms, memory, b, w: soft_roofline(sms, memory, b, w) * float(rng.uniform(0.7, 1.4))
    )
    points = list(noisy)
    known = shape_rule(A100).of([(p.profile, p.batch, p.processes) for p in points])
    round_ms = np.array([1000 * p.batch * p.processes / p.rate_rps for p in points])
    fitted = LAW_FITTERS[law](known, round_ms)
    compute, memory = np.meshgrid(np.linspace(10, 120, 45), np.linspace(0.5, 9, 35))
    for batch, processes in ((1, 1), (8, 2), (3, 3)):
        same = np.ones(compute.size)
        shapes = Shapes(compute.ravel(), memory.ravel(), batch * same, processes * same)
        grid = fitted.round_ms(shapes).reshape(compute.shape)
        assert (np.diff(grid, axis=0) <= 1e-9 * grid[1:]).all()
        assert (np.diff(grid, axis=1) <= 1e-9 * grid[:, 1:]).all()


def test_on_public_measurements_the_held_out_error_is_reported_and_small(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fitted = fit(parvagpu(), CATALOGUE)
    with capsys.disabled():
        print(f"\nheld-out errors of {fitted.law_name}:")
        for subject, error in fitted.errors.items():
            print(
                f"  {subject.model:12} rate {error.median_rate:6.1%} {error.high_rate:6.1%}"
                f"  latency {error.median_latency:6.1%} {error.high_latency:6.1%}"
            )
    assert len(fitted.errors) == 11
    for error in fitted.errors.values():
        assert error.held_out is HeldOut.PROFILES
        assert 0 < error.median_rate < 0.08
        assert error.median_rate < error.high_rate < 0.2
        assert error.median_latency < error.high_latency < 0.2


def test_the_error_on_rows_that_were_never_shown_is_like_the_reported_one() -> None:
    table = parvagpu()
    shown = only(table, lambda p: p.profile not in ("2g.20gb", "4g.40gb"))
    measured = {key(p): p for p in table}
    filled = [p for p in fitted_points(shown, CATALOGUE) if key(p) in measured]
    assert len(filled) > 500
    kept = [p.rate_rps <= measured[key(p)].rate_rps for p in filled]
    assert np.mean(kept) > 0.75
    kept = [p.latency_ms >= measured[key(p)].latency_ms for p in filled]
    assert np.mean(kept) > 0.75


def test_caution_lowers_rates_and_raises_latencies_by_the_held_out_error() -> None:
    fitted = fit(parvagpu(), CATALOGUE)
    error = fitted.errors[min(fitted.errors)]
    asked = ("A100-80GB", "1g.20gb", "bert", 8, 2)
    likely, cautious = fitted.predict(*asked), fitted.predict_cautiously(*asked)
    assert error.rate_excess > 0
    assert cautious.rate_rps == pytest.approx(likely.rate_rps / (1 + error.rate_excess), abs=2e-3)
    assert cautious.rate_rps < likely.rate_rps
    assert cautious.latency_ms == pytest.approx(
        likely.latency_ms * (1 + error.latency_shortfall), abs=2e-3
    )
    assert cautious.latency_ms > likely.latency_ms


def test_the_same_table_gives_the_same_fit_in_any_order() -> None:
    table = parvagpu()
    backwards = PerformanceTable(reversed(list(table)))
    one, other = fitted_points(table, CATALOGUE), fitted_points(backwards, CATALOGUE)
    assert one == fitted_points(table, CATALOGUE)
    assert [key(p) for p in one] == [key(p) for p in other]
    assert [p.rate_rps for p in one] == pytest.approx([p.rate_rps for p in other], rel=1e-6)


def test_gaps_between_measured_profiles_are_filled_and_marked() -> None:
    shown = table_of(soft_roofline, ("1g.10gb", "3g.40gb", "7g.80gb"))
    filled = fitted_points(shown, CATALOGUE)
    assert {p.profile for p in filled} == {"1g.20gb", "2g.20gb", "4g.40gb"}
    assert len(filled) == 3 * 15
    assert all(p.is_fitted for p in filled)


def test_a_media_engine_is_no_reason_for_a_point() -> None:
    filled = fitted_points(table_of(soft_roofline), CATALOGUE)
    assert {p.profile for p in filled} == {"1g.20gb"}


def test_nothing_is_filled_beyond_the_outermost_measured_profiles() -> None:
    shown = table_of(soft_roofline, ("2g.20gb", "3g.40gb", "4g.40gb"))
    assert fitted_points(shown, CATALOGUE) == ()


def test_two_profiles_are_too_few_to_judge_a_third_but_holes_are_filled() -> None:
    whole = table_of(soft_roofline, ("1g.10gb", "7g.80gb"))
    shown = only(whole, lambda p: key(p) != ("1g.10gb", "net", 4, 2))
    fitted = fit(shown, CATALOGUE)
    (error,) = fitted.errors.values()
    assert error.held_out is HeldOut.ROWS
    (point,) = fill_gaps(fitted)
    assert key(point) == ("1g.10gb", "net", 4, 2)


def test_a_point_that_probably_ran_out_of_memory_is_not_invented() -> None:
    def ran(p: OperatingPoint) -> bool:
        return p.profile != "1g.10gb" or p.batch * p.processes <= 8

    shown = only(table_of(soft_roofline), ran)
    filled = fitted_points(shown, CATALOGUE)
    assert not [p for p in filled if p.profile == "1g.10gb"]
    assert max(p.batch * p.processes for p in filled if p.profile == "1g.20gb") <= 8


def test_an_unmeasured_profile_gets_only_what_a_profile_with_no_more_memory_ran() -> None:
    def ran(p: OperatingPoint) -> bool:
        return p.profile in ("3g.40gb", "7g.80gb") or (p.profile == "1g.10gb" and p.batch <= 4)

    filled = fitted_points(only(table_of(soft_roofline), ran), CATALOGUE)
    assert max(p.batch for p in filled if p.profile == "2g.20gb") == 4
    assert max(p.batch for p in filled if p.profile == "4g.40gb") == 16


def test_no_filled_point_leaves_the_measured_ranges_or_repeats_a_measurement() -> None:
    table = parvagpu()
    measured = {key(p) for p in table}
    largest: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for p in table:
        largest.setdefault((p.profile, p.model), set()).add((p.batch, p.processes))
    filled = fitted_points(only(table, lambda p: p.profile != "2g.20gb"), CATALOGUE)
    assert {p.profile for p in filled} == {"1g.20gb", "2g.20gb"}
    for p in filled:
        ran = largest["1g.10gb", p.model]
        assert any(b >= p.batch and w >= p.processes for b, w in ran)
        assert p.profile == "2g.20gb" or key(p) not in measured


def test_the_highest_measured_percentile_is_fitted() -> None:
    low = list(table_of(soft_roofline))
    high = [
        OperatingPoint(
            p.gpu, p.profile, p.model, p.batch, p.processes, p.rate_rps, 2 * p.latency_ms, 99.0
        )
        for p in low
    ]
    predicted = fit(PerformanceTable([*low, *high]), CATALOGUE).predict(
        "A100-80GB", "2g.20gb", "net", 4, 1
    )
    assert predicted.percentile == 99.0
    assert predicted.latency_ms == pytest.approx(2000 * 4 / predicted.rate_rps)


def test_too_few_rows_are_refused_by_name() -> None:
    fitted = fit(table_of(soft_roofline, ("1g.10gb",), (1, 2), (1, 2)), CATALOGUE)
    assert not fitted.subjects
    with pytest.raises(InputError, match="no fit for 'net' on A100-80GB: 4 rows were measured"):
        fitted.predict("A100-80GB", "1g.10gb", "net", 1, 1)
    assert fill_gaps(fitted) == ()


def test_a_network_that_is_not_in_the_table_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="did you mean 'net'"):
        fit(table_of(soft_roofline), CATALOGUE).predict("A100-80GB", "1g.10gb", "nets", 1, 1)


def test_fitted_points_do_not_enter_a_fit() -> None:
    table = table_of(soft_roofline, ("1g.10gb", "3g.40gb", "7g.80gb"))
    filled = table.with_points(fitted_points(table, CATALOGUE))
    assert fitted_points(filled, CATALOGUE) == fitted_points(table, CATALOGUE)
