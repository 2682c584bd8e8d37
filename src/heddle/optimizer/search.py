"""Planning from end to end: run a solver, check its plan, certify it.

The one entry for whoever wants a plan: the CLI, benchmarks, later the daemon.
"""

from __future__ import annotations

from heddle.errors import InterruptedRunError, NoPlanError, UnsupportedError, listed
from heddle.optimizer.assembly import assemble
from heddle.optimizer.baselines.whole import whole_cost
from heddle.optimizer.bound import price_bound, relaxation_prices
from heddle.optimizer.claim import Claim
from heddle.optimizer.evaluate import cost_nano, violations
from heddle.optimizer.packing import Packing
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.result import Result
from heddle.optimizer.solver import Outcome, Run, Solver
from heddle.optimizer.solvers import SOLVERS
from heddle.units import NANO


def optimize(problem: RmsProblem, solver_name: str = "exact", run: Run | None = None) -> Result:
    """Return the plan of the named solver with its certificate.

    Raises
    ------
    InputError
        The solver is unknown, or the stock is too small.
    UnsupportedError
        The problem uses an option that the solver does not have.
    NoPlanError
        No plan exists, or the solver found none.
    InterruptedRunError
        The user stopped the run before there was a plan.
    """
    solver = SOLVERS.create(solver_name)
    limits = run or Run()
    # 1. Refuse what the solver cannot honour.
    _require_features(problem, solver)
    # 2. Search.
    outcome = solver.solve(problem, limits)
    packing = _packing_of(solver, outcome, limits)
    # 3. Check: no plan leaves that the problem forbids.
    wrong = violations(problem, packing)
    if wrong:
        raise AssertionError(f"solver {solver.name} made an illegal plan: {'; '.join(wrong[:3])}")
    # 4. Certify.
    bound = price_bound(problem, outcome.prices or relaxation_prices(problem))
    claim = Claim(problem, cost_nano(problem, packing), bound, outcome)
    certificate = claim.certificate(solver.name, limits)
    # 5. Name GPUs and nodes, choose starts.
    deployment = assemble(problem, packing, bound.prices, certificate)
    return Result(
        deployment=deployment,
        objective=certificate.objective,
        lower_bound=certificate.lower_bound,
        gap=certificate.gap,
        is_proved_optimal=certificate.is_proved_optimal,
        service_prices=certificate.service_prices,
        whole=whole_cost(problem) / NANO,
        solver=solver.name,
        seed=limits.seed,
        wall_s=limits.elapsed_s(),
        statistics=outcome.statistics,
        was_interrupted=limits.was_stopped(),
        certificate=certificate,
    )


def _require_features(problem: RmsProblem, solver: Solver) -> None:
    missing = sorted(feature.value for feature in problem.features - solver.features)
    if missing:
        able = [name for name in SOLVERS if problem.features <= SOLVERS.create(name).features]
        raise UnsupportedError(
            f"solver {solver.name!r} does not support {listed(missing)}, which this workload "
            f"uses; these do: {listed(able, 20)}"
        )


def _packing_of(solver: Solver, outcome: Outcome, run: Run) -> Packing:
    if outcome.packing is not None:
        return outcome.packing
    if run.was_stopped():
        raise InterruptedRunError("stopped before there was a plan")
    if outcome.is_infeasible:
        raise NoPlanError("no plan exists: the placement options cannot all be met in this fleet")
    if run.is_over():
        raise NoPlanError(
            f"solver {solver.name!r} found no plan within its time; give it a longer --time-limit"
        )
    raise NoPlanError(
        f"solver {solver.name!r} found no plan in this fleet; that does not prove that none exists"
    )
