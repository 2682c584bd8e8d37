"""How the instances of a service are run: the ``serve`` part of a workload file.

``serving_spec_reader`` reads it; it travels as JSON from the daemon to the node agent
and on to the instance. Planning does not look at it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from heddle.cluster.json_object import JsonObject


class Engine(Enum):
    """What computes the answers of an instance.

    ``ONNX`` runs a graph in ONNX Runtime; ``COMMAND`` is the user's own server; ``SLEEP``
    occupies its share for a stated time and is for tests.
    """

    ONNX = "onnx"
    COMMAND = "command"
    SLEEP = "sleep"


class Retry(Enum):
    """Whether a request whose instance died in the middle is sent to another one."""

    ONCE = "once"
    NEVER = "never"


#: The default where the ``command`` engine names no path of its own.
READY_PATH = "/v2/health/ready"
_MAX_S = 86_400.0
_MAX_QUEUE = 1_000_000
_KEYS = frozenset(
    {
        "engine", "path", "command", "sleep_ms", "ready_path", "retry", "max_queue",
        "ready_within_s", "drain_within_s", "port",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServingSpec:
    """How to run one service.

    Attributes
    ----------
    engine
        What computes answers.
    path
        Of ``onnx``: an absolute path of a model file, or ``zoo:NAME``. Otherwise empty.
    command
        Of ``command``: the words of the command line; ``{port}`` stands for the port.
        Never a shell's string.
    sleep_ms
        Of ``sleep``: how long one batch occupies its share.
    ready_path
        Answers 200 to GET when the server is ready.
    retry
        Of requests whose instance died in the middle.
    max_queue
        Requests that may wait in one instance; more get a 429.
    ready_within_s
        From the start of the process until it must be ready.
    drain_within_s
        How long requests under way may take when the instance is to stop.
    port
        The service's address at the router; None lets heddle choose and keep one.
    """

    engine: Engine
    path: str = ""
    command: tuple[str, ...] = ()
    sleep_ms: float = 0.0
    ready_path: str = READY_PATH
    retry: Retry = Retry.ONCE
    max_queue: int = 256
    ready_within_s: float = 60.0
    drain_within_s: float = 30.0
    port: int | None = None

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`serving_spec_of` reads them."""
        return {
            "engine": self.engine.value,
            "path": self.path,
            "command": list(self.command),
            "sleep_ms": self.sleep_ms,
            "ready_path": self.ready_path,
            "retry": self.retry.value,
            "max_queue": self.max_queue,
            "ready_within_s": self.ready_within_s,
            "drain_within_s": self.drain_within_s,
            **({} if self.port is None else {"port": self.port}),
        }


def serving_spec_of(entry: JsonObject) -> ServingSpec:
    """Return the specification that an object holds; InputError as ``JsonObject`` has it."""
    entry.allow(_KEYS)
    return ServingSpec(
        engine=Engine(entry.choice("engine", [engine.value for engine in Engine])),
        path=entry.sentence("path"),
        command=entry.words("command"),
        sleep_ms=entry.number("sleep_ms"),
        ready_path=entry.text("ready_path"),
        retry=Retry(entry.choice("retry", [retry.value for retry in Retry])),
        max_queue=entry.integer("max_queue", 1, _MAX_QUEUE),
        ready_within_s=entry.positive("ready_within_s", _MAX_S),
        drain_within_s=entry.positive("drain_within_s", _MAX_S),
        port=entry.integer("port", 1, 65_535) if "port" in entry else None,
    )


def with_absolute_path(spec: ServingSpec, folder: Path) -> ServingSpec:
    """Return it with ``path`` taken relative to a folder; names of the zoo stay."""
    if not spec.path or spec.path.startswith("zoo:"):
        return spec
    return replace(spec, path=str((folder / spec.path).resolve()))
