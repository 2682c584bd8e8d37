"""What a transition says of itself, against what its steps say.

A file may be edited by hand: its floors, its makespan and the number of its spare GPUs
are shown to people, so a transition that overstates them is refused like one that
breaks them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from heddle.transition.invariant.violation import Violation
from heddle.transition.step import Step
from heddle.transition.transition import Floor, Transition

#: The makespan is a sum of floats that another program may have added up differently.
_TOLERANCE = 1e-6


def claim_violations(transition: Transition, proved: Mapping[str, Floor]) -> Iterator[Violation]:
    """Yield the claims that are not borne out; no floors at all are no claim."""
    if transition.floors:
        yield from _floor_claims(transition.floors, proved)
    longest_s = longest_path_s(transition.steps)
    if not abs(transition.makespan_s - longest_s) <= _TOLERANCE * longest_s:
        yield Violation(
            f"a makespan of {transition.makespan_s:g} s is stated; "
            f"the longest path of the steps takes {longest_s:g} s"
        )
    num_spares = num_spare_gpus(transition)
    if transition.spare_gpus != num_spares:
        yield Violation(
            f"{transition.spare_gpus} spare GPUs are stated; the steps use {num_spares}"
        )


def longest_path_s(steps: Sequence[Step]) -> float:
    """Return how long the steps take when each is issued as soon as it may be, seconds."""
    done_s: list[float] = []
    for step in steps:
        done_s.append(step.estimate_s + max([done_s[other] for other in step.after], default=0.0))
    return max(done_s, default=0.0)


def num_spare_gpus(transition: Transition) -> int:
    """Return how many GPUs are used beyond what the larger side needs, type by type."""
    gpus = transition.gpus
    before = {entry.gpu for entry in transition.origin.configurations}
    after = {entry.gpu for entry in transition.target.configurations}
    touched = {step.gpu for step in transition.steps if step.gpu in gpus}

    def per_type(names: Iterable[str]) -> Counter[str]:
        return Counter(gpus[name].gpu_type for name in names)

    larger = per_type(before) | per_type(after)
    return (per_type(before | after | touched) - larger).total()


def _floor_claims(claimed: Mapping[str, Floor], proved: Mapping[str, Floor]) -> Iterator[Violation]:
    for name, floor in proved.items():
        claim = claimed.get(name)
        if claim is None:
            yield Violation(f"no floor is stated for service {name}", None, name)
            continue
        if claim.floor_rps != floor.floor_rps:
            yield Violation(
                f"service {name}: a floor of {claim.floor_rps:g} requests/s is stated; "
                f"the two deployments give {floor.floor_rps:g}",
                None,
                name,
            )
        if not claim.least_rps <= floor.least_rps:
            yield Violation(
                f"service {name}: a least rate of {claim.least_rps:g} requests/s is stated; "
                f"only {floor.least_rps:g} is proved",
                None,
                name,
            )
    for name in claimed:
        if name not in proved:
            yield Violation(f"a floor is stated for service {name}, which neither side has")
