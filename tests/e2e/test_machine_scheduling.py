"""``heddle cms``: the four algorithms on a problem file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Heddle
from heddle.optimizer.cms.algorithms import ALGORITHMS
from heddle.optimizer.cms.file import read_problem
from heddle.optimizer.cms.result_file import read_schedule
from heddle.optimizer.cms.schedule import violations

PROBLEM = {
    "version": 1,
    "jobs": [
        {"name": "search", "demand": 12.5},
        {"name": "speech", "demand": 4},
        {"name": "vision", "demand": 30},
    ],
    "blocks": [{"name": "small"}, {"name": "large"}],
    "configurations": [{"small": 7}, {"small": 3, "large": 1}],
    "serves": {
        "search": {"small": 2.5, "large": 9},
        "speech": {"large": 3},
        "vision": {"small": 4, "large": 10},
    },
}
#: By hand: speech takes two large blocks, so two machines have three small ones each; search
#: takes five and vision eight, which is a third machine's seven and those six.
OPTIMUM = 3


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_an_algorithm_keeps_its_guarantee(
    algorithm: str, problem: Path, tmp_path: Path, heddle: Heddle
) -> None:
    answer = heddle("cms", problem, "--algorithm", algorithm)
    assert answer.exit_code == 0, answer.err
    result = json.loads(answer.out)
    guarantee = result["guarantee"]
    assert result["lower_bound"] <= OPTIMUM <= result["machines"]
    assert result["machines"] <= guarantee["factor"] * OPTIMUM + guarantee["extra"]
    written = tmp_path / "schedule.json"
    written.write_text(answer.out, encoding="utf-8")
    stated = read_problem(problem)
    assert violations(stated, read_schedule(written, stated)) == []


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_the_output_file_is_what_would_be_printed(
    algorithm: str, problem: Path, tmp_path: Path, heddle: Heddle
) -> None:
    schedule = tmp_path / "schedule.json"
    answer = heddle("cms", problem, "--algorithm", algorithm, "-o", schedule)
    assert answer.exit_code == 0
    printed = heddle("cms", problem, "--algorithm", algorithm).out
    assert schedule.read_text(encoding="utf-8") == printed
    assert answer.out.startswith(f"{json.loads(printed)['machines']} machines, at least ")


def test_exact_is_optimal(problem: Path, heddle: Heddle) -> None:
    result = json.loads(heddle("cms", problem, "--algorithm", "exact").out)
    assert result["machines"] == OPTIMUM
    assert result["is_proved_optimal"] is True


def test_the_capacity_form_is_read(tmp_path: Path, heddle: Heddle) -> None:
    path = tmp_path / "problem.json"
    document = {
        "version": 1,
        "jobs": [{"name": "a", "demand": 3}, {"name": "b", "demand": 2}],
        "blocks": [{"name": "x", "size": 1}, {"name": "y", "size": 2.5}],
        "capacity": 4,
        "serves": {"a": {"x": 1}, "b": {"y": 2}},
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    result = json.loads(heddle("cms", path, "--algorithm", "exact").out)
    assert result["machines"] == 2


def test_a_job_that_nothing_serves_is_refused(problem: Path, heddle: Heddle) -> None:
    document = {**PROBLEM, "serves": {**PROBLEM["serves"], "speech": {}}}  # type: ignore[dict-item]  # one dict of many shapes
    problem.write_text(json.dumps(document), encoding="utf-8")
    answer = heddle("cms", problem, "--algorithm", "log")
    assert answer.exit_code == 2
    assert answer.out == ""
    assert "'speech'" in answer.err
