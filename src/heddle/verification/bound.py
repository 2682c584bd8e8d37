"""The bound that a certificate's prices prove, worked out again in exact fractions.

Weak duality: at prices at which no legal layout is worth more than its GPU costs (plus
what its type's stock price adds), a plan costs at least what its instances are worth,
less the stock prices of all GPUs in stock; and each service's instances are worth at
least its cheapest cover. ``certificate_check`` compares; ``cover`` finds the covers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from heddle.units import exact
from heddle.verification.cover import Cover, Item, cheapest_cover
from heddle.verification.offers import Kind, Offers, Requirement
from heddle.workload.fleet import GpuPool
from heddle.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Prices:
    """A certificate's prices as exact numbers; what is not named costs nothing."""

    kinds: Mapping[Kind, Fraction]
    stock: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class PriceProof:
    """What prices prove.

    Attributes
    ----------
    total
        The bound before rounding, in objective units.
    bound
        The same, rounded up to the next value that plans can have.
    covers
        What each service costs at least, by name.
    undecided
        Services whose cheapest cover was not found within the limit; a lower bound
        stands for it, so that the total still holds.
    """

    total: Fraction
    bound: Fraction
    covers: Mapping[str, Fraction]
    undecided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpreadProof:
    """What one service's need for several GPUs proves."""

    bound: Fraction
    service: str
    num_gpus: int


def gpu_cost(pool: GpuPool, objective_kind: str) -> Fraction:
    """Return what one GPU of the pool adds to the objective."""
    return Fraction(1) if objective_kind == "gpus" else exact(pool.price_per_hour)


def rounded_up(value: Fraction, workload: Workload, objective_kind: str) -> Fraction:
    """Return the least multiple of the costs' greatest common divisor that is not below.

    Whatever a plan costs is such a multiple.
    """
    costs = [gpu_cost(pool, objective_kind) for pool in workload.fleet]
    scale = math.lcm(*(cost.denominator for cost in costs))
    unit = Fraction(math.gcd(*(int(cost * scale) for cost in costs)), scale)
    return max(math.ceil(value / unit), 0) * unit


def prove_by_prices(
    workload: Workload, asked: Iterable[Requirement], prices: Prices, objective_kind: str
) -> PriceProof:
    """Return the bound that these prices prove; they must be at least 0 and not too high."""
    pricer = _Pricer(workload, prices)
    covers = {requirement.name: pricer.cover(requirement) for requirement in asked}
    # Without any cover there is no plan at all, which is for other checks to say.
    worth = {name: Fraction(cover.cost or 0, pricer.scale) for name, cover in covers.items()}
    stocked = sum(
        (
            prices.stock.get(pool.gpu_type.name, Fraction(0)) * (pool.count or 0)
            for pool in workload.fleet
        ),
        Fraction(0),
    )
    total = sum(worth.values(), Fraction(0)) - stocked
    return PriceProof(
        total=total,
        bound=rounded_up(total, workload, objective_kind),
        covers=worth,
        undecided=tuple(name for name, cover in covers.items() if not cover.is_exact),
    )


class _Pricer:
    """Finds covers, once for services that ask for the same at the same rates."""

    def __init__(self, workload: Workload, prices: Prices) -> None:
        self._offers = Offers(workload)
        self.scale = math.lcm(*(price.denominator for price in prices.kinds.values()))
        self._price = {kind: int(price * self.scale) for kind, price in prices.kinds.items()}
        self._known: dict[tuple[frozenset[Item], int, int], Cover] = {}

    def cover(self, asked: Requirement) -> Cover:
        fine = 1 if asked.share_cap is None else asked.share_cap.denominator
        items = frozenset(
            Item(self._price.get(kind, 0), int(asked.counted(rate) * fine))
            for kind, rate in self._offers.best_rates(asked).items()
        )
        key = (items, asked.demand * fine, asked.service.min_replicas)
        if key not in self._known:
            self._known[key] = cheapest_cover(*key)
        return self._known[key]


def prove_by_spread(
    workload: Workload, asked: Iterable[Requirement], objective_kind: str
) -> SpreadProof | None:
    """Return the bound from the service that must be on the costliest number of GPUs."""
    offers = Offers(workload)
    costs = {pool.gpu_type.name: gpu_cost(pool, objective_kind) for pool in workload.fleet}
    best: SpreadProof | None = None
    for requirement in asked:
        rates = offers.best_rates(requirement)
        if rates and max(rates.values()) > 0:
            num_gpus = _fewest_gpus(requirement, max(rates.values()))
            cheapest = min(costs[gpu_type] for gpu_type, _ in rates)
            bound = rounded_up(num_gpus * cheapest, workload, objective_kind)
            if best is None or bound > best.bound:
                best = SpreadProof(bound, requirement.name, num_gpus)
    return best


def _fewest_gpus(asked: Requirement, best_rate: int) -> int:
    """Return on how many GPUs a service must be, from its own wishes alone."""
    share = asked.service.max_share_per_gpu
    by_share = 1 if share is None else math.ceil(1 / exact(share))
    if asked.service.spread is None:
        return by_share
    by_rate = math.ceil(asked.demand / Fraction(asked.counted(best_rate)))
    return max(by_share, by_rate, asked.service.min_replicas)
