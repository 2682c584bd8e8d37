"""Turns orders of the node agent into command lines: our engines, or the user's server."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cluster.deployment_file import instance_members
from heddle.cluster.json_text import encode
from heddle.errors import HostError, InputError
from heddle.runtime.launching import Guest, LaunchedCommand, LaunchOrder
from heddle.serving.instance.order import FILE_NAME, GUESTS_FILE_NAME, guests_members
from heddle.workload.serving_spec import READY_PATH, Engine

#: Stands for the port in the words of a command.
_PORT = "{port}"


class EngineLauncher:
    """A :class:`heddle.runtime.launching.Launcher` of the engines of ``serving``."""

    def command(self, order: LaunchOrder) -> LaunchedCommand:
        """Return the process to start; for our engines, after writing ``instance.json``."""
        spec = order.service.serving
        if spec.engine is Engine.COMMAND:
            words = [word.replace(_PORT, str(order.port)) for word in spec.command]
            return LaunchedCommand(words, _variables(order), spec.ready_path)
        path = Path(order.folder) / FILE_NAME
        members = {
            "instance": order.instance,
            "service": order.service.members(),
            "planned": instance_members(order.planned),
            "port": order.port,
            "num_threads": order.num_threads,
        }
        write_text(path, encode(members) + "\n")
        self.write_guests(order.folder, order.guests)
        words = [sys.executable, "-m", "heddle.server.shared_instance", str(path)]
        return LaunchedCommand(words, _variables(order), READY_PATH)

    def write_guests(self, folder: str, guests: Sequence[Guest]) -> None:
        """Write ``guests.json`` into the folder of a start; HostError when that cannot be."""
        try:
            text = encode(guests_members(guests)) + "\n"
            write_text(Path(folder) / GUESTS_FILE_NAME, text)
        except InputError as error:
            raise HostError(str(error), is_retryable=True) from error


def _variables(order: LaunchOrder) -> dict[str, str]:
    """Return what the user's own server may want to know."""
    return {
        "HEDDLE_INSTANCE": order.instance,
        "HEDDLE_SERVICE": order.service.name,
        "HEDDLE_PORT": str(order.port),
        "HEDDLE_BATCH": str(order.planned.batch),
        "HEDDLE_PROCESSES": str(order.planned.processes),
        "HEDDLE_THREADS": str(order.num_threads),
        "PYTHONUNBUFFERED": "1",
    }
