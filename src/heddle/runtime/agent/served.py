"""What serves, or should serve, on one instance: the process, its port, its phase."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.deployment_file import instance_members, instance_of
from heddle.cluster.json_object import JsonObject
from heddle.cluster.partition import Placement
from heddle.runtime.process import ProcessId

_MAX_START = 1_000_000
_MAX_PID = 1 << 40


class Place(NamedTuple):
    """An instance of a GPU of this node."""

    gpu: str
    placement: Placement


class Phase(Enum):
    """Where a service on an instance stands."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    BACKING_OFF = "backing_off"


@dataclass(frozen=True, slots=True)
class Served:
    """One service on one instance.

    Attributes
    ----------
    place
        Where.
    planned
        What was asked for.
    phase
        Where it stands.
    instance
        The name of this start.
    port
        Of 127.0.0.1.
    process
        None before it was started, and while it backs off.
    num_restarts
        Starts since it died for the first time.
    started_unix_s
        When this start began.
    message
        What went wrong last.
    """

    place: Place
    planned: PlannedInstance
    phase: Phase
    instance: str
    port: int
    process: ProcessId | None = None
    num_restarts: int = 0
    started_unix_s: float = 0.0
    message: str = ""

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`served_of` reads them."""
        return {
            "gpu": self.place.gpu,
            "start": self.place.placement.start,
            "profile": self.place.placement.profile,
            "planned": instance_members(self.planned),
            "phase": self.phase.value,
            "instance": self.instance,
            "port": self.port,
            **({} if self.process is None else {"process": list(self.process)}),
            "num_restarts": self.num_restarts,
            "started_unix_s": self.started_unix_s,
            "message": self.message,
        }


def served_of(entry: JsonObject) -> Served:
    """Return what an object holds; InputError as ``JsonObject`` has it."""
    process = entry.integers("process", 0, _MAX_PID) if "process" in entry else None
    return Served(
        place=Place(
            entry.text("gpu"),
            Placement(entry.integer("start", 0, _MAX_START), entry.text("profile")),
        ),
        planned=instance_of(entry.member("planned")),
        phase=Phase(entry.choice("phase", [phase.value for phase in Phase])),
        instance=entry.text("instance"),
        port=entry.integer("port", 1, 65_535),
        process=None if process is None else ProcessId(*process),
        num_restarts=entry.integer("num_restarts", 0, _MAX_START),
        started_unix_s=entry.number("started_unix_s"),
        message=entry.sentence("message"),
    )
