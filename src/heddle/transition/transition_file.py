"""Reads and writes ``transition.json``, version 1.

``heddle transition`` writes it, ``heddle apply`` reads it. One line per step, GPU and
service; ``from`` and ``to`` are deployments as in ``deployment.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heddle.atomic_file import write_text
from heddle.cluster.command import Action
from heddle.cluster.deployment_file import (
    MAX_MIB,
    deployment_of,
    deployment_text,
    instance_members,
    instance_of,
)
from heddle.cluster.gpu import Gpu
from heddle.cluster.json_object import JsonObject, load_json
from heddle.cluster.json_text import encode, lines, number
from heddle.cluster.partition import Placement
from heddle.transition.step import Step
from heddle.transition.transition import Floor, Transition

VERSION = 1
_MAX_STEPS = 10_000_000
_MAX_START = 1_000_000_000

_FILE_KEYS = frozenset(
    {
        "version",
        "from",
        "to",
        "steps",
        "makespan_s",
        "spare_gpus",
        "floors",
        "borrowed",
        "strategy",
        "times",
        "unserved",
    }
)
_SERVING_KEYS = frozenset({"service", "batch", "processes", "rate_rps", "latency_ms", "is_fitted"})
_STEP_KEYS = frozenset({"id", "kind", "gpu", "profile", "start", "estimate_s", "after", "move"})
_GPU_KEYS = frozenset(Gpu._fields)
_FLOOR_KEYS = frozenset(Floor._fields)


def write_transition(path: Path, transition: Transition) -> None:
    """Replace ``path`` by the transition's text, whole or not at all.

    Raises
    ------
    InputError
        The folder does not exist or may not be written to; the old file stands.
    """
    write_text(path, transition_text(transition))


def transition_text(transition: Transition) -> str:
    """Return the transition as JSON text; equal transitions give equal bytes."""
    steps = [encode(_step_members(step)) for step in transition.steps]
    floors = [
        f"{encode(name)}:{encode({k: number(v) for k, v in floor._asdict().items()})}"
        for name, floor in transition.floors.items()
    ]
    borrowed = [encode(gpu._asdict()) for gpu in transition.borrowed]
    parts = [
        f'"version":{VERSION}',
        f'"from":{deployment_text(transition.origin).rstrip()}',
        f'"to":{deployment_text(transition.target).rstrip()}',
        f'"steps":[{lines(steps)}]',
        f'"makespan_s":{encode(number(transition.makespan_s))}',
        f'"spare_gpus":{transition.spare_gpus}',
        f'"floors":{{{lines(floors)}}}',
        f'"borrowed":[{lines(borrowed)}]',
        f'"strategy":{encode(transition.strategy)}',
        f'"times":{encode(transition.times)}',
    ]
    if transition.unserved:
        unserved = [
            f"{encode(gpu)}:{encode([placement._asdict() for placement in placements])}"
            for gpu, placements in transition.unserved.items()
        ]
        parts.append(f'"unserved":{{{lines(unserved)}}}')
    return "{" + ",\n".join(parts) + "}\n"


def read_transition(path: Path) -> Transition:
    """Return the transition that a file holds.

    Whether it keeps what it promises is the question of ``invariant``: here only its
    form is, and that its steps stand in an order in which they may run.

    Raises
    ------
    InputError
        With the file and the path in it: not JSON, larger than 256 MiB, a key that is
        unknown, missing or repeated, a value of the wrong type or range, steps that
        wait for each other.
    """
    return transition_of(load_json(path, MAX_MIB))


def transition_of(document: JsonObject) -> Transition:
    """Return the transition that a JSON object holds, as :func:`read_transition` does."""
    document.allow(_FILE_KEYS)
    document.integer("version", VERSION, VERSION)
    floors = document.member("floors")
    return Transition(
        origin=deployment_of(document.member("from")),
        target=deployment_of(document.member("to")),
        steps=_steps(document),
        makespan_s=document.number("makespan_s"),
        spare_gpus=document.integer("spare_gpus", 0, _MAX_STEPS),
        floors={name: _floor(floors.member(name)) for name in floors},
        borrowed=(
            tuple(_gpu(gpu) for gpu in document.members("borrowed"))
            if "borrowed" in document
            else ()
        ),
        strategy=document.sentence("strategy"),
        times=document.sentence("times"),
        unserved=_unserved(document),
    )


def _step_members(step: Step) -> dict[str, Any]:
    members: dict[str, Any] = {
        "id": step.id,
        "kind": step.action.value,
        "gpu": step.gpu,
        "profile": step.placement.profile,
        "start": step.placement.start,
    }
    if step.serving is not None:
        members |= instance_members(step.serving)
    members |= {"estimate_s": number(step.estimate_s), "after": list(step.after)}
    if step.move is not None:
        members["move"] = step.move
    return members


def _steps(document: JsonObject) -> tuple[Step, ...]:
    entries = document.members("steps")
    after = [_after(entry, len(entries)) for entry in entries]
    circle = _circle(after)
    if circle:
        path = " -> ".join(str(step) for step in circle)
        entries[circle[0]].fail("after", f"steps wait for each other in a circle: {path}")
    return tuple(_step(entry, step_id, after[step_id]) for step_id, entry in enumerate(entries))


def _after(entry: JsonObject, num_steps: int) -> tuple[int, ...]:
    return tuple(sorted(set(entry.integers("after", 0, num_steps - 1))))


def _circle(after: Sequence[Sequence[int]]) -> list[int]:
    """Return steps of which each waits for the one before, the first again last; or none."""
    finished: set[int] = set()
    for first in range(len(after)):
        if first in finished:
            continue
        path = [first]
        on_path = {first: 0}
        stack = [(first, iter(after[first]))]
        while stack:
            step, others = stack[-1]
            other = next(others, None)
            if other is None:
                stack.pop()
                finished.add(step)
                del on_path[path.pop()]
            elif other in on_path:
                return [*path[on_path[other] :], other][::-1]
            elif other not in finished:
                on_path[other] = len(path)
                path.append(other)
                stack.append((other, iter(after[other])))
    return []


def _step(entry: JsonObject, step_id: int, after: tuple[int, ...]) -> Step:
    entry.integer("id", step_id, step_id)
    kind = entry.choice("kind", [action.value for action in Action])
    action = Action(kind)
    is_serving = action in (Action.START, Action.STOP)
    entry.allow(_STEP_KEYS | _SERVING_KEYS if is_serving else _STEP_KEYS)
    late = [other for other in after if other >= step_id]
    if late:
        entry.fail("after", f"waits for step {late[0]}, which stands later; order the steps")
    return Step(
        id=step_id,
        action=action,
        gpu=entry.text("gpu"),
        placement=_placement(entry),
        serving=instance_of(entry) if is_serving else None,
        estimate_s=entry.number("estimate_s"),
        after=after,
        move=entry.integer("move", 0, _MAX_STEPS) if "move" in entry else None,
    )


def _placement(entry: JsonObject) -> Placement:
    return Placement(entry.integer("start", 0, _MAX_START), entry.text("profile"))


def _unserved(document: JsonObject) -> dict[str, tuple[Placement, ...]]:
    if "unserved" not in document:
        return {}
    gpus = document.member("unserved")
    return {gpu: tuple(_placement(entry) for entry in gpus.members(gpu)) for gpu in gpus}


def _floor(entry: JsonObject) -> Floor:
    entry.allow(_FLOOR_KEYS)
    return Floor(entry.number("floor_rps"), entry.number("least_rps"))


def _gpu(entry: JsonObject) -> Gpu:
    entry.allow(_GPU_KEYS)
    return Gpu(entry.text("id"), entry.text("node"), entry.text("gpu_type"))
