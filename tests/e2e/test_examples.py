"""Every example plans and verifies, by GPUs and by price, or runs on a simulated device."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from command_line import EXAMPLES, Heddle
from heddle.documents import load_yaml
from heddle.runtime.compiled import HAS_COMPILER


def workload_files() -> list[Path]:
    """Return the YAML files below examples/ that ask for services."""
    files = sorted(EXAMPLES.glob("*/*.yaml"))
    return [path for path in files if "services" in load_yaml(path).raw]


def device_workloads() -> list[Path]:
    """Return the JSON files below examples/ that ask for clients of one device."""
    return sorted(EXAMPLES.glob("*/*.json"))


def test_every_folder_of_examples_has_a_workload_and_a_page() -> None:
    folders = {path for path in EXAMPLES.iterdir() if path.name[:1].isdigit()}
    assert folders == {path.parent for path in (*workload_files(), *device_workloads())}
    assert all((folder / "README.md").is_file() for folder in folders)


@pytest.mark.parametrize("objective", ["gpus", "price"])
@pytest.mark.parametrize("path", workload_files(), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_plans_and_verifies(
    path: Path, objective: str, tmp_path: Path, heddle: Heddle
) -> None:
    plan, picture = tmp_path / "plan.json", tmp_path / "plan.svg"
    answer = heddle("plan", path, "--objective", objective, "-o", plan, "--svg", picture)
    assert answer.exit_code == 0, answer.err
    assert "NOT MET" not in answer.out
    assert "; no plan " in answer.out
    assert picture.stat().st_size > 0
    verdict = heddle("verify", path, plan)
    assert verdict.exit_code == 0, verdict.out


@pytest.mark.parametrize(
    "path", device_workloads(), ids=lambda path: str(path.relative_to(EXAMPLES))
)
def test_an_example_of_clients_runs_on_its_device(
    path: Path, tmp_path: Path, heddle: Heddle
) -> None:
    device, seconds = ("cpu", "0.2") if path.stem == "cpu" else ("sim:MI50", "0.05")
    if device == "cpu" and not (HAS_COMPILER and len(os.sched_getaffinity(0)) > 1):
        pytest.skip("needs 2 cores and numba: pip install 'heddle-gpu[runtime]'")
    figures, picture = tmp_path / "figures.json", tmp_path / "device.svg"
    outputs = ["--json", figures, "--svg", picture, "--quiet"]
    answer = heddle("run", path, "--device", device, "--seconds", seconds, *outputs)
    assert answer.exit_code == 0, answer.err
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert {client["kind"] for client in found["clients"].values()} == {"rt", "be"}
    assert found["blocks"]["lost"] == found["blocks"]["repeated"] == 0
    assert picture.stat().st_size > 0


def test_a_gpu_type_of_ones_own_is_drawn(tmp_path: Path, heddle: Heddle) -> None:
    own, picture = EXAMPLES / "04-custom-gpu" / "acme-x1.yaml", tmp_path / "x1.svg"
    answer = heddle("gpus", "X1", "--file", own, "--svg", picture)
    assert answer.exit_code == 0, answer.err
    assert "q3.40gb" in answer.out
    assert "q3.40gb" in picture.read_text(encoding="utf-8")
