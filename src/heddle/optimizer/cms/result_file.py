"""Writes the answer to a CMS problem as JSON, version 1, and reads its schedule back.

::

    {
    "version": 1, "algorithm": "log", "seed": 0,
    "machines": 4, "lower_bound": 3, "is_proved_optimal": false,
    "guarantee": {"formula": "…", "factor": 11.0, "extra": 1.0},
    "statistics": {…},
    "schedule": [
    {"count": 3, "configuration": {"small": 7}, "blocks": [{"block": "small", "job": "search", "count": 5}]},
    …
    ]}

``count`` machines are alike; blocks that are not listed are idle. The guarantee says
machines ≤ factor · optimum + extra. :func:`~heddle.optimizer.cms.schedule.violations`
checks what :func:`read_schedule` returns.
"""  # noqa: E501 (a line of the format)

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.atomic_file import write_text
from heddle.cluster.json_object import JsonObject, load_json
from heddle.errors import listed, nearest
from heddle.optimizer.cms.algorithm import CmsResult
from heddle.optimizer.cms.file import MAX_COUNT, block_counts
from heddle.optimizer.cms.problem import CmsProblem
from heddle.optimizer.cms.schedule import BlockUse, CmsSchedule, Machine

VERSION = 1
MAX_MIB = 256

_FILE_KEYS = frozenset(
    {
        "version",
        "algorithm",
        "seed",
        "machines",
        "lower_bound",
        "is_proved_optimal",
        "guarantee",
        "statistics",
        "schedule",
    }
)
_MACHINE_KEYS = frozenset({"count", "configuration", "blocks"})
_USE_KEYS = frozenset({"block", "job", "count"})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def write_result(path: Path, problem: CmsProblem, result: CmsResult, seed: int) -> None:
    """Replace ``path`` by the result's text, whole or not at all."""
    write_text(path, result_text(problem, result, seed))


def result_text(problem: CmsProblem, result: CmsResult, seed: int) -> str:
    """Return the result as JSON text, one line per kind of machine; equal results, equal bytes."""
    members: dict[str, Any] = {
        "version": VERSION,
        "algorithm": result.algorithm,
        "seed": seed,
        "machines": result.schedule.num_machines,
        "lower_bound": result.lower_bound,
        "is_proved_optimal": result.is_proved_optimal,
        "guarantee": {
            "formula": result.guarantee.formula,
            "factor": result.guarantee.factor,
            "extra": result.guarantee.extra,
        },
        "statistics": dict(result.statistics),
    }
    head = ",\n".join(f"{_encode(key)}: {_encode(value)}" for key, value in members.items())
    alike = Counter(result.schedule.machines)
    lines = [_encode(_machine_members(problem, machine, count)) for machine, count in alike.items()]
    schedule = ",\n".join(lines)
    return f'{{\n{head},\n"schedule": [\n{schedule}\n]}}\n'


def read_schedule(path: Path, problem: CmsProblem) -> CmsSchedule:
    """Return the schedule of a result file; only its form is checked, not what it serves.

    Raises
    ------
    InputError
        With the file and the path in it: not such a file, or a job or block that the
        problem does not have.
    """
    document = load_json(path, MAX_MIB)
    document.allow(_FILE_KEYS)
    document.integer("version", VERSION, VERSION)
    blocks = {name: i for i, name in enumerate(problem.blocks)}
    jobs = {name: j for j, name in enumerate(problem.jobs)}
    machines: list[Machine] = []
    for entry in document.members("schedule"):
        entry.allow(_MACHINE_KEYS)
        machine = _machine(entry, blocks, jobs)
        machines.extend([machine] * entry.integer("count", 1, MAX_COUNT))
    return CmsSchedule(tuple(machines))


def _machine_members(problem: CmsProblem, machine: Machine, count: int) -> dict[str, Any]:
    uses = [
        {"block": problem.blocks[use.block], "job": problem.jobs[use.job], "count": number}
        for use, number in sorted(Counter(machine.uses).items())
    ]
    return {
        "count": count,
        "configuration": block_counts(problem.blocks, machine.configuration),
        "blocks": uses,
    }


def _machine(entry: JsonObject, blocks: Mapping[str, int], jobs: Mapping[str, int]) -> Machine:
    counts = entry.member("configuration")
    counts.allow(frozenset(blocks))
    configuration = tuple(
        counts.integer(name, 0, MAX_COUNT) if name in counts else 0 for name in blocks
    )
    uses: list[BlockUse] = []
    for use in entry.members("blocks"):
        use.allow(_USE_KEYS)
        found = BlockUse(_index(use, "block", blocks), _index(use, "job", jobs))
        uses.extend([found] * use.integer("count", 1, MAX_COUNT))
    return Machine(configuration, tuple(sorted(uses)))


def _index(entry: JsonObject, key: str, names: Mapping[str, int]) -> int:
    name = entry.text(key)
    if name not in names:
        entry.fail(key, f"unknown {key} {name!r}{nearest(name, names)}; known: {listed(names)}")
    return names[name]
