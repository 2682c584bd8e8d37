"""What may be claimed of a plan, and on what ground: the certificate.

``search`` makes one for every solver's plan; ``verification`` recomputes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.optimizer.bound import PriceBound, rounded_up, spread_bound
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Outcome, Prices, Run
from heddle.units import NANO


@dataclass(frozen=True, slots=True)
class Claim:
    """A plan's cost in nano-units, and everything that bounds it from below."""

    problem: RmsProblem
    cost: int
    bound: PriceBound
    outcome: Outcome

    def certificate(self, solver: str, run: Run) -> Certificate:
        """Return the certificate.

        Raises
        ------
        AssertionError
            A bound exceeds the cost of a legal plan: one of the two is wrong.
        """
        lower, basis = self._lower_bound()
        if lower > self.cost:
            raise AssertionError(f"the bound {lower} ({basis.value}) exceeds the cost {self.cost}")
        problem = self.problem
        return Certificate(
            objective_kind=problem.objective.value,
            objective=self.cost / NANO,
            lower_bound=lower / NANO,
            gap=(self.cost - lower) / NANO,
            is_proved_optimal=self.cost == lower,
            basis=basis,
            price_bound=rounded_up(problem, self.bound.total) / NANO,
            solver=solver,
            seed=run.seed,
            wall_s=run.elapsed_s(),
            prices=_price_texts(problem, self.bound.prices),
            stock_prices=_stock_price_texts(problem, self.bound.prices),
            service_prices={
                service.name: int(price) / NANO
                for service, price in zip(problem.services, self.bound.covers.bound, strict=True)
            },
            notes=tuple(self._notes()),
            has_fitted_points=self._has_fitted_points,
        )

    def _lower_bound(self) -> tuple[int, BoundBasis]:
        """Return the highest bound, and what it rests on: the simplest of equal ones."""
        problem = self.problem
        candidates = [(rounded_up(problem, max(self.bound.total, 0)), BoundBasis.PRICES)]
        if problem.has_placement_options:
            candidates.append((rounded_up(problem, spread_bound(problem)), BoundBasis.SPREAD))
        if self.outcome.search_bound is not None:
            candidates.append((self.outcome.search_bound, BoundBasis.SEARCH))
        return max(candidates, key=lambda candidate: candidate[0])

    @property
    def _has_fitted_points(self) -> bool:
        return any(point.is_fitted for row in self.problem.points for point in row if point)

    def _notes(self) -> list[str]:
        notes = []
        points = (point for row in self.problem.points for point in row if point)
        if any(point.percentile is None for point in points):
            notes.append(
                "Latencies in the performance table are means, so the SLOs hold for the mean "
                "batch, not at their percentiles."
            )
        if self._has_fitted_points:
            notes.append("Some operating points come from a fitted model and were never measured.")
        if "additive_bound" in self.outcome.statistics:
            notes.append(
                "By its method alone, a plan like this is at most "
                f"{self.outcome.statistics['additive_bound']} GPUs above the optimum, for any "
                "number of services (docs/theory/additive-bound.md)."
            )
        return notes


def _price_texts(problem: RmsProblem, prices: Prices) -> dict[str, dict[str, str]]:
    """Return the kind prices as exact decimals by GPU type and profile."""
    texts: dict[str, dict[str, str]] = {pool.gpu_type.name: {} for pool in problem.pools}
    for kind, price in zip(problem.kinds, prices.kinds, strict=True):
        texts[problem.pools[kind.pool].gpu_type.name][kind.profile.name] = nano_text(price)
    return texts


def _stock_price_texts(problem: RmsProblem, prices: Prices) -> dict[str, str]:
    """Return the stock prices that are not zero, as exact decimals by GPU type."""
    return {
        pool.gpu_type.name: nano_text(price)
        for pool, price in zip(problem.pools, prices.stock, strict=True)
        if price
    }


def nano_text(nano: int) -> str:
    """Return nano-units as decimal text without loss: 138223364 is ``0.138223364``."""
    whole, rest = divmod(nano, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
