"""Reads the ``serve`` part of a service, and the ``replan`` part of a workload file.

Called by ``service_reader`` and ``files``. Whether a file of a network is one at all is
seen by the engine that loads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.documents import Value
from heddle.workload.serving_spec import Engine, Retry, ServingSpec

#: Networks that heddle builds itself are named, not read.
ZOO = "zoo:"
SERVE_KEYS = (
    "engine",
    "path",
    "command",
    "sleep_ms",
    "ready_path",
    "retry",
    "max_queue",
    "ready_within",
    "drain_within",
    "port",
)
REPLAN_KEYS = ("every",)
MAX_QUEUE = 1_000_000
#: Below this, forecasts are of noise and plans of seconds.
LEAST_REPLAN_S = 1.0
_DAY_S = 86_400.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h)")
#: The keys that only one engine has.
_OF_ENGINE: Mapping[str, Engine] = {
    "path": Engine.ONNX,
    "command": Engine.COMMAND,
    "ready_path": Engine.COMMAND,
    "sleep_ms": Engine.SLEEP,
}
_NEEDED = {Engine.ONNX: "path", Engine.COMMAND: "command"}


def read_serving(value: Value) -> ServingSpec:
    """Return how a service is run; a path of a network is made absolute.

    Raises
    ------
    InputError
        A key is unknown, missing, of another engine, or out of its range.
    """
    keys = value.mapping(SERVE_KEYS, required=("engine",))
    engine = Engine(keys["engine"].choice([engine.value for engine in Engine]))
    for key, owner in _OF_ENGINE.items():
        if key in keys and owner is not engine:
            keys[key].fail(f"engine {engine.value} has no {key}; it belongs to {owner.value}")
    if engine in _NEEDED and _NEEDED[engine] not in keys:
        value.fail(f"engine {engine.value} needs the key {_NEEDED[engine]!r}")
    return ServingSpec(engine=engine, **_options(keys))


def read_replan_every_s(value: Value) -> float:
    """Return the interval at which demand is followed, seconds."""
    every = value.mapping(REPLAN_KEYS, required=REPLAN_KEYS)["every"]
    seconds = read_duration_s(every)
    if seconds < LEAST_REPLAN_S:
        every.fail(f"expected at least {LEAST_REPLAN_S:g} s, found {every.raw}")
    return seconds


def read_duration_s(value: Value) -> float:
    """Return a duration such as ``60s``, ``500ms``, ``5m`` or ``1h``, above 0, a day at most."""
    match = _DURATION.fullmatch(value.raw) if isinstance(value.raw, str) else None
    if match is None:
        value.fail(f"expected a duration such as 60s, 500ms, 5m or 1h, found {value.described}")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not 0.0 < seconds <= _DAY_S:
        value.fail(f"expected a duration above 0 and at most 24h, found {value.raw}")
    return seconds


def _path(value: Value) -> str:
    word = value.text()
    return word if word.startswith(ZOO) else str(Path(value.file_beside()).resolve())


def _command(value: Value) -> tuple[str, ...]:
    if isinstance(value.raw, str):
        value.fail("expected a list of words, [server, --port, '{port}']: no shell reads it")
    return tuple(item.text() for item in value.items("words"))


def _ready_path(value: Value) -> str:
    path = value.text()
    if not path.startswith("/"):
        value.fail(f"expected a path that begins with /, found {path!r}")
    return path


_READERS: Mapping[str, Any] = {
    "path": ("path", _path),
    "command": ("command", _command),
    "sleep_ms": ("sleep_ms", lambda value: value.number(least=0.0, most=_DAY_S * 1000)),
    "ready_path": ("ready_path", _ready_path),
    "retry": ("retry", lambda value: Retry(value.choice([retry.value for retry in Retry]))),
    "max_queue": ("max_queue", lambda value: value.integer(least=1, most=MAX_QUEUE)),
    "ready_within": ("ready_within_s", read_duration_s),
    "drain_within": ("drain_within_s", read_duration_s),
    "port": ("port", lambda value: value.integer(least=1, most=65_535)),
}


def _options(keys: Mapping[str, Value]) -> dict[str, Any]:
    return {name: read(keys[key]) for key, (name, read) in _READERS.items() if key in keys}
