"""``heddle generate``: synthetic workloads that are the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Heddle


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_a_workload_has_the_size_that_was_asked_for_and_plans(
    distribution: str, tmp_path: Path, heddle: Heddle
) -> None:
    made = tmp_path / "made"
    size = ["--services", 40, "--gpus", 200, "--distribution", distribution]
    answer = heddle("generate", *size, "--seed", 9, "-o", made)
    assert answer.exit_code == 0, answer.err
    assert answer.out == f"{made / 'workload.yaml'}\n"
    assert sorted(contents(made)) == ["performance.csv", "workload.yaml"]
    plan = tmp_path / "plan.json"
    result = json.loads(heddle("plan", made / "workload.yaml", "-o", plan, "--json").out)
    assert len(result["deployment"]["services"]) == 40
    assert 200 <= result["lower_bound"] <= result["objective"] <= 210
    assert heddle("verify", made / "workload.yaml", plan).exit_code == 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, heddle: Heddle
) -> None:
    made = []
    for name, seed in (("first", 4), ("second", 4), ("third", 5)):
        folder = tmp_path / name
        size = ["--services", 12, "--gpus", 30]
        assert heddle("generate", *size, "--seed", seed, "-o", folder).exit_code == 0
        made.append(contents(folder))
    assert made[0] == made[1]
    assert made[0]["workload.yaml"] != made[2]["workload.yaml"]


def test_a_latency_limit_can_be_the_same_for_all(tmp_path: Path, heddle: Heddle) -> None:
    size = ["--services", 12, "--gpus", 30, "--latency", 150]
    assert heddle("generate", *size, "-o", tmp_path).exit_code == 0
    text = (tmp_path / "workload.yaml").read_text(encoding="utf-8")
    assert text.count("latency_ms: 150") == 12


def test_the_sizes_of_the_paper_are_four_workloads(tmp_path: Path, heddle: Heddle) -> None:
    answer = heddle("generate", "--paper", "-o", tmp_path)
    assert answer.exit_code == 0
    names = ["normal-1", "normal-2", "lognormal-1", "lognormal-2"]
    assert answer.out.splitlines() == [str(tmp_path / f"{name}.yaml") for name in names]
    result = json.loads(heddle("plan", tmp_path / "normal-1.yaml", "--json").out)
    assert len(result["deployment"]["services"]) == 24
    assert 137 <= result["objective"] <= 140
