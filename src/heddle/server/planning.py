"""Plans for a running machine: a deployment near to what runs, and the way there.

The daemon asks in a child process (``planning_worker``), so that it stays small and
answers meanwhile. Steps are numbered in :func:`answer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heddle.cluster.deployment import Deployment, ServedService
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import Snapshot
from heddle.errors import InputError, NoPlanError
from heddle.optimizer.guests import lodgings_of, with_guests
from heddle.optimizer.rate_planner import RatePlanner
from heddle.optimizer.solver import Run
from heddle.server.plan_message import Answer, Question
from heddle.transition.action_times import find_times
from heddle.transition.gpu_room import gpus_of
from heddle.transition.hysteresis import Hysteresis, Prospect, Reason, Way, decide
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from heddle.workload.files import load_workload
from heddle.workload.service import Service, Spread
from heddle.workload.serving_spec import ServingSpec
from heddle.workload.workload import Workload

#: How long steps take on one machine.
TIMES = "one-machine"
_TIME_LIMIT_S = 20.0
_STRATEGIES = ("joint", "exchange_compact")


def answer(question: Question) -> Answer:
    """Return the plan for a question.

    Raises
    ------
    InputError
        The workload is wrong, or is not for this machine.
    NoPlanError
        The machine has too few GPUs, or no order of steps leads there.
    """
    # 1. The workload, for the GPUs that there are.
    workload = _on_machine(load_workload(question.workload), question.snapshot)
    services = {one.name: _served(one) for one in workload.every_service}
    lodgings = lodgings_of(workload) if workload.guests else {}
    every_s = workload.replan_every_s
    rates = {one.name: question.rates_rps.get(one.name, one.rate_rps) for one in workload.services}
    # 2. What runs, and the nearest of the plans of the fewest GPUs.
    origin = question.snapshot.deployment(question.served)
    planner = RatePlanner(workload, new_run=lambda: Run(seed=0, time_limit_s=_TIME_LIMIT_S))
    following = question.unneeded_s is not None
    short = planner.short(rates, origin) if following else ()
    wanted = planner.near(rates, origin)
    _require_room(wanted, question.snapshot)
    if not question.rates_rps:
        with_guests(workload, wanted)  # or the reason why not; while demand is followed they stay
    # 3. Whether it pays, when nobody asked for it.
    if following and not short and wanted.num_gpus >= origin.num_gpus:
        decision = decide(_prospect(question, origin, wanted, None, short), Hysteresis())
        return Answer(None, decision.reason.value, decision.sentence, services, every_s, lodgings)
    # 4. The way there.
    try:
        transition = _way(workload, question.snapshot, origin, wanted)
    except NoPlanError as error:
        if not following:
            raise
        return Answer(None, Reason.NO_ORDER.value, str(error), services, every_s, lodgings)
    if not following:
        return Answer(transition, "asked", "asked for", services, every_s, lodgings)
    decision = decide(_prospect(question, origin, wanted, transition, short), Hysteresis())
    kept = transition if decision.is_move else None
    return Answer(kept, decision.reason.value, decision.sentence, services, every_s, lodgings)


def _on_machine(workload: Workload, snapshot: Snapshot) -> Workload:
    """Return the workload with as many GPUs of each type as the machine has."""
    counts: dict[str, int] = {}
    for state in snapshot.gpus:
        counts[state.gpu.gpu_type] = counts.get(state.gpu.gpu_type, 0) + 1
    pools = []
    for pool in workload.fleet:
        count = counts.get(pool.gpu_type.name, 0)
        if count == 0:
            raise InputError(
                f"this machine has no GPU of type {pool.gpu_type.name}; it has "
                f"{', '.join(f'{n} of type {name}' for name, n in sorted(counts.items()))}",
                pool.location,
            )
        least = count if pool.count is None else min(count, pool.count)
        pools.append(replace(pool, count=least, per_node=max(pool.per_node, count)))
    return replace(workload, fleet=tuple(pools))


def _served(service: Service) -> tuple[ServedService, ServingSpec]:
    if service.serving is None:
        raise InputError(
            f"service {service.name!r} does not say how it is run; add a serve part",
            service.location,
        )
    served = ServedService(
        model=service.model,
        rate_rps=service.rate_rps,
        latency_ms=service.latency_ms,
        required_rps=float(service.required_rps),
        batch_latency_limit_ms=float(service.batch_latency_limit_ms),
    )
    return served, service.serving


def _require_room(wanted: Deployment, snapshot: Snapshot) -> None:
    if wanted.num_gpus > len(snapshot.gpus):
        raise NoPlanError(
            f"these services need {wanted.num_gpus} GPUs, and this machine has {len(snapshot.gpus)}"
        )


def _way(
    workload: Workload, snapshot: Snapshot, origin: Deployment, wanted: Deployment
) -> Transition:
    """Return the transition by the first strategy that finds an order."""
    catalogue = {pool.gpu_type.name: pool.gpu_type for pool in workload.fleet}
    request = TransitionRequest(
        origin=origin,
        wanted=wanted,
        type_of=catalogue.__getitem__,
        times=find_times(TIMES),
        inventory=tuple(state.gpu for state in snapshot.gpus),
        unserved=_unserved(snapshot),
        node_spread=frozenset(s.name for s in workload.services if s.spread is Spread.NODE),
    )
    refusals: list[NoPlanError] = []
    for strategy in _STRATEGIES:
        try:
            return plan_transition(request, strategy)
        except NoPlanError as error:
            refusals.append(error)
    raise refusals[0]


def _unserved(snapshot: Snapshot) -> dict[str, tuple[Placement, ...]]:
    found: dict[str, tuple[Placement, ...]] = {}
    for gpu, instance in snapshot.unserved():
        found[gpu.id] = (*found.get(gpu.id, ()), instance.placement)
    return found


def _prospect(
    question: Question,
    origin: Deployment,
    wanted: Deployment,
    transition: Transition | None,
    short: Sequence[str],
) -> Prospect:
    way = None
    if transition is not None:
        held = {gpu.id for gpu in (*gpus_of(origin), *gpus_of(wanted), *transition.borrowed)}
        way = Way(float(len(held)), transition.makespan_s)
    return Prospect(
        short=short,
        running=float(origin.num_gpus),
        wanted=float(wanted.num_gpus),
        way=way,
        unneeded_s=question.unneeded_s or 0.0,
        is_needed_again=True,
    )
