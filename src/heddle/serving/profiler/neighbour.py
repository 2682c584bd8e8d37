"""Whether an instance keeps its rate while the rest of its device is at full load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import mean

from heddle.serving.profiler.bench import Bench, Case
from heddle.serving.profiler.measurement import measure_rate
from heddle.serving.profiler.samples import Precision

#: What a plan relies on: an instance keeps this part of its rate.
KEPT = 0.9
_SHARE_S = 0.8
_WARM_UP_S = 0.1
#: So near to the limit one round cannot tell.
_UNCLEAR = 0.05
_MOST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class NeighbourEffect:
    """The rate of one point alone and beside neighbours, requests/s."""

    case: Case
    alone_rps: float
    beside_rps: float

    @property
    def kept(self) -> float:
        """The part of the rate that is kept; above 1 by chance."""
        return self.beside_rps / self.alone_rps

    @property
    def is_isolated(self) -> bool:
        """Whether enough is kept for a plan."""
        return self.kept >= KEPT


async def measure_neighbour(
    bench: Bench, case: Case, precision: Precision, seed: int
) -> NeighbourEffect | None:
    """Measure alone, beside neighbours, beside, alone; so that a slow drift cancels out.

    Again, some times, while what is kept is near the limit. None when the device has no
    room for neighbours. Errors as ``Bench.start`` and ``measure``.
    """
    share_s = min(_SHARE_S, precision.most_s)
    short = replace(precision, least_s=share_s, most_s=share_s, warm_up_s=_WARM_UP_S)
    instance = await bench.start(case)
    alone: list[float] = []
    beside: list[float] = []

    async def note(rates: list[float]) -> None:
        rates.append((await measure_rate(instance, case, short, seed)).rate_rps)

    for _ in range(_MOST_ROUNDS):
        await note(alone)
        if not bench.occupy_rest():
            return None
        try:
            await note(beside)
            await note(beside)
        finally:
            bench.release_rest()
        await note(alone)
        effect = NeighbourEffect(case, mean(alone), mean(beside))
        if abs(effect.kept - KEPT) > _UNCLEAR:
            break
    return effect
