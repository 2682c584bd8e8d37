"""What is proved of a transition, and what stands against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heddle.cluster.gpu_type import GpuType
from heddle.transition.transition import Floor, Transition


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a transition breaks what it promises.

    ``step`` and ``service`` say where, as far as one can be named.
    """

    message: str
    step: int | None = None
    service: str | None = None

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Proof:
    """The floor and the least rate of every service, and the violations; none is a proof."""

    floors: Mapping[str, Floor]
    violations: tuple[Violation, ...]


def prove(transition: Transition, type_of: Callable[[str], GpuType]) -> Proof:
    """Check every state that the transition can reach."""
    raise NotImplementedError
