"""What a node agent is made of; its parts are given it whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heddle.clock import Clock, WallClock
from heddle.errors import HostError
from heddle.runtime.agent.book import Book
from heddle.runtime.agent.logs import Logs
from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.routing import Routing
from heddle.runtime.device import Device
from heddle.runtime.launching import Launcher


@dataclass(frozen=True, slots=True)
class Equipment:
    """The node, and what works there.

    Attributes
    ----------
    node
        Its name.
    devices
        Its GPUs by id.
    book, routing, launcher
        What is to be, the router, and how services become processes.
    folder
        The state folder: ``instances`` and ``logs/services`` are in it.
    """

    node: str
    devices: Mapping[str, Device]
    book: Book
    routing: Routing
    launcher: Launcher
    folder: Path
    patience: Patience = field(default_factory=Patience)
    clock: Clock = field(default_factory=WallClock)

    def device(self, gpu: str) -> Device:
        """Return a GPU by its id; HostError when this node has it no more."""
        found = self.devices.get(gpu)
        if found is None:
            raise HostError(f"{self.node} has no GPU {gpu!r} any more")
        return found

    @property
    def logs(self) -> Logs:
        """The logs of its instances."""
        return Logs(self.folder / "logs" / "services")
