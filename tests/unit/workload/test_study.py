"""Scaling classes: the rule at its boundaries, its reasons, and two public data sets."""

import csv
import os
from fractions import Fraction
from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.workload.fit import fit
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.scaling_series import scaling_series
from heddle.workload.study import Scaling, ScalingRow, scaling_class, study
from heddle.workload.study_sheets import (
    Sheet,
    best_sheet,
    count_sheet,
    error_sheet,
    law_sheet,
    scaling_sheet,
)
from heddle.workload.tables import PARVAGPU_A100_80GB

CATALOGUE = builtin_catalogue()
DATA = Path(os.environ.get("HEDDLE_DATA", Path(__file__).parents[3] / "../shared/data"))
MISO = DATA / "miso-socc22" / "train_step_time_by_mig_profile.csv"


def point(profile: str, rate_rps: float, **changes: object) -> OperatingPoint:
    fields: dict[str, object] = {
        "gpu": "A100-80GB",
        "profile": profile,
        "model": "net",
        "batch": 8,
        "processes": 1,
        "rate_rps": rate_rps,
        "latency_ms": 10.0,
    }
    return OperatingPoint(**{**fields, **changes})  # type: ignore[arg-type] # a row of mixed values


def only_row(*points: OperatingPoint, processes: int = 1) -> ScalingRow:
    (row,) = study(PerformanceTable(points), CATALOGUE, processes).rows
    return row


def parvagpu() -> PerformanceTable:
    return PerformanceTable(load_performance(PARVAGPU_A100_80GB, CATALOGUE))


@pytest.mark.parametrize(
    ("rate_rps", "scaling"),
    [
        (649.999999, Scaling.SUB_LINEAR),
        (650.0, Scaling.LINEAR),
        (700.0, Scaling.LINEAR),
        (750.0, Scaling.LINEAR),
        (750.000001, Scaling.SUPER_LINEAR),
    ],
)
def test_seven_slices_are_linear_from_6_5_to_7_5_times_one_slice(
    rate_rps: float, scaling: Scaling
) -> None:
    row = only_row(point("1g.10gb", 100.0), point("7g.80gb", rate_rps))
    assert row.scaling is scaling
    assert row.ratio == Fraction(str(rate_rps)) / 100


def test_the_band_is_in_proportion_where_a_gpu_has_other_slices() -> None:
    assert scaling_class(Fraction(4) * 13 / 14, 4) is Scaling.LINEAR
    assert scaling_class(Fraction(4) * 15 / 14, 4) is Scaling.LINEAR
    assert scaling_class(Fraction("3.71"), 4) is Scaling.SUB_LINEAR
    assert scaling_class(Fraction("4.29"), 4) is Scaling.SUPER_LINEAR


def test_the_slice_is_that_of_the_smallest_profile_that_runs_the_network() -> None:
    row = only_row(point("2g.20gb", 200.0), point("4g.40gb", 900.0), point("7g.80gb", 700.0))
    assert row.scaling is Scaling.LINEAR
    assert row.ratio == 7
    assert "7.00 slices of 2g.20gb" in row.reason


def test_a_network_without_the_largest_profile_is_unknown_and_the_reason_names_it() -> None:
    row = only_row(point("1g.10gb", 100.0), point("3g.40gb", 250.0))
    assert (row.scaling, row.ratio) == (Scaling.UNKNOWN, None)
    assert "not measured on 7g.80gb" in row.reason


def test_a_network_on_the_largest_profile_alone_is_unknown() -> None:
    row = only_row(point("7g.80gb", 100.0))
    assert row.scaling is Scaling.UNKNOWN
    assert "7g.80gb only" in row.reason


def test_a_gpu_that_cannot_be_cut_is_unknown() -> None:
    row = only_row(point("whole", 100.0, gpu="T4"))
    assert row.scaling is Scaling.UNKNOWN
    assert "cannot be cut" in row.reason


def test_the_class_is_of_one_process_and_the_best_profile_of_any() -> None:
    row = only_row(
        point("1g.10gb", 100.0),
        point("7g.80gb", 700.0),
        point("7g.80gb", 1400.0, processes=3),
        point("2g.20gb", 390.0, processes=2),
    )
    assert row.scaling is Scaling.LINEAR
    assert [rate.profile.name for rate in row.rates] == ["1g.10gb", "7g.80gb"]
    assert row.best_per_slice.profile.name == "7g.80gb"
    assert row.best_per_slice.point.processes == 3
    assert row.best_per_memory_unit is not None
    assert row.best_per_memory_unit.profile.name == "2g.20gb"
    assert row.num_points == 4


