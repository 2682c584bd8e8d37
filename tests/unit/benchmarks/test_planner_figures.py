"""What the planner benchmark makes of its results, on sizes that take no time."""

from __future__ import annotations

from generated_workloads import generated, packaged_table
from heddle.benchmarks.planner import _Sizes, _Solvers
from heddle.cluster.catalogue import builtin_catalogue
from heddle.optimizer.problem import build_problem
from heddle.workload.fleet import GpuPool


def test_a_size_becomes_a_row_and_a_figure_against_its_bound() -> None:
    sizes = _Sizes(packaged_table(), GpuPool(builtin_catalogue().get("A100-80GB")), seed=1)
    sizes.measure((12, 20), num_runs=2)
    (row,) = sizes.rows
    assert (row["workload"], row["solver"], row["runs"]) == ("12 x 20", "exact", 2)
    assert 20 <= int(row["bound"]) <= int(row["gpus"]) < int(row["whole"])
    (figure,) = sizes.figures
    assert figure.name == "12 x 20: exact above its bound"
    assert figure.value == int(row["gpus"]) - int(row["bound"])
    assert figure.is_met


def test_solvers_become_rows_and_figures_of_exact_and_genetic() -> None:
    solvers = _Solvers(limit_s=0.5, seed=1)
    problem = build_problem(generated(6, 6, seed=2))
    for name in ("exact", "greedy", "genetic", "whole"):
        solvers.measure("small", problem, name)
    rows = {str(row["solver"]): row for row in solvers.rows}
    assert list(rows) == ["exact", "greedy", "genetic", "whole"]
    assert all(int(row["bound"]) <= int(rows["exact"]["gpus"]) for row in solvers.rows)
    figures = {figure.name: figure for figure in solvers.figures()}
    assert figures["small: exact above the bound"].is_met
    excess = figures["small: genetic above the bound"]
    bound = int(rows["exact"]["bound"])
    assert excess.value == round(100 * (int(rows["genetic"]["gpus"]) - bound) / bound, 2)
    below = figures["workloads on which genetic is below greedy"]
    assert below.value == (int(rows["genetic"]["gpus"]) < int(rows["greedy"]["gpus"]))
    assert rows["whole"]["saving_percent"] == 0.0


def test_a_solver_that_finds_nothing_becomes_a_note() -> None:
    solvers = _Solvers(limit_s=0.0, seed=1)
    solvers.measure("small", build_problem(generated(6, 6, seed=2)), "greedy")
    assert "found no plan within its time" in str(solvers.rows[0]["note"])
