"""MIG-serving's transition: exchange, then compact (arXiv 2109.11067, section 6).

Listed in ``planners`` for comparison with ``joint``; the next step is
``transition.plan``, which proves the draft. Nothing here looks for the best GPU of a
configuration, or keeps the replicas of a service on different nodes: the paper does not.
"""

from __future__ import annotations

from collections import Counter

from heddle.errors import InputError, NoPlanError
from heddle.transition.draft import Draft
from heddle.transition.exchange_compact.attempt import attempt, ways
from heddle.transition.exchange_compact.refusal import refusal
from heddle.transition.request import TransitionRequest


class ExchangeCompact:
    """First the right replicas anywhere, then each in its place."""

    name = "exchange_compact"

    def plan(self, request: TransitionRequest) -> Draft:
        """Return the steps and the deployment that they lead to.

        Raises
        ------
        InputError
            A GPU type or a profile is unknown, or the inventory has fewer GPUs of a type
            than the target needs.
        NoPlanError
            No order of steps was found within the spare GPUs; the message names the
            service that blocks, and how many spare GPUs would do.
        """
        _require_gpus(request)
        allowed = request.spare_gpus
        refused = []
        for rounds in ways(request):
            # 1. With all spare GPUs that are allowed, for the sake of time.
            if allowed:
                outcome = attempt(request, rounds, allowed)
                if outcome.is_within(allowed):
                    return outcome.draft
            # 2. With as few as these rounds need.
            outcome = attempt(request, rounds)
            if outcome.is_within(allowed):
                return outcome.draft
            refused.append(outcome)
        # 3. No way was found.
        raise NoPlanError(refusal(request, refused))


def _require_gpus(request: TransitionRequest) -> None:
    if request.inventory is None:
        return
    exist = Counter(gpu.gpu_type for gpu in request.inventory)
    need = Counter(c.gpu_type for c in request.wanted.configurations if c.instances)
    for name in sorted(need):
        if need[name] > exist[name]:
            raise InputError(
                f"the target needs {need[name]} GPUs of type {name}; {exist[name]} exist"
            )
