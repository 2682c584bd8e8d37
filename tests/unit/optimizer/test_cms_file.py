"""CMS problems and results as JSON: round trips, and what is refused where."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cms_instances import random_problem, random_sized_problem
from heddle.errors import InputError
from heddle.optimizer.cms import file
from heddle.optimizer.cms.algorithms import ALGORITHMS
from heddle.optimizer.cms.file import problem_text, read_problem, write_problem
from heddle.optimizer.cms.problem import CapacityForm, CmsProblem, ConfigurationList
from heddle.optimizer.cms.result_file import read_schedule, result_text, write_result
from heddle.optimizer.cms.schedule import violations
from heddle.optimizer.solver import Run

LISTED: dict[str, Any] = {
    "version": 1,
    "jobs": [{"name": "search", "demand": 12.5}, {"name": "speech", "demand": 4}],
    "blocks": [{"name": "small"}, {"name": "large"}],
    "configurations": [{"small": 7}, {"small": 3, "large": 1}],
    "serves": {"search": {"small": 2.5, "large": 9}, "speech": {"large": 3}},
}
SIZED: dict[str, Any] = {
    "version": 1,
    "jobs": [{"name": "search", "demand": 12.5}],
    "blocks": [{"name": "small"}, {"name": "large", "size": 2.5}],
    "capacity": 8,
    "serves": {"search": {"small": 0.1, "large": 0.3}},
}


def write_json(folder: Path, document: object) -> Path:
    path = folder / "problem.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_problem_with_listed_configurations_is_read_exactly(tmp_path: Path) -> None:
    assert read_problem(write_json(tmp_path, LISTED)) == CmsProblem(
        jobs=("search", "speech"),
        blocks=("small", "large"),
        demand=(12_500_000, 4_000_000),
        amount=((2_500_000, 9_000_000), (0, 3_000_000)),
        form=ConfigurationList(((7, 0), (3, 1))),
    )


def test_a_problem_with_a_capacity_is_read_exactly_and_sizes_are_one_by_default(
    tmp_path: Path,
) -> None:
    problem = read_problem(write_json(tmp_path, SIZED))
    assert problem.form == CapacityForm((1_000_000, 2_500_000), 8_000_000)
    assert problem.amount == ((100_000, 300_000),)


def test_decimals_that_floats_miss_are_compared_exactly(tmp_path: Path) -> None:
    document = copy.deepcopy(LISTED)
    document["jobs"] = [{"name": "search", "demand": 0.3}]
    document["serves"] = {"search": {"small": 0.1}}
    problem = read_problem(write_json(tmp_path, document))
    for name in ALGORITHMS:
        result = ALGORITHMS.create(name).solve(problem, Run())
        assert violations(problem, result.schedule) == []
        assert result.schedule.num_machines == 1


def test_problems_survive_writing_and_reading(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    path = tmp_path / "problem.json"
    for make in (random_problem, random_sized_problem) * 20:
        problem = make(rng)
        write_problem(path, problem)
        assert read_problem(path) == problem
        assert problem_text(read_problem(path)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_schedules_survive_writing_and_reading(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    path = tmp_path / "result.json"
    for make in (random_problem, random_sized_problem) * 8:
        problem = make(rng)
        result = ALGORITHMS.create(name).solve(problem, Run(seed=2))
        write_result(path, problem, result, seed=2)
        read = read_schedule(path, problem)
        assert sorted(read.machines) == sorted(result.schedule.machines)
        assert violations(problem, read) == []
        members = json.loads(path.read_text(encoding="utf-8"))
        assert members["machines"] == read.num_machines
        assert (members["algorithm"], members["seed"]) == (name, 2)
        assert members["guarantee"]["formula"] == result.guarantee.formula
        assert result_text(problem, result, seed=2) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value", "place", "message"),
    [
        (["version"], 2, "version", "whole number from 1 to 1"),
        (["colour"], 1, "colour", "unknown key 'colour'"),
        (["jobs"], [], "jobs", "expected 1 to 10,000 jobs, found 0"),
        (["jobs", 0, "demand"], 0, "jobs[0].demand", "above 0"),
        (["jobs", 0, "demand"], -1, "jobs[0].demand", "above 0"),
        (["jobs", 0, "demand"], 2e9, "jobs[0].demand", "at most 1e+09"),
        (["jobs", 0, "demand"], "4", "jobs[0].demand", "expected a finite number"),
        (["jobs", 0, "demand"], float("nan"), "jobs[0].demand", "finite"),
        (["jobs", 0, "demand"], float("inf"), "jobs[0].demand", "finite"),
        (["jobs", 0, "demand"], 0.1234567, "jobs[0].demand", "at most six decimals"),
        (["jobs", 0, "size"], 1, "jobs[0].size", "unknown key 'size'"),
        (["jobs", 1, "name"], "search", "jobs[1].name", "'search' stands twice"),
        (["blocks", 1, "name"], "small", "blocks[1].name", "'small' stands twice"),
        (["blocks", 1, "size"], 2, "blocks[1].size", 'sizes go with "capacity"'),
        (["configurations"], [], "configurations", "expected 1 to 20,000 of them, found 0"),
        (["configurations", 0, "small"], 1.5, "configurations[0].small", "whole number"),
        (["configurations", 0, "small"], -1, "configurations[0].small", "from 0"),
        (["configurations", 0, "smal"], 1, "configurations[0].smal", "did you mean 'small'"),
        (["capacity"], 4, "configurations", 'either "configurations" or "capacity"'),
        (["serves", "search", "small"], -2, "serves.search.small", "at least 0"),
        (["serves", "search", "huge"], 1, "serves.search.huge", "unknown key 'huge'"),
        (["serves", "serch"], {"small": 1}, "serves.serch", "did you mean 'search'"),
        (["serves", "speech"], {"large": 0}, "serves", "job 'speech' is served by no block"),
        (["serves", "speech"], {"large": 0.000001}, "serves", "check the units"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(
    path: list[str | int], value: object, place: str, message: str, tmp_path: Path
) -> None:
    document = copy.deepcopy(LISTED)
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    found = write_json(tmp_path, document)
    with pytest.raises(InputError) as error:
        read_problem(found)
    assert error.value.location.file == found
    assert error.value.location.key == place
    assert message in error.value.message


def test_a_job_without_amounts_is_named_with_the_blocks_it_could_have(tmp_path: Path) -> None:
    document = copy.deepcopy(LISTED)
    del document["serves"]["speech"]
    with pytest.raises(InputError, match=r"no entry for job 'speech'.*small, large"):
        read_problem(write_json(tmp_path, document))


def test_text_that_is_not_json_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    path.write_text('{\n"version": 1,\n"jobs": [,]\n}', encoding="utf-8")
    with pytest.raises(InputError, match="not valid JSON") as error:
        read_problem(path)
    assert error.value.location.line == 3


def test_files_that_are_missing_too_large_or_no_object_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_problem(tmp_path / "absent.json")
    with pytest.raises(InputError, match="found a list"):
        read_problem(write_json(tmp_path, [1]))
    monkeypatch.setattr(file, "MAX_MIB", 0)
    with pytest.raises(InputError, match="MiB"):
        read_problem(write_json(tmp_path, LISTED))


def test_a_schedule_of_another_problem_is_refused(tmp_path: Path) -> None:
    problem = read_problem(write_json(tmp_path, LISTED))
    result = ALGORITHMS.create("exact").solve(problem, Run())
    path = tmp_path / "result.json"
    write_result(path, problem, result, seed=0)
    with pytest.raises(InputError, match="unknown job 'speech'"):
        read_schedule(
            path, CmsProblem(("search",), problem.blocks, (1,), (problem.amount[0],), problem.form)
        )
