"""Where to go from here: the end of a leg, or the next leg when one is given up.

A function of the journal's fold and of what runs. Whatever failed, it leads to the
target, back to the origin, or to a legal deployment that keeps its floors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment, ServedService
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import LiveInstance, Snapshot, differences
from heddle.errors import HeddleError, listed
from heddle.transition.action_times import ActionTimes
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.journal_state import ExecutionOutcome, JournalState
from heddle.transition.execution.leg import Purpose
from heddle.transition.gpu_room import gpus_of
from heddle.transition.invariant.proof import prove
from heddle.transition.plan import num_spare_gpus
from heddle.transition.request import TransitionRequest
from heddle.transition.schedule import makespan_s
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.units import plural

#: How often what is left over is cleared away before it is left.
_MAX_TIDIES = 2
#: How often servers without traffic are stopped: once for every plan that can follow.
_SETTLES_PER_PLAN = 2


@dataclass(frozen=True, slots=True)
class Replanner:
    """Plans from where an execution stands.

    Attributes
    ----------
    plan
        Such as ``plan_transition``: returns a transition that is proved.
    type_of, times
        GPU types by name, and how long steps take.
    """

    plan: Callable[[TransitionRequest], Transition]
    type_of: Callable[[str], GpuType]
    times: ActionTimes


class NextLeg(NamedTuple):
    """A leg to begin."""

    purpose: Purpose
    transition: Transition
    decision: Decision


class TheEnd(NamedTuple):
    """How it ends, and what is deployed."""

    outcome: ExecutionOutcome
    deployment: Deployment
    decision: Decision


def arrival(state: JournalState, snapshot: Snapshot) -> TheEnd | None:
    """Return the end if the leg whose steps are all done was the last; None if not.

    What runs is what the leg leads to: the caller has looked.
    """
    leg = state.leg.leg
    target = leg.transition.target
    if leg.purpose is Purpose.FORWARD:
        sentence = "the target is reached" + _unseen(snapshot)
        return TheEnd(ExecutionOutcome.DONE, target, Decision(Reason.TARGET_REACHED, sentence))
    if leg.purpose is Purpose.BACK:
        sentence = "back at the deployment before" + _unseen(snapshot)
        return TheEnd(ExecutionOutcome.ABORTED, target, Decision(Reason.ORIGIN_REACHED, sentence))
    if leg.purpose is Purpose.TIDY:
        return _stopped(state, snapshot, _last_objection(state))
    return None


def next_turn(
    state: JournalState, snapshot: Snapshot, replanner: Replanner, max_replans: int
) -> NextLeg | TheEnd:
    """Return what follows a leg that was given up, or one that only settled."""
    # 1. A server without traffic can neither be planned with nor be left.
    idle = [gpu for gpu, instance in snapshot.unserved() if instance.serving is not None]
    if idle and state.num_legs[Purpose.SETTLE] < _SETTLES_PER_PLAN * (1 + max_replans):
        return _settle(state, snapshot, replanner)
    # 2. Back if that was asked for, else on to the target, around what is broken.
    objection = f"{plural(len(idle), 'server')} without traffic cannot be stopped"
    if not idle:
        purpose = Purpose.BACK if state.is_aborting else Purpose.FORWARD
        found = _replanned(state, snapshot, replanner, purpose, max_replans)
        if not isinstance(found, str):
            return found
        objection = found
    # 3. Else stay: what runs is legal and keeps its floors. Leave nothing that serves nobody.
    leftovers = _unserved(snapshot)
    if leftovers and not idle and state.num_legs[Purpose.TIDY] < _MAX_TIDIES:
        return _tidy(state, snapshot, replanner, objection)
    return _stopped(state, snapshot, objection)


def _replanned(
    state: JournalState,
    snapshot: Snapshot,
    replanner: Replanner,
    purpose: Purpose,
    max_replans: int,
) -> NextLeg | TheEnd | str:
    """Return a way to where the purpose leads, or why there is none."""
    asked = state.asked
    wanted = asked.target if purpose is Purpose.FORWARD else asked.origin
    where = "the target" if purpose is Purpose.FORWARD else "the deployment before"
    if not differences(wanted, snapshot):
        if purpose is Purpose.FORWARD:
            decision = Decision(Reason.TARGET_REACHED, "the target is reached")
            return TheEnd(ExecutionOutcome.DONE, wanted, decision)
        decision = Decision(Reason.ORIGIN_REACHED, "the deployment before runs")
        return TheEnd(ExecutionOutcome.ABORTED, wanted, decision)
    num_before = state.num_legs[purpose] - (purpose is Purpose.FORWARD)
    if num_before >= max_replans:
        return f"{where} was planned for anew {num_before} times"
    actual = what_serves(state, snapshot)
    request = TransitionRequest(
        origin=actual,
        wanted=wanted,
        type_of=replanner.type_of,
        times=replanner.times,
        inventory=tuple(gpu_state.gpu for gpu_state in snapshot.gpus),
        cordoned=frozenset(state.cordoned),
        unserved=_unserved(snapshot),
    )
    try:
        transition = replanner.plan(request)
    except HeddleError as error:
        return f"no way to {where}: {error}"
    avoided = f", without {listed(sorted(state.cordoned), 5)}" if state.cordoned else ""
    sentence = f"planned anew from what runs to {where}{avoided}: {len(transition.steps)} steps"
    return NextLeg(purpose, transition, Decision(Reason.REPLANNED, sentence))


def _settle(state: JournalState, snapshot: Snapshot, replanner: Replanner) -> NextLeg:
    """Return a leg that stops the servers that have no traffic.

    There is nothing to prove: they do not count, and nothing is made.
    """
    idle = [(gpu, i) for gpu, i in snapshot.unserved() if i.serving is not None]
    transition = _in_place(state, snapshot, _steps(Action.STOP, idle, replanner.times))
    sentence = f"{plural(len(idle), 'server')} without traffic to be stopped"
    return NextLeg(Purpose.SETTLE, transition, Decision(Reason.REPLANNED, sentence))


def _tidy(
    state: JournalState, snapshot: Snapshot, replanner: Replanner, objection: str
) -> NextLeg | TheEnd:
    """Return a leg that destroys the instances without a server."""
    steps = _steps(Action.DESTROY, snapshot.unserved(), replanner.times)
    transition = _in_place(state, snapshot, steps)
    proof = prove(transition, replanner.type_of)
    if proof.violations:
        return _stopped(state, snapshot, f"{objection}; {proof.violations[0]}")
    transition = replace(transition, floors=proof.floors)
    return NextLeg(Purpose.TIDY, transition, Decision(Reason.NO_PLAN, objection))


def _steps(
    action: Action, on: Iterable[tuple[Gpu, LiveInstance]], times: ActionTimes
) -> tuple[Step, ...]:
    """Return steps that do not wait for each other."""
    return tuple(
        Step(
            id=number,
            action=action,
            gpu=gpu.id,
            placement=instance.placement,
            serving=instance.serving,
            estimate_s=times.estimate_s(action, gpu),
        )
        for number, (gpu, instance) in enumerate(on)
    )


def _in_place(state: JournalState, snapshot: Snapshot, steps: tuple[Step, ...]) -> Transition:
    """Return a transition that leaves what is served as it is."""
    actual = what_serves(state, snapshot)
    named = gpus_of(actual)
    touched = {step.gpu for step in steps} - {gpu.id for gpu in named}
    borrowed = tuple(s.gpu for s in snapshot.gpus if s.gpu.id in touched)
    return Transition(
        origin=actual,
        target=actual,
        steps=steps,
        makespan_s=makespan_s(steps),
        spare_gpus=num_spare_gpus(named, named, borrowed),
        floors={},
        borrowed=borrowed,
        strategy="in place",
        times="",
        unserved=_unserved(snapshot),
    )


def what_serves(state: JournalState, snapshot: Snapshot) -> Deployment:
    """Return what is served now; it promises what the transition promised."""
    asked = state.asked
    return snapshot.deployment(promised_services(asked.origin, asked.target))


def promised_services(origin: Deployment, target: Deployment) -> Mapping[str, ServedService]:
    """Return the services of both sides, each with the smaller of its two requirements.

    Between two deployments neither side's requirement is owed, but the smaller one is.
    """
    found = {}
    for name in (*origin.services, *target.services):
        sides = [d.services[name] for d in (origin, target) if name in d.services]
        found[name] = min(sides, key=_required_rps)
    return found


def _required_rps(service: ServedService) -> float:
    return service.rate_rps if service.required_rps is None else service.required_rps


def _unserved(snapshot: Snapshot) -> dict[str, tuple[Placement, ...]]:
    found: dict[str, tuple[Placement, ...]] = {}
    for gpu, instance in snapshot.unserved():
        if instance.serving is None:
            found[gpu.id] = (*found.get(gpu.id, ()), instance.placement)
    return found


def _stopped(state: JournalState, snapshot: Snapshot, objection: str) -> TheEnd:
    leftovers = [_place(gpu, instance.placement) for gpu, instance in snapshot.unserved()]
    sentence = f"stopped {_floors_kept(state, snapshot)}: {objection}"
    if leftovers:
        sentence += f"; left over without traffic: {listed(leftovers, 5)}"
    sentence += _unseen(snapshot)
    actual = what_serves(state, snapshot)
    return TheEnd(ExecutionOutcome.STOPPED, actual, Decision(Reason.GAVE_UP, sentence))


def _floors_kept(state: JournalState, snapshot: Snapshot) -> str:
    rates = snapshot.ready_rps()
    short = [
        f"{service} ({rates.get(service, 0.0):,.6g} of {floor.floor_rps:,.6g} requests/s)"
        for service, floor in state.asked.floors.items()
        if rates.get(service, 0.0) < floor.floor_rps
    ]
    return f"below the floor of {listed(short, 5)}" if short else "where every floor holds"


def _last_objection(state: JournalState) -> str:
    objections = [d.sentence for d in state.decisions if d.reason is Reason.NO_PLAN]
    return objections[-1] if objections else "nothing else could be planned"


def _place(gpu: Gpu, placement: Placement) -> str:
    return f"{placement.profile} at {placement.start} of {gpu.id}"


def _unseen(snapshot: Snapshot) -> str:
    if not snapshot.unreachable:
        return ""
    nodes = listed(sorted(snapshot.unreachable), 5)
    return f"; what runs on {nodes} is not known, as it does not answer"
