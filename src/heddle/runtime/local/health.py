"""Whether a device still works: healthy, stuck in a kernel that is named, or lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from heddle.runtime.core.backend import Backend
from heddle.runtime.core.constants import HEALTHY, LOST, STUCK

_WORDS: Final = {HEALTHY: "healthy", STUCK: "stuck", LOST: "lost"}


@runtime_checkable
class NamesKernels(Protocol):
    """A device that can name the kernel in which it is stuck."""

    def stuck_kernel(self) -> str | None:
        """Its name; None while the device is healthy."""


@dataclass(frozen=True, slots=True)
class Health:
    """``healthy``, ``stuck`` with the kernel's name, or ``lost``."""

    state: str = _WORDS[HEALTHY]
    kernel: str = ""

    @property
    def is_healthy(self) -> bool:
        """Whether it takes work."""
        return self.state == _WORDS[HEALTHY]

    def sentence(self, device: str) -> str:
        """What is wrong and what to do."""
        if self.state == _WORDS[STUCK]:
            return (
                f"device {device} is stuck: kernel {self.kernel!r} does not end and cannot be "
                "stopped; end the runtime, it is started again"
            )
        return f"device {device} was lost; end the runtime, it is started again"


def health_of(backend: Backend) -> Health:
    """The health of a device as its board tells it."""
    counts = backend.board.counts
    state = int(counts.device_state[0])
    if state != STUCK:
        return Health(_WORDS[state])
    name = backend.stuck_kernel() if isinstance(backend, NamesKernels) else None
    if name is None:
        launch = int(counts.stuck_launch[0])
        name = str(backend.board.launches.kernel[launch]) if launch >= 0 else "unknown"
    return Health(_WORDS[STUCK], name)
