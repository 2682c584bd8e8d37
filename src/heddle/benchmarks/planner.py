"""``heddle bench planner``: how good plans are and how long they take.

Two parts. Sizes: ``exact`` on synthetic workloads of growing size, several runs each;
the time is that of planning, from a workload in memory to a checked deployment in
memory. Solvers: every solver on four workloads of 24 services (the sizes of
MIG-serving, arXiv 2109.11067, figure 9; its distributions are not published).
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.benchmarks.record import Figure, Record, Row, median_and_spread, peak_memory_mib
from heddle.clock import WallClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import HeddleError
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.optimizer.result import Result
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.optimizer.solvers import SOLVERS
from heddle.optimizer.synthetic import Distribution, Recipe, generate, paper_workloads
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload

SIZES = ((24, 140), (100, 1_000), (1_000, 10_000), (5_000, 50_000))
_TARGET_S = {(1_000, 10_000): 1.0, (5_000, 50_000): 6.0}
_RUNS, _QUICK_RUNS = 5, 1
_QUICK_SIZES = 3
_SOLVER_LIMIT_S = 60.0
_QUICK_SOLVER_LIMIT_S = 5.0


def run_planner(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record of both parts; ``report`` is told of every step."""
    table = PerformanceTable(load_performance(PARVAGPU_A100_80GB, builtin_catalogue()))
    pool = GpuPool(builtin_catalogue().get("A100-80GB"))
    sizes = _Sizes(table, pool, seed)
    for size in SIZES[:_QUICK_SIZES] if is_quick else SIZES:
        report(f"exact, {size[0]:,} services x {size[1]:,} GPUs")
        sizes.measure(size, _QUICK_RUNS if is_quick else _RUNS)
    solvers = _Solvers(_QUICK_SOLVER_LIMIT_S if is_quick else _SOLVER_LIMIT_S, seed)
    for name, workload in paper_workloads(table, pool, seed).items():
        for solver in SOLVERS:
            report(f"{name}, {solver}")
            solvers.measure(name, build_problem(workload), solver)
    return Record(
        bench="planner",
        seed=seed,
        is_quick=is_quick,
        figures=(*sizes.figures, *solvers.figures()),
        rows=(*sizes.rows, *solvers.rows),
    )


class _Sizes:
    """The first part: ``exact`` at growing sizes."""

    def __init__(self, table: PerformanceTable, pool: GpuPool, seed: int) -> None:
        self._table = table
        self._pool = pool
        self._seed = seed
        self.rows: list[Row] = []
        self.figures: list[Figure] = []

    def measure(self, size: tuple[int, int], num_runs: int) -> None:
        num_services, num_gpus = size
        recipe = Recipe(num_services, num_gpus, Distribution.LOGNORMAL, self._seed)
        workload = generate(self._table, self._pool, recipe)
        runs = [_timed(workload, self._seed) for _ in range(num_runs)]
        wall_s, spread_s = median_and_spread([wall_s for _, wall_s in runs])
        result = runs[0][0]
        name = f"{num_services:,} x {num_gpus:,}"
        self.rows.append(
            {
                "part": "sizes",
                "workload": name,
                "solver": "exact",
                "gpus": int(result.objective),
                "bound": int(result.lower_bound),
                "is_proved_optimal": result.is_proved_optimal,
                "whole": int(result.whole),
                "saving_percent": _saving_percent(result),
                "wall_s": round(wall_s, 3),
                "spread_s": round(spread_s, 3),
                "runs": num_runs,
                "peak_memory_mib": round(peak_memory_mib()),
            }
        )
        self.figures.append(Figure(f"{name}: exact above its bound", result.gap, "GPUs", "<= 1"))
        if size in _TARGET_S:
            target = f"<= {_TARGET_S[size]:g}"
            self.figures.append(Figure(f"{name}: planning", round(wall_s, 3), "s", target))
            memory = round(peak_memory_mib())
            self.figures.append(Figure(f"{name}: peak memory", memory, "MiB", "<= 1024"))


def _timed(workload: Workload, seed: int) -> tuple[Result, float]:
    clock = WallClock()
    started_s = clock.now_s()
    result = optimize(build_problem(workload), "exact", Run(seed))
    return result, clock.now_s() - started_s


class _Solvers:
    """The second part: every solver on the same workloads."""

    def __init__(self, limit_s: float, seed: int) -> None:
        self._limit_s = limit_s
        self._seed = seed
        self._results: dict[str, dict[str, Result]] = {}
        self.rows: list[Row] = []

    def measure(self, workload: str, problem: RmsProblem, solver: str) -> None:
        row: dict[str, float | int | str | bool] = {
            "part": "solvers",
            "workload": workload,
            "solver": solver,
        }
        try:
            result = optimize(problem, solver, Run(self._seed, self._limit_s))
        except HeddleError as error:
            self.rows.append({**row, "note": str(error)})
            return
        self._results.setdefault(workload, {})[solver] = result
        self.rows.append(
            {
                **row,
                "gpus": int(result.objective),
                "bound": int(result.lower_bound),
                "is_proved_optimal": result.is_proved_optimal,
                "whole": int(result.whole),
                "saving_percent": _saving_percent(result),
                "wall_s": round(result.wall_s, 3),
            }
        )

    def figures(self) -> list[Figure]:
        """The targets of this part, against the bound that ``exact`` proves."""
        figures = []
        num_below_greedy = 0
        for workload, results in self._results.items():
            bound = results["exact"].lower_bound
            figures.append(
                Figure(f"{workload}: exact above the bound", results["exact"].gap, "GPUs", "== 0")
            )
            if "genetic" in results and "greedy" in results:
                excess = 100 * (results["genetic"].objective - bound) / bound
                name = f"{workload}: genetic above the bound"
                figures.append(Figure(name, round(excess, 2), "%", "<= 3.1"))
                num_below_greedy += results["genetic"].objective < results["greedy"].objective
        name = "workloads on which genetic is below greedy"
        figures.append(Figure(name, num_below_greedy, "of 4", ">= 2"))
        slowest = max(
            (
                results[solver].wall_s
                for results in self._results.values()
                for solver in ("greedy", "mcts", "genetic")
                if solver in results
            ),
            default=0.0,
        )
        name = "slowest of greedy, mcts and genetic on 24 services"
        figures.append(Figure(name, round(slowest, 2), "s", "<= 60"))
        return figures


def _saving_percent(result: Result) -> float:
    return round(100 * (1 - result.objective / result.whole), 1)
