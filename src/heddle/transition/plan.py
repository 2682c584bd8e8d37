"""Planning a transition from end to end: draft it, finish it, prove it.

The one entry for whoever wants a transition: the CLI, the executor when it plans
again, benchmarks, later the daemon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from heddle.cluster.deployment_check import require_possible
from heddle.cluster.gpu import Gpu
from heddle.transition.draft import Draft
from heddle.transition.gpu_room import gpus_of
from heddle.transition.invariant.proof import prove
from heddle.transition.planners import PLANNERS
from heddle.transition.request import TransitionRequest
from heddle.transition.schedule import makespan_s
from heddle.transition.transition import Transition


def plan_transition(request: TransitionRequest, strategy: str = "joint") -> Transition:
    """Return a transition that keeps every floor, proved.

    Raises
    ------
    InputError
        The strategy or a GPU type is unknown, or a side is not a legal deployment.
    NoPlanError
        No order of steps exists within the spare GPUs; the message names the service
        that blocks, and how many spare GPUs would do.
    """
    planner = PLANNERS.create(strategy)
    # 1. Refuse what no cluster can run.
    require_possible(request.origin, request.type_of)
    require_possible(request.wanted, request.type_of)
    # 2. Draft: which GPU carries what, and which step waits for which.
    draft = planner.plan(request)
    # 3. Finish: order, estimates, GPUs borrowed.
    transition = _finish(request, draft, planner.name)
    # 4. Prove: no transition leaves that could break a floor, whatever made it.
    proof = prove(transition, request.type_of)
    if proof.violations:
        first = "; ".join(str(violation) for violation in proof.violations[:3])
        raise AssertionError(f"planner {planner.name} made an unsafe transition: {first}")
    return replace(transition, floors=proof.floors)


def _finish(request: TransitionRequest, draft: Draft, strategy: str) -> Transition:
    steps = draft.finished()
    before, after = gpus_of(request.origin), gpus_of(draft.target)
    named = {gpu.id for gpu in (*before, *after)}
    borrowed = sorted(gpu for gpu in draft.gpus if gpu.id not in named)
    return Transition(
        origin=request.origin,
        target=draft.target,
        steps=steps,
        makespan_s=makespan_s(steps),
        spare_gpus=num_spare_gpus(before, after, borrowed),
        floors={},
        borrowed=tuple(borrowed),
        strategy=strategy,
        times=request.times.name,
        unserved=request.unserved,
    )


def num_spare_gpus(before: Sequence[Gpu], after: Sequence[Gpu], borrowed: Sequence[Gpu]) -> int:
    """Return how many GPUs are used beyond what the larger side needs, type by type."""
    used = Counter(gpu.gpu_type for gpu in {*before, *after, *borrowed})
    first = Counter(gpu.gpu_type for gpu in before)
    last = Counter(gpu.gpu_type for gpu in after)
    return sum(count - max(first[name], last[name]) for name, count in used.items())
