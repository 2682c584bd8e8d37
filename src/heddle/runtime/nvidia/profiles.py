"""Which of a card's GPU instance profiles is which profile of the catalogue.

The names that drivers print differ between versions by rounding (``7g.79gb``, ``7g.80gb``),
and the ids differ between cards. What does not differ: how many compute slices a profile
has, how many memory slices it occupies, and which of NVML's numbers stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.runtime.nvidia.nvml import (
    NUM_GPU_INSTANCE_PROFILES,
    GpuInstanceProfile,
    Handle,
    Nvml,
    Span,
)
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError

#: What NVML's numbers mean beside the slices, as the names of profiles spell it. Numbers
#: that are not here (``n_SLICE``, and ``1_SLICE_REV2`` with twice the memory) are plain.
_SUFFIX_OF_NUMBER: Mapping[int, str] = {
    0x7: "+me",  # 1_SLICE_REV1
    0x8: "+me",  # 2_SLICE_REV1
    0xA: "+gfx",  # 1_SLICE_GFX
    0xB: "+gfx",  # 2_SLICE_GFX
    0xC: "+gfx",  # 4_SLICE_GFX
    0xD: "-me",  # 1_SLICE_NO_ME
    0xE: "-me",  # 2_SLICE_NO_ME
    0xF: "+me.all",  # 1_SLICE_ALL_ME
    0x10: "+me.all",  # 2_SLICE_ALL_ME
    0x11: "+gfx",  # 3_SLICE_GFX
}
_NAME = re.compile(r"\d+g\.\d+gb(?P<suffix>.*)")
#: A later driver may know more numbers than we do; one that never ends is a broken one.
_MOST_NUMBERS = 4 * NUM_GPU_INSTANCE_PROFILES


class CardProfile(NamedTuple):
    """A profile that a card offers, with the spans where its instances may be."""

    number: int
    record: GpuInstanceProfile
    spans: tuple[Span, ...]

    @property
    def key(self) -> tuple[int, int, str]:
        """What makes it the same profile on every driver."""
        size = self.spans[0].size if self.spans else 0
        return (self.record.slice_count, size, suffix_of_number(self.number))

    def span_at(self, start: int) -> Span | None:
        """Return the span that begins at a memory slice, or None where none may begin."""
        return next((span for span in self.spans if span.start == start), None)


def suffix_of_number(number: int) -> str:
    """Return what the names of profiles of one of NVML's numbers end with."""
    return _SUFFIX_OF_NUMBER.get(number, "")


def key_of(profile: Profile) -> tuple[int, int, str]:
    """Return a catalogue profile's :attr:`CardProfile.key`."""
    match = _NAME.fullmatch(profile.name)
    return (profile.compute_slices, profile.size or 0, match["suffix"] if match else "")


def card_profiles(nvml: Nvml, device: Handle) -> Sequence[CardProfile]:
    """Return what a card with MIG on offers, by NVML's numbers.

    Raises
    ------
    NvmlError
        ``NO_PERMISSION`` when this user may not cut it.
    """
    return list(_numbered(nvml, device))


def _numbered(nvml: Nvml, device: Handle) -> Iterator[CardProfile]:
    for number in range(_MOST_NUMBERS):
        try:
            record = nvml.gpu_instance_profile(device, number)
        except NvmlError as error:
            # The documented way to list them all: until the number itself is refused.
            if error.code is NvmlCode.INVALID_ARGUMENT:
                return
            if error.code is NvmlCode.NOT_SUPPORTED:
                continue
            raise
        spans = tuple(sorted(nvml.possible_placements(device, record.id)))
        yield CardProfile(number, record, spans)


def matched(gpu_type: GpuType, offered: Sequence[CardProfile]) -> dict[str, CardProfile]:
    """Return the card's profile for each profile of a type that the card has, by name."""
    by_key = {profile.key: profile for profile in reversed(offered)}
    keys = {profile.name: key_of(profile) for profile in gpu_type.profiles}
    return {name: by_key[key] for name, key in keys.items() if key in by_key}


def contradictions(gpu_type: GpuType, profiles: Mapping[str, CardProfile]) -> list[str]:
    """Return where a card differs from what the catalogue says of its type, as sentences."""
    found = []
    for profile in gpu_type.profiles:
        card = profiles.get(profile.name)
        if card is None:
            found.append(f"the driver does not offer {profile.name}")
            continue
        starts = tuple(span.start for span in card.spans)
        if starts != profile.starts:
            spelled = ", ".join(map(str, starts))
            found.append(f"the driver lets {profile.name} start at {spelled} only")
    return found
