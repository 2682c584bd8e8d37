"""What a controller and a node say to each other, as JSON, and back again.

One line each way: a request, a reply. The simulated cluster and the node agent are
one end, drivers the other. Everything is read as strictly as a file, whoever wrote it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heddle.cluster.command import Action, Command
from heddle.cluster.deployment_file import instance_members, instance_of
from heddle.cluster.gpu import Gpu
from heddle.cluster.json_object import JsonObject, parse_json
from heddle.cluster.json_text import encode
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.errors import InputError, Location

#: Of what is said here; both ends name it first.
VERSION = 1
#: A request is one command at most.
MAX_REQUEST_BYTES = 1 << 20
#: A reply may show a large cluster.
MAX_REPLY_BYTES = 256 << 20

_MAX_START = 1_000_000_000
_COMMAND_KEYS = frozenset({"id", "action", "node", "gpu", "start", "profile", "serving"})


def line_of(members: dict[str, Any]) -> bytes:
    """Return an object as one line."""
    return encode(members).encode() + b"\n"


def object_of(line: bytes, source: str) -> JsonObject:
    """Return the object of one line; ``source`` is what objections name.

    Raises
    ------
    InputError
        It is not UTF-8, not JSON, or not an object.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        message = f"not a text: byte {error.start} is not UTF-8"
        raise InputError(message, Location(Path(source))) from error
    return parse_json(text, Path(source))


def command_members(command: Command) -> dict[str, Any]:
    """Return a command as JSON values; :func:`command_of` reads them."""
    members: dict[str, Any] = {
        "id": command.id,
        "action": command.action.value,
        "node": command.node,
        "gpu": command.gpu,
        **command.placement._asdict(),
    }
    if command.serving is not None:
        members["serving"] = instance_members(command.serving)
    return members


def command_of(entry: JsonObject) -> Command:
    """Return the command that an object holds."""
    entry.allow(_COMMAND_KEYS)
    return Command(
        id=entry.text("id"),
        action=Action(entry.choice("action", [action.value for action in Action])),
        node=entry.text("node"),
        gpu=entry.text("gpu"),
        placement=_placement(entry),
        serving=instance_of(entry.member("serving")) if "serving" in entry else None,
    )


def snapshot_members(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON values; :func:`snapshot_of` reads them."""
    return {
        "gpus": [
            {**state.gpu._asdict(), "instances": [_live_members(i) for i in state.instances]}
            for state in snapshot.gpus
        ],
        "unreachable": sorted(snapshot.unreachable),
        "in_progress": sorted(snapshot.in_progress),
    }


def snapshot_of(entry: JsonObject) -> Snapshot:
    """Return the snapshot that an object holds."""
    return Snapshot(
        gpus=tuple(_gpu_state(gpu) for gpu in entry.members("gpus")),
        unreachable=frozenset(entry.words("unreachable")),
        in_progress=frozenset(entry.words("in_progress")),
    )


def _live_members(instance: LiveInstance) -> dict[str, Any]:
    members: dict[str, Any] = {**instance.placement._asdict(), "uuid": instance.uuid}
    if instance.serving is not None:
        members["serving"] = instance_members(instance.serving)
        members["is_ready"] = instance.is_ready
    return members


def _gpu_state(entry: JsonObject) -> GpuState:
    gpu = Gpu(entry.text("id"), entry.text("node"), entry.text("gpu_type"))
    return GpuState(gpu, tuple(_live(instance) for instance in entry.members("instances")))


def _live(entry: JsonObject) -> LiveInstance:
    return LiveInstance(
        placement=_placement(entry),
        uuid=entry.text("uuid"),
        serving=instance_of(entry.member("serving")) if "serving" in entry else None,
        is_ready=entry.boolean("is_ready", default=False),
    )


def _placement(entry: JsonObject) -> Placement:
    return Placement(entry.integer("start", 0, _MAX_START), entry.text("profile"))
