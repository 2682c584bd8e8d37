"""The certificate of a deployment: how far from the best possible it can be.

Written by ``optimizer.search``, stored with the deployment, recomputed from its
prices by ``verification``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class BoundBasis(Enum):
    """What the lower bound rests on."""

    PRICES = "prices"
    SPREAD = "spread"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A claim about a deployment, with what proves it.

    Attributes
    ----------
    objective_kind
        ``gpus`` or ``price``.
    objective, lower_bound, gap
        GPUs, or price per hour; ``gap`` is their difference.
    is_proved_optimal
        Whether no plan can be better.
    basis
        ``prices``: the bound follows from the prices alone. ``spread``: from the
        number of GPUs that one service must be spread over. ``search``: a complete
        search excluded anything better, which the prices alone do not show.
    price_bound
        What the prices alone prove, rounded up to a value that plans can have.
    prices
        Decimal text by GPU type and profile: the price of one instance. Every layout
        of a type costs at most what a GPU of the type does, plus its stock price.
    stock_prices
        Decimal text by GPU type: what one more GPU in stock would save.
    service_prices
        Objective units that each service costs at the prices; they add up to the
        bound before rounding, less what stock prices take off.
    solver, seed, wall_s
        How it was found; ``wall_s`` is the time of planning in seconds.
    notes
        Sentences that limit the claim (mean latencies, fitted points, …).
    has_fitted_points
        Whether the plan was made with points from a fitted model.
    """

    objective_kind: str
    objective: float
    lower_bound: float
    gap: float
    is_proved_optimal: bool
    basis: BoundBasis
    price_bound: float
    solver: str
    seed: int
    wall_s: float
    prices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stock_prices: Mapping[str, str] = field(default_factory=dict)
    service_prices: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_fitted_points: bool = False
