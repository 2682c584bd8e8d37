"""A planned transition as text: what changes, how long, and what is served meanwhile."""

from __future__ import annotations

from heddle.cluster.command import Action
from heddle.drawing.figures import duration_text, rate_text
from heddle.drawing.table import Column, number_column, table_text
from heddle.transition.lower_bound import makespan_bound_s, placed_by
from heddle.transition.request import TransitionRequest
from heddle.transition.schedule import critical_path
from heddle.transition.transition import Transition
from heddle.units import plural

_MAX_SERVICES = 40
_MAX_ON_PATH = 12


def transition_report(transition: Transition, request: TransitionRequest) -> str:
    """Return the report that ``heddle transition`` prints."""
    if not transition.steps:
        return "nothing to do: the target is what runs"
    parts = [
        "\n".join([_headline(transition), *_counts(transition), *_times(transition, request)]),
        _rates_text(transition),
        "proved: no state that these steps can reach, in whatever order they end, is below a floor",
    ]
    return "\n\n".join(parts)


def _headline(transition: Transition) -> str:
    return (
        f"{transition.origin.num_gpus} to {plural(transition.target.num_gpus, 'GPU')} in "
        f"{plural(len(transition.steps), 'step')}, about {duration_text(transition.makespan_s)} "
        f"({transition.strategy}, action times {transition.times!r})"
    )


def _counts(transition: Transition) -> list[str]:
    before = sum(1 for _ in transition.origin.instances())
    after = sum(1 for _ in transition.target.instances())
    kinds = ", ".join(f"{transition.count(action)} {action.value}" for action in Action)
    moves = plural(transition.num_moves, "move")
    repartitions = f"{plural(transition.num_repartitions, 'GPU')} repartitioned"
    return [
        f"instances: {before} before, {after} after, {transition.num_kept} untouched",
        f"steps: {kinds}; {moves}, {repartitions}",
        _spares(transition),
    ]


def _spares(transition: Transition) -> str:
    lent = ", ".join(gpu.id for gpu in transition.borrowed[:_MAX_ON_PATH])
    named = f": {lent}" if lent else ""
    return f"spare GPUs used on the way: {transition.spare_gpus}{named}"


def _times(transition: Transition, request: TransitionRequest) -> list[str]:
    bound_s = makespan_bound_s(request, placed_by(transition))
    path = critical_path(transition.steps)
    steps = [transition.steps[step] for step in path]
    shown = " > ".join(
        f"{step.action.value} {step.gpu}/{step.placement.start}" for step in steps[:_MAX_ON_PATH]
    )
    more = " > …" if len(steps) > _MAX_ON_PATH else ""
    return [
        f"no order of steps with these GPUs takes less than {duration_text(bound_s)}",
        f"longest path: {shown}{more}",
    ]


def _rates_text(transition: Transition) -> str:
    columns = [
        Column("service", max_width=40),
        number_column("requests/s before"),
        number_column("after"),
        number_column("floor"),
        number_column("least on the way"),
    ]
    before, after = transition.origin.planned_rps(), transition.target.planned_rps()
    rows = [
        (
            service,
            rate_text(before.get(service, 0.0)),
            rate_text(after.get(service, 0.0)),
            rate_text(floor.floor_rps),
            rate_text(floor.least_rps),
        )
        for service, floor in transition.floors.items()
    ]
    return table_text(columns, rows, _MAX_SERVICES)
