"""Walks over all points that are asked for and measures each.

``cli.profile`` calls :func:`profile` with a bench of ``server.profiling``. The profile
changes fastest: a bench may carry an instance from slice to slice instead of loading the
network again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.errors import HostError
from heddle.serving.profiler.bench import Bench, CannotServeError, Case, Network
from heddle.serving.profiler.measurement import Measurement, measure
from heddle.serving.profiler.neighbour import NeighbourEffect, measure_neighbour
from heddle.serving.profiler.samples import Precision


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how well.

    Attributes
    ----------
    networks, profiles, batches, processes
        Every combination is a point.
    precision
        Of each.
    seed
        Of the inputs.
    with_neighbour
        Whether to measure what a neighbour at full load takes.
    """

    networks: Sequence[Network]
    profiles: Sequence[str]
    batches: Sequence[int]
    processes: Sequence[int]
    precision: Precision
    seed: int
    with_neighbour: bool

    def cases(self) -> list[Case]:
        """Return the points in the order of measuring."""
        return [
            Case(network, profile, batch, processes)
            for network in self.networks
            for processes in self.processes
            for batch in self.batches
            for profile in self.profiles
        ]


class LeftOut(NamedTuple):
    """A point that was not measured, and why."""

    case: Case
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured, in the order of the plan's networks, processes, profiles, batches.

    ``neighbour`` is None when it was not measured; ``neighbour_reason`` then says why not.
    """

    measurements: tuple[Measurement, ...]
    left_out: tuple[LeftOut, ...]
    neighbour: NeighbourEffect | None
    neighbour_reason: str


#: Is told what is done now, how many steps are done, and how many there are.
Tell = Callable[[str, int, int], None]


async def profile(bench: Bench, plan: Plan, tell: Tell) -> Outcome:
    """Measure every point, then what neighbours take away.

    Raises
    ------
    InputError
        A network cannot be loaded.
    HostError
        The device failed, or no point could be measured; the message has the reasons.
    """
    cases = plan.cases()
    num_steps = len(cases) + plan.with_neighbour
    measured: list[Measurement] = []
    left_out: list[LeftOut] = []
    # 1. Each point; what cannot be served is left out with its reason.
    for number, case in enumerate(cases):
        tell(str(case), number, num_steps)
        try:
            instance = await bench.start(case)
            measured.append(await measure(instance, case, plan.precision, plan.seed))
        except CannotServeError as error:
            left_out.append(LeftOut(case, str(error)))
    if not measured:
        raise HostError(_nothing(left_out))
    # 2. What a neighbour takes away from the point that suffers most: the smallest profile.
    neighbour, reason = None, "not asked for"
    if plan.with_neighbour:
        case = _exposed(measured, plan)
        tell(f"{case}, beside neighbours at full load", len(cases), num_steps)
        neighbour, reason = await _neighbour(bench, case, plan)
    # 3. In the order in which people read.
    ordered = sorted(measured, key=lambda one: _place(one.case, plan))
    return Outcome(tuple(ordered), tuple(left_out), neighbour, reason)


async def _neighbour(bench: Bench, case: Case, plan: Plan) -> tuple[NeighbourEffect | None, str]:
    try:
        effect = await measure_neighbour(bench, case, plan.precision, plan.seed)
    except CannotServeError as error:
        return None, str(error)
    return effect, "" if effect else "the device has no room for a neighbour beside this profile"


def _exposed(measured: Sequence[Measurement], plan: Plan) -> Case:
    """Return the point on the first profile, with the largest batch, that was measured."""
    cases = [one.case for one in measured]
    return min(cases, key=lambda case: (plan.profiles.index(case.profile), -case.batch))


def _place(case: Case, plan: Plan) -> tuple[int, int, int, int]:
    return (
        plan.networks.index(case.network),
        plan.processes.index(case.processes),
        plan.profiles.index(case.profile),
        plan.batches.index(case.batch),
    )


def _nothing(left_out: Sequence[LeftOut]) -> str:
    reasons = dict.fromkeys(one.reason for one in left_out)
    return "no point could be measured: " + "; ".join(list(reasons)[:3])
