"""A type of GPU: its profiles and the rules of cutting it.

The built-in types stand in ``gpu_types.yaml``; ``catalogue`` reads that file and
the user's own. A type without MIG has the single profile ``whole``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from heddle.cluster.profile import WHOLE, Profile
from heddle.errors import InputError, listed, nearest

#: What the name of a type with MIG ends with where MIG is off: ``H200-141GB-whole``.
UNCUT = "-whole"


@dataclass(frozen=True, slots=True)
class GpuType:
    """What one type of GPU can be cut into.

    Attributes
    ----------
    name, aliases
        The name used everywhere, and other names accepted on input.
    memory_gb
        Nominal memory in GB; 0 when it shares the host's.
    memory_units
        Length of the placement axis; None when not published.
    compute_slices
        Compute slices of the whole GPU.
    sms
        Streaming multiprocessors with MIG off, None when not seen.
    profiles
        In the order of the facts file.
    engines
        How many of each shared engine one GPU has; what profiles ``uses`` may
        not add up to more.
    excludes
        Pairs of profiles that may not share a GPU.
    evidence
        How well the starts are known: ``listed`` was seen on a card, ``inferred``
        is carried over from a sibling, ``unknown`` is not published.
    sources, doubts
        Citations, and what is not certain about them.
    """

    name: str
    profiles: tuple[Profile, ...]
    compute_slices: int
    memory_units: int | None
    memory_gb: int
    aliases: tuple[str, ...] = ()
    architecture: str = ""
    sms: int | None = None
    engines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    excludes: tuple[tuple[str, str], ...] = ()
    evidence: str = "listed"
    sources: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def is_plannable(self) -> bool:
        """Whether the starts of its profiles are known."""
        return self.memory_units is not None and all(p.is_placeable for p in self.profiles)

    @property
    def has_mig(self) -> bool:
        """Whether it can be cut at all."""
        return self.profile_names != (WHOLE,)

    @property
    def profile_names(self) -> tuple[str, ...]:
        """The names of its profiles, in the order of the facts file."""
        return tuple(profile.name for profile in self.profiles)

    @property
    def largest(self) -> Profile:
        """The profile that takes the whole GPU, or the most valuable one."""
        return max(self.profiles, key=lambda p: (p.value, not p.uses))

    def uncut(self) -> GpuType:
        """Return the same GPU with MIG off: a type of its own, with the profile ``whole``.

        Not the largest MIG profile: with MIG off a GPU has all its multiprocessors and copy
        engines (108 SMs of an A100, where ``7g`` has 98), so its measurements are others.
        """
        return replace(
            self,
            name=self.name + UNCUT,
            aliases=(),
            profiles=(Profile(WHOLE, 1, 1, (0,), 1, sms=self.sms),),
            compute_slices=1,
            memory_units=1,
            engines=MappingProxyType({}),
            excludes=(),
            evidence="listed",
            doubts=(),
        )

    def profile(self, name: str) -> Profile:
        """Return the profile of that name; InputError names the nearest one."""
        for profile in self.profiles:
            if profile.name == name:
                return profile
        hint = nearest(name, self.profile_names)
        raise InputError(
            f"{self.name} has no profile {name!r}{hint}; it has {listed(self.profile_names)}"
        )

    def require_plannable(self) -> None:
        """Raise InputError, by name, when the starts of its profiles are not published."""
        if not self.is_plannable:
            raise InputError(
                f"{self.name} cannot be planned: the starts of its profiles are not published. "
                "Read them from the card (nvidia-smi mig -lgipp) and add the type under "
                "another name in a gpu_types file"
            )
