"""Keeps services spread over nodes when configurations are dealt to GPUs anew.

A deployment does not say which services were asked to be spread over nodes; a workload
does. Without one, a service with two instances or more, all on different nodes of the
wanted deployment, is kept so where that is easy, unless it runs otherwise now. Called by
``placement``, which knows nothing of nodes, on its result, in three stages:

1. Configurations are swapped between GPUs, or moved to GPUs that come free anyway, at
   the least loss.
2. For services that were asked to be spread: configurations move to spare GPUs, as far
   as there may be any.
3. For these too: what one node of the target has is carried on one node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.errors import NoPlanError, listed
from heddle.transition.gpu_room import IdleGpus
from heddle.transition.joint.node_deal import Dealt, NodeDeal
from heddle.transition.joint.node_matching import matched_nodes
from heddle.transition.request import TransitionRequest

#: Idle GPUs of each type that are looked at.
_MAX_IDLE = 64


def spread_services(request: TransitionRequest) -> frozenset[str]:
    """Return the services that must be spread, or, when not known, those that look so."""
    if request.node_spread is not None:
        return request.node_spread
    running, wanted = _nodes(request.origin), _nodes(request.wanted)
    return frozenset(
        service
        for service, nodes in wanted.items()
        if len(nodes) > 1 and _differ(nodes) and _differ(running[service])
    )


def _nodes(deployment: Deployment) -> defaultdict[str, list[str]]:
    """Return the node of every instance of each service."""
    nodes: defaultdict[str, list[str]] = defaultdict(list)
    for entry, instance in deployment.instances():
        nodes[instance.service].append(entry.node)
    return nodes


def _differ(nodes: Sequence[str]) -> bool:
    return len(set(nodes)) == len(nodes)


def kept_apart(
    request: TransitionRequest, dealt: Dealt, gpus: Sequence[Gpu], idle: IdleGpus
) -> list[Gpu]:
    """Return the GPUs of the configurations, changed until services stay spread.

    Raises
    ------
    NoPlanError
        There is no way, and the spread was asked for.
    """
    if not dealt.spread:
        return list(gpus)
    # 1. Swap, and move to GPUs that come free anyway.
    deal = NodeDeal(dealt, _together(gpus, dealt.origin))
    deal.mend()
    if not deal.conflicts or request.node_spread is None:
        return deal.chosen
    # 2. Move to spare GPUs.
    spares = _some_idle(dealt, idle)
    limit = len(spares) if request.spare_gpus is None else request.spare_gpus
    deal = NodeDeal(dealt, _together(deal.chosen, dealt.origin, spares), limit)
    deal.mend()
    if not deal.conflicts:
        return deal.chosen
    # 3. Carry whole nodes.
    usable = _together(gpus, dealt.origin)
    chosen = matched_nodes(dealt.wanted, usable, dealt.fits)
    if chosen is not None:
        whole = NodeDeal(dealt, _together(chosen, usable))
        whole.settle(range(len(chosen)))
        if not whole.conflicts:
            return whole.chosen
    raise NoPlanError(
        f"services {listed(deal.conflicts)} must be spread over nodes, and no way was found to "
        "carry the target on these GPUs that keeps them so; GPUs in more nodes would help"
    )


def _together(*gpus: Iterable[Gpu]) -> list[Gpu]:
    return list(dict.fromkeys(chain(*gpus)))


def _some_idle(dealt: Dealt, idle: IdleGpus) -> list[Gpu]:
    """Return idle GPUs of every type that is dealt."""
    types = sorted({entry.gpu_type for entry in dealt.wanted})
    taken = [idle.take(name) for name in types for _ in range(_MAX_IDLE)]
    return [gpu for gpu in taken if gpu is not None]
