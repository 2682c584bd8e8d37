"""The result of planning: what to run, why, and how good it provably is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heddle.cluster.certificate import Certificate
from heddle.cluster.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one solver on one problem; immutable.

    Attributes
    ----------
    deployment
        With a reason for every GPU; its certificate is ``certificate``.
    objective, lower_bound, gap
        GPUs, or price per hour.
    is_proved_optimal
        Whether no plan can be better.
    service_prices
        The dual price of each service: what it costs at the bound, in units of the
        objective.
    whole
        What the same services cost on whole GPUs, one instance a GPU.
    solver, seed, wall_s
        How it was found; ``wall_s`` includes building the deployment.
    statistics
        The solver's own figures.
    was_interrupted
        Whether the user stopped the run; the plan is the best until then.
    """

    deployment: Deployment
    objective: float
    lower_bound: float
    gap: float
    is_proved_optimal: bool
    service_prices: Mapping[str, float]
    whole: float
    solver: str
    seed: int
    wall_s: float
    statistics: Mapping[str, float | int | str | list[int]]
    was_interrupted: bool
    certificate: Certificate
