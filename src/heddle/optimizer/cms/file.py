"""Reads and writes a CMS problem as JSON, version 1: the input of ``heddle cms``.

::

    {
      "version": 1,
      "jobs": [
        {"name": "search", "demand": 12.5},
        {"name": "speech", "demand": 4}
      ],
      "blocks": [{"name": "small"}, {"name": "large"}],
      "configurations": [{"small": 7}, {"small": 3, "large": 1}],
      "serves": {
        "search": {"small": 2.5, "large": 9},
        "speech": {"large": 3}
      }
    }

* ``jobs``: the names and demands (above 0) of the jobs.
* ``blocks``: the types of block. ``size`` (above 0) belongs to the capacity form only,
  where it is 1 if left out.
* ``configurations``: the multisets of blocks that a machine can be; or, in its place,
  ``"capacity": 8`` for every multiset of blocks whose sizes add up to 8 at most.
* ``serves``: how much of a job's demand one block of a type serves; a type that is left
  out serves nothing.

Numbers are at most 1e9 and have at most six decimals: they are whole millionths from
here on, so every comparison is exact. ``result_file`` writes the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.atomic_file import write_text
from heddle.cluster.json_object import JsonObject, load_json
from heddle.errors import InputError, Location, listed
from heddle.optimizer.cms.problem import CapacityForm, CmsProblem, ConfigurationList
from heddle.units import MICRO, exact

VERSION = 1
MAX_MIB = 16
MAX_JOBS = 10_000
MAX_BLOCK_TYPES = 1_000
MAX_CONFIGURATIONS = 20_000
#: The largest demand, amount, size and capacity.
MAX_NUMBER = 1e9
MAX_COUNT = 1_000_000

_FILE_KEYS = frozenset({"version", "jobs", "blocks", "configurations", "capacity", "serves"})
_JOB_KEYS = frozenset({"name", "demand"})
_BLOCK_KEYS = frozenset({"name", "size"})


def read_problem(path: Path) -> CmsProblem:
    """Return the problem that a JSON file states.

    Raises
    ------
    InputError
        With the file and the path in it (the line, where the text is not JSON): not a
        JSON object, larger than 16 MiB; a key or a name is unknown, missing or
        repeated; a number is out of its range or has more than six decimals; a list
        is empty or too long; no block of any configuration serves a job.
    """
    document = load_json(path, MAX_MIB)
    document.allow(_FILE_KEYS)
    document.integer("version", VERSION, VERSION)
    jobs = _named(document, "jobs", _JOB_KEYS, MAX_JOBS)
    blocks = _named(document, "blocks", _BLOCK_KEYS, MAX_BLOCK_TYPES)
    form = _form(document, blocks)
    serves = document.member("serves")
    serves.allow(frozenset(jobs))
    demands = tuple(_micro(entry, "demand", least=1) for entry in jobs.values())
    amounts = tuple(_amounts(serves, job, blocks) for job in jobs)
    try:
        return CmsProblem(
            jobs=tuple(jobs),
            blocks=tuple(blocks),
            demand=demands,
            amount=amounts,
            form=form,
        )
    except InputError as error:
        raise InputError(error.message, Location(path, None, "serves")) from error


def write_problem(path: Path, problem: CmsProblem) -> None:
    """Replace ``path`` by the problem's text, whole or not at all."""
    write_text(path, problem_text(problem))


def problem_text(problem: CmsProblem) -> str:
    """Return the problem as JSON text; equal problems give equal bytes."""
    jobs = [
        {"name": name, "demand": from_micro(demand)}
        for name, demand in zip(problem.jobs, problem.demand, strict=True)
    ]
    serves = {
        name: {
            block: from_micro(amount)
            for block, amount in zip(problem.blocks, row, strict=True)
            if amount
        }
        for name, row in zip(problem.jobs, problem.amount, strict=True)
    }
    form = problem.form
    document: dict[str, Any] = {"version": VERSION, "jobs": jobs}
    if isinstance(form, CapacityForm):
        document["blocks"] = [
            {"name": name, "size": from_micro(size)}
            for name, size in zip(problem.blocks, form.sizes, strict=True)
        ]
        document["capacity"] = from_micro(form.capacity)
    else:
        document["blocks"] = [{"name": name} for name in problem.blocks]
        document["configurations"] = [
            block_counts(problem.blocks, counts) for counts in form.configurations
        ]
    document["serves"] = serves
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def block_counts(blocks: tuple[str, ...], counts: tuple[int, ...]) -> dict[str, int]:
    """Return a configuration as block names and counts, without zeros."""
    return {name: count for name, count in zip(blocks, counts, strict=True) if count}


def from_micro(amount: int) -> float:
    """Return whole millionths as a number: an int where it is whole."""
    return amount // MICRO if amount % MICRO == 0 else amount / MICRO


def _named(
    document: JsonObject, key: str, keys: frozenset[str], most: int
) -> dict[str, JsonObject]:
    """Return a list of objects by their names, which differ."""
    entries = document.members(key)
    if not 0 < len(entries) <= most:
        document.fail(key, f"expected 1 to {most:,} {key}, found {len(entries):,}")
    named: dict[str, JsonObject] = {}
    for entry in entries:
        entry.allow(keys)
        name = entry.text("name")
        if name in named:
            entry.fail("name", f"{name!r} stands twice; give each a name of its own")
        named[name] = entry
    return named


def _form(
    document: JsonObject, blocks: Mapping[str, JsonObject]
) -> ConfigurationList | CapacityForm:
    if ("capacity" in document) == ("configurations" in document):
        document.fail("configurations", 'state either "configurations" or "capacity"')
    if "capacity" in document:
        sizes = tuple(
            _micro(entry, "size", least=1) if "size" in entry else MICRO
            for entry in blocks.values()
        )
        return CapacityForm(sizes, _micro(document, "capacity", least=1))
    for entry in blocks.values():
        if "size" in entry:
            entry.fail("size", 'sizes go with "capacity"; here configurations are listed')
    entries = document.members("configurations")
    if not 0 < len(entries) <= MAX_CONFIGURATIONS:
        found = f"found {len(entries):,}"
        document.fail("configurations", f"expected 1 to {MAX_CONFIGURATIONS:,} of them, {found}")
    return ConfigurationList(tuple(_counts(entry, blocks) for entry in entries))


def _counts(entry: JsonObject, blocks: Mapping[str, JsonObject]) -> tuple[int, ...]:
    entry.allow(frozenset(blocks))
    return tuple(entry.integer(name, 0, MAX_COUNT) if name in entry else 0 for name in blocks)


def _amounts(serves: JsonObject, job: str, blocks: Mapping[str, JsonObject]) -> tuple[int, ...]:
    if job not in serves:
        serves.fail(job, f"no entry for job {job!r}; state what blocks serve it ({listed(blocks)})")
    entry = serves.member(job)
    entry.allow(frozenset(blocks))
    return tuple(_micro(entry, name, least=0) if name in entry else 0 for name in blocks)


def _micro(entry: JsonObject, key: str, least: int) -> int:
    """Return a number as whole millionths, at least ``least`` of them."""
    number = entry.number(key)
    amount = exact(number) * MICRO
    if not least <= amount or number > MAX_NUMBER:
        bound = "above 0" if least else "of at least 0"
        entry.fail(key, f"expected a number {bound}, at most {MAX_NUMBER:g}, found {number:g}")
    if amount.denominator != 1:
        entry.fail(key, f"expected at most six decimals, found {number!r}")
    return amount.numerator
