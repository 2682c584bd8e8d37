"""``heddle plan`` from the workload file to the files it writes."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from command_line import (
    FLEET_OF_24,
    MIXED_FLEET,
    SCENARIO_OPTIMA,
    WORKLOAD,
    Heddle,
    heddle_process,
    replaced,
    scenario,
    small_workload,
)
from heddle.optimizer.solvers import SOLVERS


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("number", "num_gpus"), SCENARIO_OPTIMA.items())
def test_a_scenario_takes_the_fewest_gpus_and_says_so(
    number: int, num_gpus: int, tmp_path: Path, heddle: Heddle
) -> None:
    plan = tmp_path / "plan.json"
    answer = heddle("plan", scenario(number), "-o", plan)
    assert answer.exit_code == 0
    assert answer.err == ""
    assert f"\n{num_gpus} GPUs; no plan with {num_gpus - 1} exists" in answer.out
    assert len(read_json(plan)["gpus"]) == num_gpus
    verdict = heddle("verify", scenario(number), plan)
    assert verdict.exit_code == 0
    assert verdict.out.startswith("accepted: every check passed\n")
    assert f"counted: {num_gpus} GPUs" in verdict.out


def test_the_saving_against_whole_gpus_is_said(heddle: Heddle) -> None:
    whole = heddle("plan", scenario(6), "--solver", "whole", "--json")
    num_whole = json.loads(whole.out)["objective"]
    out = heddle("plan", scenario(6)).out
    assert f"{num_whole - 15:g} GPUs" in out
    assert f"fewer than the {num_whole:g} whole GPUs" in out


def test_the_deployment_file_has_the_form_that_is_documented(
    tmp_path: Path, heddle: Heddle
) -> None:
    path, plan = small_workload(tmp_path), tmp_path / "plan.json"
    assert heddle("plan", path, "-o", plan, "--seed", 3).exit_code == 0
    document = read_json(plan)
    assert document["version"] == 1
    assert list(document) == ["version", "services", "gpus", "certificate"]
    chat = document["services"]["chat"]
    assert (chat["model"], chat["rate_rps"], chat["latency_ms"]) == ("bert", 100, 40)
    gpu = document["gpus"][0]
    assert (gpu["id"], gpu["node"], gpu["type"]) == ("gpu-0", "node-0", "A100-80GB")
    keys = ["profile", "start", "service", "batch", "processes", "rate_rps", "latency_ms"]
    assert all(list(instance) == keys for instance in gpu["instances"])
    certificate = document["certificate"]
    assert [certificate[key] for key in ("objective", "lower_bound", "gap")] == [1, 1, 0]
    assert certificate["is_proved_optimal"] is True
    assert (certificate["solver"], certificate["seed"]) == ("exact", 3)
    assert certificate["wall_s"] > 0


def test_json_on_stdout_holds_the_result_and_the_deployment(tmp_path: Path, heddle: Heddle) -> None:
    plan = tmp_path / "plan.json"
    answer = heddle("plan", scenario(1), "--json", "-o", plan)
    result = json.loads(answer.out)
    assert (result["objective"], result["lower_bound"], result["gap"]) == (2, 2, 0)
    assert result["is_proved_optimal"] is True
    assert result["deployment"] == read_json(plan)
    assert set(result["service_prices"]) == set(result["deployment"]["services"])
    assert sum(result["service_prices"].values()) <= result["lower_bound"]


def test_the_picture_is_svg_and_names_every_service(tmp_path: Path, heddle: Heddle) -> None:
    picture = tmp_path / "plan.svg"
    assert heddle("plan", scenario(2), "--svg", picture).exit_code == 0
    root = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314 (our own file)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(root.itertext())
    assert "s2" in words
    assert "3 GPUs" in words
    for service in ("bert", "densenet201", "vgg19"):
        assert service in words


def test_the_cheapest_plan_costs_no_more_than_the_smallest(tmp_path: Path, heddle: Heddle) -> None:
    plan = tmp_path / "plan.json"
    by_price = json.loads(
        heddle("plan", MIXED_FLEET, "--objective", "price", "-o", plan, "--json").out
    )
    by_gpus = json.loads(heddle("plan", MIXED_FLEET, "--json").out)
    assert by_price["objective_kind"] == "price"
    prices = {"H100-80GB": 5.5, "A100-80GB": 3.0, "T4-16GB": 0.5}

    def cost(result: dict[str, Any]) -> float:
        return sum(prices[gpu["type"]] for gpu in result["deployment"]["gpus"])

    assert cost(by_price) == by_price["objective"]
    assert cost(by_price) <= cost(by_gpus)
    assert len(by_price["deployment"]["gpus"]) >= by_gpus["objective"]
    assert heddle("verify", MIXED_FLEET, plan).exit_code == 0
    out = heddle("plan", MIXED_FLEET, "--objective", "price").out
    assert f"Price {by_price['objective']:.2f} per hour; no plan is cheaper" in out


@pytest.mark.parametrize("solver", ["exact", "cms-log"])
def test_the_same_seed_writes_the_same_file(solver: str, tmp_path: Path, heddle: Heddle) -> None:
    texts = []
    for number in range(2):
        plan = tmp_path / f"{number}.json"
        answer = heddle("plan", scenario(4), "--solver", solver, "--seed", 5, "-o", plan)
        assert answer.exit_code == 0
        texts.append(re.sub(r'"wall_s":[^,]+', "", plan.read_text(encoding="utf-8")))
    assert texts[0] == texts[1]
    assert '"seed":5' in texts[0]


def test_fitted_points_are_used_only_when_asked_for_and_are_marked(
    tmp_path: Path, heddle: Heddle
) -> None:
    plan = tmp_path / "plan.json"
    measured = heddle("plan", scenario(5), "-o", plan)
    assert measured.exit_code == 0
    assert "is_fitted" not in plan.read_text(encoding="utf-8")
    assert "never measured" not in measured.out
    fitted = heddle("plan", scenario(5), "--fitted", "-o", plan)
    assert fitted.exit_code == 0
    document = read_json(plan)
    marks = [i.get("is_fitted", False) for gpu in document["gpus"] for i in gpu["instances"]]
    assert any(marks)
    assert not all(marks)
    assert document["certificate"]["has_fitted_points"] is True
    assert "never measured" in fitted.out
    verdict = heddle("verify", scenario(5), plan)
    assert verdict.exit_code == 0, verdict.out
    assert f"{sum(marks)} instances run at points of a fitted model" in verdict.out


def test_a_mean_latency_is_admitted(heddle: Heddle) -> None:
    assert "Latencies in the performance table are means" in heddle("plan", scenario(1)).out


@pytest.mark.parametrize("solver", list(SOLVERS))
@pytest.mark.parametrize("path", [scenario(6), FLEET_OF_24], ids=["S6", "fleet of 24"])
def test_hardly_any_time_still_ends_cleanly(
    solver: str, path: Path, tmp_path: Path, heddle: Heddle
) -> None:
    plan = tmp_path / "plan.json"
    answer = heddle("plan", path, "--solver", solver, "--time-limit", "0.001", "-o", plan)
    if answer.exit_code == 0:
        assert re.search(r"\d+ GPUs(; no plan with|, at most)", answer.out)
        assert heddle("verify", path, plan).exit_code == 0
    else:
        assert answer.out == ""
        assert not plan.exists()
        assert "--time-limit" in answer.err or "does not support" in answer.err


def test_a_process_plans_and_verifies(tmp_path: Path) -> None:
    plan, picture = tmp_path / "plan.json", tmp_path / "plan.svg"
    answer = heddle_process("plan", scenario(1), "-o", plan, "--svg", picture)
    assert answer.exit_code == 0, answer.err
    assert "2 GPUs; no plan with 1 exists" in answer.out
    assert picture.read_text(encoding="utf-8").endswith("</svg>\n")
    assert heddle_process("verify", scenario(1), plan).exit_code == 0


def test_an_old_output_is_replaced(tmp_path: Path, heddle: Heddle) -> None:
    path, plan = small_workload(tmp_path), tmp_path / "plan.json"
    plan.write_text("old", encoding="utf-8")
    assert heddle("plan", path, "-o", plan).exit_code == 0
    assert read_json(plan)["version"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "plan.json",
        "table.csv",
        "workload.yaml",
    ]


def test_nothing_is_written_unless_asked_for(tmp_path: Path, heddle: Heddle) -> None:
    path = small_workload(tmp_path)
    assert heddle("plan", path).exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.csv", "workload.yaml"]


def test_a_name_that_the_terminal_cannot_show_does_not_end_the_run(tmp_path: Path) -> None:
    path = small_workload(tmp_path, workload=replaced(WORKLOAD, "name: chat", "name: größe"))
    answer = heddle_process("plan", path, "--json", encoding="ascii")
    assert answer.exit_code == 0, answer.err
    assert "gr\\xf6\\xdfe" in answer.out
