"""A planned transition as text: what changes, how long, and what is served meanwhile."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.cluster.partition import Placement
from heddle.drawing.figures import duration_text, percent_text, rate_text
from heddle.drawing.table import Column, number_column, table_text
from heddle.errors import listed
from heddle.transition.schedule import Span, critical_path, earliest
from heddle.transition.step import Step
from heddle.transition.transition import Floor, Transition
from heddle.units import plural

_MAX_SERVICES = 40
_MAX_SPARES = 6
#: Steps of the longest path that are spelled out, at its beginning and at its end.
_MAX_FIRST, _MAX_LAST = 6, 3
_WIDTH = 100


def transition_report(transition: Transition, bound_s: float) -> str:
    """Return the report that ``heddle transition`` prints.

    Parameters
    ----------
    bound_s
        What no order of steps to the same target can beat, seconds; may be infinite.
    """
    if not transition.steps:
        return "nothing to do: the target is what runs"
    parts = [
        "\n".join([_headline(transition), _bound_text(transition, bound_s)]),
        "\n".join(_changes(transition)),
        _path_text(transition),
        _rates_text(transition),
        "proved: no state that these steps can reach, in whatever order they end, is below a floor",
    ]
    return "\n\n".join(parts)


def _headline(transition: Transition) -> str:
    return (
        f"{transition.origin.num_gpus:,} to {plural(transition.target.num_gpus, 'GPU')} in "
        f"{plural(len(transition.steps), 'step')}, about {duration_text(transition.makespan_s)} "
        f"({transition.strategy}, action times {transition.times!r})"
    )


def _bound_text(transition: Transition, bound_s: float) -> str:
    if not math.isfinite(bound_s):
        return "no lower bound on the time is known"
    if transition.makespan_s <= bound_s * (1 + 1e-9):
        return "no order of steps to this target takes less"
    return f"no order of steps to this target takes less than {duration_text(bound_s)}"


def _changes(transition: Transition) -> Iterator[str]:
    before, after = _gpu_ids(transition.origin), _gpu_ids(transition.target)
    yield (
        f"GPUs: {len(before & after):,} go on, {len(after - before):,} new, "
        f"{len(before - after):,} given up, {_spares_text(transition)}"
    )
    num_moves = transition.num_moves
    yield (
        f"instances: {_num_instances(transition.origin):,} before, "
        f"{_num_instances(transition.target):,} after; {transition.num_kept:,} untouched, "
        f"{_num_restarted(transition):,} restarted in place, {num_moves:,} moved, "
        f"{transition.count(Action.CREATE) - num_moves:,} new, "
        f"{transition.count(Action.DESTROY) - num_moves:,} removed"
    )
    kinds = ", ".join(f"{transition.count(action):,} {action.value}" for action in Action)
    yield f"steps: {kinds}; {plural(transition.num_repartitions, 'GPU')} repartitioned"


def _spares_text(transition: Transition) -> str:
    """Return how many spare GPUs are used, from when to when, and which."""
    if not transition.spare_gpus:
        return "no spare used"
    period = _spare_period(transition)
    when = f" from {_clock_text(period.issued_s)} to {_clock_text(period.done_s)}" if period else ""
    lent = listed([gpu.id for gpu in transition.spares], _MAX_SPARES)
    return f"{plural(transition.spare_gpus, 'spare')} used{when}{f' ({lent})' if lent else ''}"


def _spare_period(transition: Transition) -> Span | None:
    """Return the first and the last time at which more GPUs are in use than a side has.

    A GPU is in use from the first step on it, or from the beginning, to the last one, or
    to the end. None where GPUs are used one after another.
    """
    limits = Counter[str]()
    for side in (transition.origin, transition.target):
        limits |= Counter(entry.gpu_type for entry in side.configurations)
    changes = sorted(_use_changes(transition))
    in_use = Counter[str]()
    times = []
    for (at_s, gpu_type, change), following in zip(changes, [*changes[1:], None], strict=True):
        in_use[gpu_type] += change
        if following is not None and following[0] > at_s and in_use - limits:
            times += [at_s, following[0]]
    return Span(times[0], times[-1]) if times else None


def _use_changes(transition: Transition) -> Iterator[tuple[float, str, int]]:
    """Yield when each GPU comes into use, and when it is free again."""
    spans = earliest(transition.steps)
    first_s: dict[str, float] = {}
    last_s: dict[str, float] = {}
    for step in transition.steps:
        span = spans[step.id]
        first_s[step.gpu] = min(span.issued_s, first_s.get(step.gpu, math.inf))
        last_s[step.gpu] = max(span.done_s, last_s.get(step.gpu, 0.0))
    before, after = _gpu_ids(transition.origin), _gpu_ids(transition.target)
    for gpu in transition.gpus.values():
        yield (0.0 if gpu.id in before else first_s.get(gpu.id, 0.0)), gpu.gpu_type, 1
        if gpu.id not in after:
            yield last_s.get(gpu.id, 0.0), gpu.gpu_type, -1


def _num_restarted(transition: Transition) -> int:
    """Return how many instances stay and serve something else, or otherwise, afterwards."""
    made = _places(transition, Action.CREATE) | _places(transition, Action.DESTROY)
    return len(_places(transition, Action.START) - made)


def _places(transition: Transition, action: Action) -> set[tuple[str, Placement]]:
    return {(step.gpu, step.placement) for step in transition.steps if step.action is action}


def _path_text(transition: Transition) -> str:
    """Return the steps that decide how long it takes, in a few lines."""
    steps = [transition.steps[step] for step in critical_path(transition.steps)]
    texts = [_step_text(step, before) for step, before in zip(steps, [None, *steps], strict=False)]
    num_left_out = len(texts) - _MAX_FIRST - _MAX_LAST
    if num_left_out > 1:
        texts[_MAX_FIRST:-_MAX_LAST] = [f"{num_left_out:,} more steps"]
    return textwrap.fill(f"longest path: {' > '.join(texts)}", _WIDTH, subsequent_indent="  ")


def _step_text(step: Step, before: Step | None) -> str:
    """Return what is done in how long; the GPU where it is not the one before."""
    what = step.serving.service if step.serving else step.placement.profile
    place = "" if before is not None and before.gpu == step.gpu else f"{step.gpu}, "
    return f"{step.action.value} {what} ({place}{duration_text(step.estimate_s)})"


def _clock_text(at_s: float) -> str:
    return duration_text(at_s) if at_s else "0 s"


def _rates_text(transition: Transition) -> str:
    columns = [
        Column("service", max_width=40),
        number_column("requests/s before"),
        number_column("after"),
        number_column("floor"),
        number_column("least on the way"),
        number_column("above floor"),
    ]
    before, after = transition.origin.planned_rps(), transition.target.planned_rps()
    names = list(transition.floors)
    if len(names) > _MAX_SERVICES:
        names.sort(key=lambda name: (_surplus(transition.floors[name]), name))
    rows = [
        (
            service,
            rate_text(before.get(service, 0.0)),
            rate_text(after.get(service, 0.0)),
            rate_text(transition.floors[service].floor_rps),
            rate_text(transition.floors[service].least_rps),
            _surplus_text(transition.floors[service]),
        )
        for service in names
    ]
    return table_text(columns, rows, _MAX_SERVICES)


def _surplus(floor: Floor) -> float:
    """Return what a service has above its floor at the least, as a part of the floor."""
    if floor.floor_rps <= 0:
        return math.inf
    return (floor.least_rps - floor.floor_rps) / floor.floor_rps


def _surplus_text(floor: Floor) -> str:
    surplus = _surplus(floor)
    return percent_text(surplus) if math.isfinite(surplus) else "–"


def _gpu_ids(deployment: Deployment) -> set[str]:
    return {entry.gpu for entry in deployment.configurations}


def _num_instances(deployment: Deployment) -> int:
    return sum(1 for _ in deployment.instances())
