"""What is proved of a transition, and what stands against it.

``plan`` proves what a planner made before anyone sees it, and ``heddle apply`` what a
file says before anything is done. Nothing of the planners is used here: floors,
geometry and paths are worked out again from the transition itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from heddle.cluster.gpu_type import GpuType
from heddle.transition.invariant.ancestry import Ancestry
from heddle.transition.invariant.claims import claim_violations
from heddle.transition.invariant.coexistence import coexistence_violations
from heddle.transition.invariant.form import form_violations
from heddle.transition.invariant.gpus import check_gpus
from heddle.transition.invariant.rates import least_rates, promised_micro, rate_violations
from heddle.transition.invariant.replay import replay, sequence_violations
from heddle.transition.invariant.violation import Violation
from heddle.transition.transition import Floor, Transition
from heddle.units import MICRO

__all__ = ["MAX_VIOLATIONS", "Proof", "Violation", "prove"]

#: More than this many violations are not kept: the first ones say what is wrong.
MAX_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """The floor and the least rate of every service, and the violations; none is a proof.

    ``floors`` is empty when the steps are no graph, so that nothing can be said of them.
    """

    floors: Mapping[str, Floor]
    violations: tuple[Violation, ...]


def prove(transition: Transition, type_of: Callable[[str], GpuType]) -> Proof:
    """Check every state that the transition can reach, whatever the timing.

    Parameters
    ----------
    type_of
        Returns the GPU type of a name; raises InputError for an unknown one, which
        becomes a violation.

    Returns
    -------
    Proof
        At most :data:`MAX_VIOLATIONS` violations: first those of form, then of GPUs,
        steps, order, partitions, rates and claims, each in a fixed order.
    """
    # 1. Form: without it the steps are no graph, and nothing else can be asked.
    broken = _first(form_violations(transition))
    if broken:
        return Proof({}, broken)
    ancestry = Ancestry(transition.steps)
    # 2. GPUs: every one is known, and of a type that exists.
    gpus = check_gpus(transition, type_of)
    # 3. Slots: from the origin to the target, each step doing what can be done then.
    run = replay(transition)
    # 4. Rates: the worst that an execution can do to each service.
    promised = promised_micro(transition)
    least = least_rates(transition, ancestry)
    floors = {
        name: Floor(floor / MICRO, least[name].rate_micro / MICRO)
        for name, floor in promised.items()
    }

    def violations() -> Iterator[Violation]:
        yield from gpus.violations
        yield from run.violations
        # 5. Order: no execution sees the steps of a slot in another one.
        yield from sequence_violations(transition.steps, ancestry.unordered(run.sequences))
        # 6. Partitions: what may exist at once is legal.
        yield from coexistence_violations(ancestry, gpus.types, run.lives)
        yield from rate_violations(transition.steps, promised, least)
        # 7. Claims: it says of itself what its steps say.
        yield from claim_violations(transition, floors)

    return Proof(floors, _first(violations()))


def _first(violations: Iterable[Violation]) -> tuple[Violation, ...]:
    return tuple(islice(violations, MAX_VIOLATIONS))