def test_a_class_can_be_asked_for_another_number_of_processes() -> None:
    points = (point("1g.10gb", 100.0), point("7g.80gb", 700.0), point("7g.80gb", 9.0, processes=2))
    row = only_row(*points, processes=2)
    assert row.scaling is Scaling.UNKNOWN
    assert only_row(*points, processes=5).reason == "not measured with processes 5"


def test_of_equally_good_profiles_the_smallest_is_named() -> None:
    row = only_row(point("7g.80gb", 700.0), point("2g.20gb", 200.0), point("1g.10gb", 100.0))
    assert row.best_per_slice.profile.name == "1g.10gb"


def test_fitted_points_are_not_studied() -> None:
    row = only_row(
        point("1g.10gb", 100.0), point("7g.80gb", 700.0), point("2g.20gb", 999.0, is_fitted=True)
    )
    assert row.num_points == 2
    assert row.best_per_slice.profile.name == "1g.10gb"


def test_a_profile_of_another_gpu_is_refused() -> None:
    with pytest.raises(InputError, match="has no profile"):
        study(PerformanceTable([point("1g.5gb", 1.0)]), CATALOGUE)


def test_parvagpus_networks_are_sub_linear_up_to_batch_32_and_ten_of_eleven_at_64() -> None:
    counts = {count.batch: count.by_class for count in study(parvagpu(), CATALOGUE).counts}
    assert [counts[batch][Scaling.SUB_LINEAR] for batch in (1, 2, 4, 8, 16, 32, 64)] == (
        [11] * 6 + [10]
    )
    assert counts[64][Scaling.LINEAR] == 1


@pytest.mark.skipif(not MISO.exists(), reason=f"no {MISO}: set HEDDLE_DATA to the public data")
def test_misos_training_steps_are_28_sub_linear_2_linear_and_2_super_linear() -> None:
    with MISO.open() as stream:
        table = PerformanceTable(
            point(
                row["mig_profile"],
                float(row["samples_per_s_at_median"]),
                gpu="A100-40GB",
                model=row["model"],
                batch=int(row["batch_size"]),
                latency_ms=1000 * float(row["median_step_s"]),
            )
            for row in csv.DictReader(stream)
        )
    classes = [row.scaling for row in study(table, CATALOGUE).rows]
    found = {scaling: classes.count(scaling) for scaling in Scaling}
    assert found == {
        Scaling.SUB_LINEAR: 28,
        Scaling.LINEAR: 2,
        Scaling.SUPER_LINEAR: 2,
        Scaling.UNKNOWN: 0,
    }


def test_every_sheet_is_rectangular_and_covers_the_study() -> None:
    table = parvagpu()
    studied, fitted = study(table, CATALOGUE), fit(table, CATALOGUE)
    sheets: dict[str, tuple[Sheet, int]] = {
        "counts": (count_sheet(studied), len(studied.counts)),
        "best": (best_sheet(studied), 11),
        "rows": (scaling_sheet(studied), len(studied.rows)),
        "errors": (error_sheet(fitted), 11),
        "laws": (law_sheet(fitted), len(fitted.law_errors)),
    }
    for sheet, num_rows in sheets.values():
        assert len(sheet.rows) == num_rows
        assert len(sheet.headings) == len(sheet.is_number)
        assert {len(row) for row in sheet.rows} == {len(sheet.headings)}


def test_series_have_what_was_measured_and_a_fit_between_the_outermost_profiles() -> None:
    points = [p for p in parvagpu() if p.model == "resnet50" and p.profile != "2g.20gb"]
    table = PerformanceTable(points)
    series = scaling_series(study(table, CATALOGUE), fit(table, CATALOGUE))
    line = next(one for one in series if one.batch == 8)
    assert [p.compute_slices for p in line.measured] == [1, 3, 4, 7]
    assert [p.compute_slices for p in line.fitted] == [1, 2, 3, 4, 7]
    assert [p.compute_slices for p in line.held_out] == [3, 4]
    assert line.fitted[0].rate_rps < line.fitted[1].rate_rps < line.fitted[2].rate_rps


def test_a_network_without_a_fit_has_a_series_without_one() -> None:
    table = PerformanceTable([point("1g.10gb", 100.0), point("7g.80gb", 700.0)])
    (line,) = scaling_series(study(table, CATALOGUE), fit(table, CATALOGUE))
    assert (line.fitted, line.held_out) == ((), ())
    (row,) = error_sheet(fit(table, CATALOGUE)).rows
    assert "no fit: 2 rows were measured, 8 are needed" in row
