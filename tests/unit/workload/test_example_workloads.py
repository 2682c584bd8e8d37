"""Every example is a workload that can be planned, and is what its README says."""

import math
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue, load_gpu_types
from heddle.optimizer.problem import Feature, Objective, build_problem
from heddle.workload.files import load_workload
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB

EXAMPLES = Path(__file__).parents[3] / "examples"
WORKLOADS = sorted(path for path in EXAMPLES.glob("0*/*.yaml") if "\nservices:" in path.read_text())


def test_there_are_the_promised_examples() -> None:
    folders = Counter(path.parent.name for path in WORKLOADS)
    assert folders == {
        "01-parvagpu": 6,
        "02-fleet-of-24": 1,
        "03-mixed-fleet": 1,
        "04-custom-gpu": 1,
        "05-day-and-night": 2,
        "06-one-machine": 2,
        "08-shared-instance": 1,
    }


@pytest.mark.parametrize("folder", sorted(EXAMPLES.glob("0*")), ids=lambda path: path.name)
def test_every_example_says_what_it_shows_and_how_to_run_it(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    assert any(f"heddle {verb} examples/{folder.name}/" in text for verb in ("plan", "run"))


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("objective", Objective)
def test_every_example_becomes_a_problem(path: Path, objective: Objective) -> None:
    workload = load_workload(path)
    problem = build_problem(workload, objective)
    assert problem.num_services == len(workload.services)
    assert (problem.rate.max(axis=1) > 0).all()


def test_the_table_of_the_examples_is_the_packaged_one() -> None:
    example = EXAMPLES / "performance" / "a100-80gb.csv"
    assert example.read_bytes() == PARVAGPU_A100_80GB.read_bytes()
    assert len(load_performance(example, builtin_catalogue())) == 1747


def test_the_fleet_of_24_uses_every_model_and_every_option() -> None:
    workload = load_workload(EXAMPLES / "02-fleet-of-24" / "workload.yaml")
    assert len(workload.services) == 24
    assert {service.model for service in workload.services} == set(workload.performance.models)
    assert build_problem(workload).features >= {
        Feature.MIN_REPLICAS,
        Feature.SPREAD,
        Feature.MAX_SHARE,
        Feature.KEEP_APART,
    }


def test_the_mixed_fleets_figures_are_the_a100s_scaled_as_stated() -> None:
    catalogue = builtin_catalogue()
    a100 = [
        point
        for point in load_performance(PARVAGPU_A100_80GB, catalogue)
        if point.batch <= 32 and point.processes <= 3
    ]
    h100 = {
        ("H100-80GB", p.profile, p.model, p.batch, p.processes): (
            float(Decimal(repr(p.rate_rps)) * 2),
            float(Decimal(repr(p.latency_ms)) / 2),
        )
        for p in a100
    }
    t4 = {
        ("T4-16GB", "whole", p.model, p.batch, p.processes): (
            float(Decimal(repr(p.rate_rps)) * Decimal("0.8")),
            float(Decimal(repr(p.latency_ms)) * Decimal("1.25")),
        )
        for p in a100
        if p.profile == "1g.10gb"
    }
    scaled = load_performance(EXAMPLES / "03-mixed-fleet" / "h100-t4-synthetic.csv", catalogue)
    assert {
        (p.gpu, p.profile, p.model, p.batch, p.processes): (p.rate_rps, p.latency_ms)
        for p in scaled
    } == h100 | t4


def test_synthetic_figures_are_labelled() -> None:
    for path in ("03-mixed-fleet/h100-t4-synthetic.csv", "04-custom-gpu/acme-x1.csv"):
        assert "synthetic" in (EXAMPLES / path).read_text().splitlines()[0].casefold()
        assert "synthetic" in (EXAMPLES / path).with_name("README.md").read_text().casefold()


def test_only_the_h100_is_fast_enough_for_the_service_that_says_so() -> None:
    problem = build_problem(load_workload(EXAMPLES / "03-mixed-fleet" / "workload.yaml"))
    typeahead = [service.name for service in problem.services].index("typeahead")
    able = {
        problem.pools[kind.pool].gpu_type.name
        for kind, point in zip(problem.kinds, problem.points[typeahead], strict=True)
        if point is not None
    }
    assert able == {"H100-80GB"}


def test_the_custom_gpus_figures_are_derived_as_stated() -> None:
    folder = EXAMPLES / "04-custom-gpu"
    catalogue = builtin_catalogue().with_types(load_gpu_types(folder / "acme-x1.yaml"))
    gpu_type = catalogue.get("X1")
    base = {"speech": 40, "transcode-check": 90}
    gain = {1: 1.0, 4: 1.8, 16: 2.4}
    points = load_performance(folder / "acme-x1.csv", catalogue)
    assert len(points) == len(base) * len(gain) * len(gpu_type.profiles)
    for point in points:
        slices = gpu_type.profile(point.profile).compute_slices
        rate_rps = round(base[point.model] * slices**0.9 * gain[point.batch], 1)
        assert point.rate_rps == pytest.approx(rate_rps)
        assert point.latency_ms == pytest.approx(math.ceil(10_000 * point.batch / rate_rps) / 10)
