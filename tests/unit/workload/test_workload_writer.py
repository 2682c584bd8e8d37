"""The text of workloads and tables: short, plain where it can be, always the same."""

from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.workload.files import load_workload
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint
from heddle.workload.service import Service, Spread
from heddle.workload.service_reader import DEFAULTS_KEYS
from heddle.workload.workload_writer import (
    DEFAULTED,
    number_text,
    performance_csv,
    workload_yaml,
)

A100 = GpuPool(builtin_catalogue().get("A100-80GB"), 4, 2, 3.2)
T4 = GpuPool(builtin_catalogue().get("T4"))
POINT = OperatingPoint("A100-80GB", "1g.10gb", "bert", 1, 2, 104.84, 19.0)


def test_the_text_of_a_workload_is_one_line_a_service() -> None:
    services = [
        Service("search", "bert", 1200.0, 60.0, percentile=90.0),
        Service("no", "bert", 0.000001, 12.5, percentile=90.0, spread=Spread.GPU),
        Service("my photos", "resnet50", 1e9, 60.0, profiles=("1g.10gb",), keep_apart=("no",)),
    ]
    text = workload_yaml([A100, T4], ["a.csv", "../b.csv"], services, ["one", "two\nthree"])
    assert text == (
        "# one\n# two\n# three\nversion: 1\n"
        "gpus:\n"
        "  - {type: A100-80GB, count: 4, per_node: 2, price_per_hour: 3.2}\n"
        "  - {type: T4-16GB}\n"
        'performance: [a.csv, "../b.csv"]\n'
        "defaults: {headroom: 0, latency_fraction: 0.5, percentile: 90, min_replicas: 1, "
        "max_share_per_gpu: null}\n"
        "services:\n"
        "  - {name: search, model: bert, rate_rps: 1200, latency_ms: 60}\n"
        '  - {name: "no", model: bert, rate_rps: 0.000001, latency_ms: 12.5, spread: gpu}\n'
        '  - {name: "my photos", model: resnet50, rate_rps: 1000000000, latency_ms: 60, '
        'percentile: 99, profiles: ["1g.10gb"], keep_apart: ["no"]}\n'
    )


def test_gpu_types_of_the_users_own_are_named() -> None:
    text = workload_yaml([T4], ["p.csv"], [Service("s", "m", 1, 1)], gpu_types=["own.yaml"])
    assert "version: 1\ngpu_types: [own.yaml]\ngpus:\n" in text


def test_the_optional_columns_stand_only_where_they_are_used() -> None:
    header = "gpu,profile,model,batch,processes,rate_rps,latency_ms"
    assert performance_csv([POINT]) == f"{header}\nA100-80GB,1g.10gb,bert,1,2,104.84,19\n"
    with_percentile = OperatingPoint("T4", "whole", "bert", 1, 1, 60.0, 17.25, percentile=99.0)
    assert performance_csv([POINT, with_percentile], ["source: measured"]) == (
        f"# source: measured\n{header},percentile\n"
        "A100-80GB,1g.10gb,bert,1,2,104.84,19,\nT4,whole,bert,1,1,60,17.25,99\n"
    )


def test_a_fitted_point_is_not_written_as_a_measurement() -> None:
    fitted = OperatingPoint("T4", "whole", "bert", 1, 1, 60.0, 17.0, is_fitted=True)
    with pytest.raises(ValueError, match="not a measurement"):
        performance_csv([POINT, fitted])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1200.0, "1200"),
        (0.05, "0.05"),
        (1e-6, "0.000001"),
        (1e16, "10000000000000000"),
        (100, "100"),
        (0.0, "0"),
        (123456.000001, "123456.000001"),
    ],
)
def test_a_number_is_written_without_an_exponent(number: float, text: str) -> None:
    assert number_text(number) == text
    assert float(text) == number


def test_writer_and_reader_know_the_same_defaults() -> None:
    assert DEFAULTED == DEFAULTS_KEYS


def test_a_service_may_be_kept_apart_from_a_thousand_others(tmp_path: Path) -> None:
    names = [f"service-{number:04d}" for number in range(1000)]
    services = [
        Service(name, "bert", 1.0, 60.0, keep_apart=tuple(n for n in names if n != name))
        for name in names[:1]
    ] + [Service(name, "bert", 1.0, 60.0) for name in names[1:]]
    (tmp_path / "p.csv").write_text(performance_csv([POINT]))
    (tmp_path / "w.yaml").write_text(workload_yaml([A100], ["p.csv"], services))
    assert load_workload(tmp_path / "w.yaml").services == tuple(services)
