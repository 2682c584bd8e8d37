"""Figures with their targets, and the record that is kept of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from heddle import __version__
from heddle.benchmarks.record import (
    Figure,
    Record,
    machine,
    median_and_spread,
    peak_memory_mib,
    versions,
)
from heddle.cli.bench import record_text, rows_text


@pytest.mark.parametrize(
    ("target", "met", "missed"),
    [("<= 6", [5.9, 6], [6.1]), (">= 2", [2, 3], [1]), ("== 0", [0], [1, -1])],
)
def test_a_figure_is_met_when_its_value_is_what_the_target_says(
    target: str, met: list[float], missed: list[float]
) -> None:
    assert all(Figure("planning", value, "s", target).is_met for value in met)
    assert not any(Figure("planning", value, "s", target).is_met for value in missed)


@pytest.mark.parametrize("target", ["6", "< 6", "about 6", "<= six"])
def test_a_target_that_cannot_be_read_is_an_error_and_not_met_by_chance(target: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        _ = Figure("planning", 1.0, "s", target).is_met


RECORD = Record(
    bench="planner",
    seed=7,
    is_quick=True,
    figures=(Figure("planning", 1.5, "s", "<= 1"), Figure("gap", 0, "GPUs", "== 0")),
    rows=(
        {"part": "sizes", "solver": "exact", "gpus": 15, "is_proved_optimal": True},
        {"part": "solvers", "solver": "cms-log", "note": "refused"},
    ),
)


def test_a_record_is_written_with_machine_versions_seed_and_date(tmp_path: Path) -> None:
    path = tmp_path / "planner.json"
    RECORD.write(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document) == [
        "bench",
        "is_quick",
        "machine",
        "versions",
        "seed",
        "date",
        "figures",
        "rows",
    ]
    assert (document["bench"], document["seed"], document["is_quick"]) == ("planner", 7, True)
    assert document["figures"] == [
        {"name": "planning", "value": 1.5, "unit": "s", "target": "<= 1", "is_met": False},
        {"name": "gap", "value": 0, "unit": "GPUs", "target": "== 0", "is_met": True},
    ]
    assert document["rows"] == [dict(row) for row in RECORD.rows]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", document["date"])


def test_a_record_is_printed_part_by_part_with_what_was_missed() -> None:
    text = record_text(RECORD)
    assert text.startswith("bench planner, seed 7\nkind CPU, ")
    assert f"heddle {__version__}" in text
    sizes, solvers, figures = text.split("\n\n")[1:]
    assert "15" in sizes
    assert "yes" in sizes
    assert "refused" in solvers
    planning, gap = figures.splitlines()[2:]
    assert planning.split()[-1] == "NO"
    assert gap.split()[-1] == "yes"


def test_a_cell_that_a_row_lacks_is_a_dash() -> None:
    text = rows_text([{"solver": "exact", "gpus": 15}, {"solver": "greedy"}])
    assert text.splitlines()[-1].split() == ["greedy", "–"]


def test_the_machine_and_the_versions_are_named() -> None:
    assert machine()["kind"] == "CPU"
    assert int(machine()["cores"]) >= 1
    assert versions()["heddle"] == __version__
    assert versions()["highspy"] != "unknown"
    assert peak_memory_mib() > 1


def test_the_middle_and_the_distance_of_several_runs() -> None:
    assert median_and_spread([3.0, 1.0, 2.0]) == (2.0, 2.0)
    assert median_and_spread([4.0]) == (4.0, 0.0)
