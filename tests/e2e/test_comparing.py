"""``heddle compare``: solvers side by side on one workload."""

from __future__ import annotations

import json
import re
from pathlib import Path

from command_line import FLEET_OF_24, Heddle, scenario
from heddle.optimizer.solvers import SOLVERS


def test_each_solver_gets_a_row_and_the_json_says_the_same(heddle: Heddle) -> None:
    words = ("compare", scenario(5), "--solvers", "exact,cms-scheme,whole")
    answer = heddle(*words)
    assert answer.exit_code == 0
    rows = [re.split(r"\s{2,}", line) for line in answer.out.partition("\n\n")[0].splitlines()[2:]]
    assert [row[0] for row in rows] == ["exact", "cms-scheme", "whole"]
    results = json.loads(heddle(*words, "--json").out)["results"]
    assert [result["solver"] for result in results] == ["exact", "cms-scheme", "whole"]
    assert [float(row[1]) for row in rows] == [result["objective"] for result in results]
    assert results[0]["objective"] == 12
    assert all(result["lower_bound"] <= 12 <= result["objective"] for result in results)


def test_a_solver_that_lacks_an_option_is_listed_with_the_option(heddle: Heddle) -> None:
    answer = heddle("compare", FLEET_OF_24, "--solvers", "cms-log,exact")
    assert answer.exit_code == 0
    rows = {line.split()[0]: line for line in answer.out.partition("\n\n")[0].splitlines()[2:]}
    assert "does not support" in rows["cms-log"]
    assert "–" in rows["cms-log"]
    assert rows["exact"].split()[1] == "14"


def test_the_chart_names_the_solvers(tmp_path: Path, heddle: Heddle) -> None:
    chart = tmp_path / "chart.svg"
    answer = heddle("compare", scenario(1), "--solvers", "exact,smallest", "--svg", chart)
    assert answer.exit_code == 0
    text = chart.read_text(encoding="utf-8")
    assert "exact" in text
    assert "smallest" in text


def test_a_solver_named_twice_runs_once_and_all_are_in_the_help(heddle: Heddle) -> None:
    out = heddle("compare", scenario(1), "--solvers", "exact, exact", "--json").out
    assert len(json.loads(out)["results"]) == 1
    help_text = " ".join(heddle("compare", "--help").out.split())
    assert all(name in help_text for name in SOLVERS)


def test_the_searches_of_mig_serving_say_what_they_did(heddle: Heddle) -> None:
    words = ("compare", scenario(1), "--solvers", "greedy,mcts,genetic", "--time-limit", 2)
    results = json.loads(heddle(*words, "--json").out)["results"]
    _, mcts, genetic = (result["statistics"] for result in results)
    assert mcts["expansions"] > 0
    assert mcts["rollouts"] > 0
    generations = genetic["gpus_by_generation"]
    assert generations == sorted(generations, reverse=True)
    assert generations[0] == results[0]["objective"]
    assert generations[-1] == results[2]["objective"]
    notes = heddle(*words).out
    assert "expansions" in notes
    assert "rollouts" in notes
    assert "gpus by generation" in notes
