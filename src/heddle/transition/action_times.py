"""How long steps take: tables of measured action times, built in and the user's own.

A table has a default and, where known, other times for a GPU type or a host. Planners
estimate with it; nothing depends on the estimates being right but the makespan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from heddle.cluster.command import Action
from heddle.cluster.gpu import Gpu
from heddle.documents import Value, load_yaml
from heddle.errors import InputError, Location, listed, nearest

_BUILTIN = Path(__file__).with_name("action_times.yaml")
_KEYS = {action: f"{action.value}_s" for action in Action}
_TABLE_KEYS = ("name", "default", "gpu_types", "hosts", "sources")
#: A day: a step that takes longer is a mistake in a unit.
_MAX_S = 86_400.0

Durations = Mapping[Action, float]


@dataclass(frozen=True, slots=True)
class ActionTimes:
    """Seconds per elementary action.

    Attributes
    ----------
    name
        Of the table.
    default
        Every action.
    gpu_types, hosts
        What differs for a GPU type, and for a host (node); a host goes before a type.
    sources
        Where the figures come from.
    """

    name: str
    default: Durations
    gpu_types: Mapping[str, Durations] = field(default_factory=dict)
    hosts: Mapping[str, Durations] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def estimate_s(self, action: Action, gpu: Gpu) -> float:
        """Return how long an action takes on a GPU, seconds."""
        for special in (self.hosts.get(gpu.node), self.gpu_types.get(gpu.gpu_type)):
            if special is not None and action in special:
                return special[action]
        return self.default[action]


@cache
def builtin_times() -> Mapping[str, ActionTimes]:
    """Return the built-in tables by name."""
    return {table.name: table for table in _read_tables(_BUILTIN)}


def find_times(word: str) -> ActionTimes:
    """Return the built-in table of that name, or the one table of a YAML file.

    Raises
    ------
    InputError
        There is neither, or the file is not a table of action times.
    """
    if word in builtin_times():
        return builtin_times()[word]
    path = Path(word)
    if not path.suffix and not path.exists():
        known = listed(builtin_times())
        raise InputError(
            f"unknown action times {word!r}{nearest(word, builtin_times())}; known: {known}, "
            "or a YAML file"
        )
    tables = _read_tables(path)
    if len(tables) != 1:
        raise InputError(f"expected one table, found {len(tables)}", Location(path))
    return tables[0]


def _read_tables(path: Path) -> list[ActionTimes]:
    document = load_yaml(path).mapping(("version", "tables"), ("version", "tables"))
    document["version"].integer(least=1, most=1)
    return [_table(entry) for entry in document["tables"].items("tables")]


def _table(entry: Value) -> ActionTimes:
    members = entry.mapping(_TABLE_KEYS, ("name", "default"))
    default = _durations(members["default"])
    missing = [_KEYS[action] for action in Action if action not in default]
    if missing:
        members["default"].fail(f"missing key {missing[0]!r}; needed: {listed(_KEYS.values())}")
    sources = members["sources"].items("sources") if "sources" in members else []
    return ActionTimes(
        name=members["name"].text(),
        default=default,
        gpu_types=_special(members.get("gpu_types")),
        hosts=_special(members.get("hosts")),
        sources=tuple(source.text() for source in sources),
    )


def _special(entry: Value | None) -> dict[str, Durations]:
    if entry is None:
        return {}
    if not isinstance(entry.raw, dict):
        entry.fail(f"expected names and times, found {entry.described}")
    return {name: _durations(value) for name, value in entry.raw.items()}


def _durations(entry: Value) -> dict[Action, float]:
    members = entry.mapping(tuple(_KEYS.values()))
    return {
        action: members[key].number(least=0.0, most=_MAX_S)
        for action, key in _KEYS.items()
        if key in members
    }
