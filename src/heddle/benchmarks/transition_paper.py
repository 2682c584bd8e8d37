"""The second part of ``heddle bench transition``: MIG-serving's case.

Five services between 16 and 5 A100s, both ways, with the paper's action times and its
testbed of 24 GPUs. The paper's deployments are not published: these are plans of our
own with the same numbers of GPUs, those of ``examples/05-day-and-night``. Both
strategies may borrow as many GPUs as the testbed has left.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.benchmarks.day_and_night import GPUS_OF_TESTBED, day_and_night
from heddle.benchmarks.record import Figure, Measured, Row
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.transition.action_times import find_times
from heddle.transition.lower_bound import makespan_bound_s, placed_by
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition

#: MIG-serving (arXiv 2109.11067), figure 13: seconds, and actions.
_PAPER: dict[str, Row] = {
    "day to night": {
        "makespan_s": 1021,
        "creations": 22,
        "deletions": 63,
        "migrations": 16,
        "repartitions": 6,
    },
    "night to day": {
        "makespan_s": 1595,
        "creations": 52,
        "deletions": 11,
        "migrations": 5,
        "repartitions": 13,
    },
}


def measure_paper(_seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Plan both ways with both strategies; quick runs are the same."""
    report("five services between 16 and 5 GPUs" + (" (quick is the same)" if is_quick else ""))
    day, night = day_and_night()
    rows: list[Row] = []
    figures: list[Figure] = []
    for name, origin, wanted in (("day to night", day, night), ("night to day", night, day)):
        request = _request(origin, wanted)
        exchange = plan_transition(request, "exchange_compact")
        joint = plan_transition(request, "joint")
        bound_s = makespan_bound_s(request, placed_by(joint))
        rows.append(
            {"part": "paper", "transition": name, "strategy": "the paper's", **_PAPER[name]}
        )
        rows += [_row(name, t, bound_s) for t in (exchange, joint)]
        ratio = round(exchange.makespan_s / joint.makespan_s, 2)
        figures.append(Figure(f"{name}: exchange_compact over joint", ratio, "x", ">= 2"))
        ratio = round(joint.makespan_s / bound_s, 3)
        figures.append(Figure(f"{name}: joint over its bound", ratio, "x", "<= 1.25"))
    return Measured(tuple(figures), tuple(rows))


def _request(origin: Deployment, wanted: Deployment) -> TransitionRequest:
    return TransitionRequest(
        origin=origin,
        wanted=wanted,
        type_of=builtin_catalogue().get,
        times=find_times("kubernetes"),
        spare_gpus=GPUS_OF_TESTBED - max(origin.num_gpus, wanted.num_gpus),
    )


def _row(name: str, transition: Transition, bound_s: float) -> Row:
    moves = transition.num_moves
    return {
        "part": "paper",
        "transition": name,
        "strategy": transition.strategy,
        "makespan_s": round(transition.makespan_s),
        "creations": transition.count(Action.START) - moves,
        "deletions": transition.count(Action.STOP) - moves,
        "migrations": moves,
        "repartitions": transition.num_repartitions,
        "bound_s": round(bound_s),
        "kept": transition.num_kept,
        "spare_gpus": transition.spare_gpus,
    }
