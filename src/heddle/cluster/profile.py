"""A MIG profile: one of the shapes a GPU type can be cut into.

``gpu_type`` owns the profiles of a type; ``partition`` places them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

#: The name of the only profile of a GPU without MIG.
WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Profile:
    """One shape: ``1g.10gb``, ``3g.40gb+me``, ``whole``.

    Attributes
    ----------
    name
        The driver's name for it.
    compute_slices
        Compute slices; not a unit of speed (see ``sms``).
    size
        Memory units it occupies on the placement axis; None when not published.
    starts
        Units at which it may begin, ascending; None when not published.
    max_instances
        How many of it one GPU can hold.
    sms
        Streaming multiprocessors, None when no real listing was seen.
    memory_mib
        Memory in MiB as reported by a card, None when not seen.
    uses
        Shared engines that one instance takes, such as ``{"me": 1}``.
    """

    name: str
    compute_slices: int
    size: int | None
    starts: tuple[int, ...] | None
    max_instances: int
    sms: int | None = None
    memory_mib: int | None = None
    uses: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def is_placeable(self) -> bool:
        """Whether its starts and its size are published."""
        return self.size is not None and self.starts is not None

    @property
    def value(self) -> tuple[int, int]:
        """The order of worth used when starts are chosen: compute first, then memory."""
        return (self.compute_slices, self.size or 0)

    def occupies(self, start: int) -> int:
        """Return the units ``[start, start + size)`` as a bit mask."""
        if self.size is None:
            raise ValueError(f"the size of profile {self.name} is not published")
        return ((1 << self.size) - 1) << start
