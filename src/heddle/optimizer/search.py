"""Planning from end to end: run a solver, check its plan, certify it.

The one entry for whoever wants a plan: the CLI, benchmarks, later the daemon.
``nearest.search`` goes on from :func:`solve` where something runs already.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.cluster.certificate import Certificate
from heddle.cluster.deployment import Deployment
from heddle.errors import InterruptedRunError, NoPlanError, UnsupportedError, listed
from heddle.optimizer.assembly import assemble
from heddle.optimizer.baselines.whole import whole_cost
from heddle.optimizer.bound import PriceBound, price_bound, relaxation_prices
from heddle.optimizer.claim import Claim
from heddle.optimizer.evaluate import cost_nano, violations
from heddle.optimizer.packing import Packing
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.result import Result
from heddle.optimizer.solver import Outcome, Run, Solver
from heddle.optimizer.solvers import SOLVERS
from heddle.units import NANO


@dataclass(frozen=True, slots=True)
class Solved:
    """What a solver found for a problem, checked, and what bounds it.

    Attributes
    ----------
    problem, solver, run
        What was solved, by whom, within what limits.
    outcome, packing
        What the solver found; ``packing`` is legal.
    bound
        What the outcome's prices prove, or those of the relaxation.
    """

    problem: RmsProblem
    solver: str
    run: Run
    outcome: Outcome
    packing: Packing
    bound: PriceBound

    @property
    def cost(self) -> int:
        """Nano-units of the objective."""
        return cost_nano(self.problem, self.packing)

    def certificate(self) -> Certificate:
        """Return what may be claimed of the packing."""
        claim = Claim(self.problem, self.cost, self.bound, self.outcome)
        return claim.certificate(self.solver, self.run)

    def result(self, deployment: Deployment, certificate: Certificate) -> Result:
        """Return the result of planning, with the packing as a deployment."""
        return Result(
            deployment=deployment,
            objective=certificate.objective,
            lower_bound=certificate.lower_bound,
            gap=certificate.gap,
            is_proved_optimal=certificate.is_proved_optimal,
            service_prices=certificate.service_prices,
            whole=whole_cost(self.problem) / NANO,
            solver=self.solver,
            seed=self.run.seed,
            wall_s=self.run.elapsed_s(),
            statistics=self.outcome.statistics,
            was_interrupted=self.run.was_stopped(),
            certificate=certificate,
        )


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
    # 1. to 3. Refuse, search, check.
    solved = solve(problem, solver_name, run or Run())
    # 4. and 5. Certify, name.
    return finish(solved)


def solve(problem: RmsProblem, solver_name: str, run: Run) -> Solved:
    """Return the packing of the named solver, checked; raises as :func:`optimize`."""
    solver = SOLVERS.create(solver_name)
    # 1. Refuse what the solver cannot honour.
    _require_features(problem, solver)
    # 2. Search.
    outcome = solver.solve(problem, run)
    packing = _packing_of(solver, outcome, run)
    # 3. Check: no plan leaves that the problem forbids.
    wrong = violations(problem, packing)
    if wrong:
        raise AssertionError(f"solver {solver.name} made an illegal plan: {'; '.join(wrong[:3])}")
    bound = price_bound(problem, outcome.prices or relaxation_prices(problem))
    return Solved(problem, solver.name, run, outcome, packing, bound)


def finish(solved: Solved) -> Result:
    """Return the result of planning from what a solver found."""
    # 4. Certify.
    certificate = solved.certificate()
    # 5. Name GPUs and nodes, choose starts.
    deployment = assemble(solved.problem, solved.packing, solved.bound.prices, certificate)
    return solved.result(deployment, certificate)


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
