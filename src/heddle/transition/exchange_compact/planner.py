"""MIG-serving's transition: exchange, then compact (arXiv 2109.11067, section 6).

Listed in ``planners`` for comparison with ``joint``; the next step is
``transition.plan``, which proves the draft. As in the paper, nothing here looks for the
best GPU of a configuration or knows of nodes: a target that puts instances of a service
on one node that must not share one is refused.
"""

from __future__ import annotations

from collections import Counter

from heddle.cluster.deployment import Deployment
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
            service that blocks, and how many spare GPUs would do. Or the target would
            not keep a service spread over nodes; ``joint`` may.
        """
        _require_gpus(request)
        allowed = request.spare_gpus
        refused = []
        for rounds in ways(request):
            # 1. With as few spare GPUs as these rounds need.
            frugal = attempt(request, rounds)
            # 2. With all that are allowed, for the sake of time.
            outcomes = [frugal, attempt(request, rounds, allowed)] if allowed else [frugal]
            # 3. The shorter of the two.
            possible = [outcome for outcome in outcomes if outcome.is_within(allowed)]
            if possible:
                draft = min(possible, key=lambda outcome: outcome.makespan_s).draft
                _require_spread(request, draft.target)
                return draft
            refused.append(frugal)
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


def _require_spread(request: TransitionRequest, target: Deployment) -> None:
    for service in sorted(request.node_spread or ()):
        nodes = Counter(c.node for c, instance in target.instances() if instance.service == service)
        for node, count in nodes.items():
            if count > 1:
                raise NoPlanError(
                    f"service {service!r} must be spread over nodes; exchange_compact does not "
                    f"look at nodes and would put {count} of its instances in {node}. "
                    "Use --strategy joint"
                )
