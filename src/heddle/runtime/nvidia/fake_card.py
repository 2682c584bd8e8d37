"""An imitated NVIDIA GPU: what it offers, how it is cut, who is on it, what is wrong with it.

``fake`` answers the calls of NVML from these; tests and demonstrations make them, look at
them and change them while a session is open. They are the hardware: they outlive every
session, as instances outlive the agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid5

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.runtime.nvidia.nvml import GpuInstanceProfile, MigMode, Span

_NAMESPACE = UUID("a2b1c9d4-5e6f-4a70-8b91-c2d3e4f5a6b7")
#: NVML's numbers of profiles, by compute slices and what the name ends with.
_NUMBERS = {
    (1, ""): 0x0,
    (2, ""): 0x1,
    (3, ""): 0x2,
    (4, ""): 0x3,
    (7, ""): 0x4,
    (8, ""): 0x5,
    (6, ""): 0x6,
    (1, "+me"): 0x7,
    (2, "+me"): 0x8,
    (1, "+gfx"): 0xA,
    (2, "+gfx"): 0xB,
    (4, "+gfx"): 0xC,
    (1, "-me"): 0xD,
    (2, "-me"): 0xE,
    (1, "+me.all"): 0xF,
    (2, "+me.all"): 0x10,
    (3, "+gfx"): 0x11,
}
#: 1_SLICE_REV2: one compute slice with twice the memory.
_DOUBLE_MEMORY = 0x9
#: The ids that drivers give to the profiles of the cards with seven slices and of the A30, by
#: NVML's number (nvidia-smi mig -lgip). Those of other cards are imitated by any numbers.
_IDS_OF_SEVEN = {0x0: 19, 0x7: 20, 0x9: 15, 0x1: 14, 0x2: 9, 0x3: 5, 0x4: 0}
_IDS_OF_FOUR = {0x0: 14, 0x7: 21, 0x1: 5, 0x8: 6, 0x3: 0}
_FIRST_OTHER_ID = 32
_MIB_PER_GB = 1024
_MIG_ON = MigMode(is_on=True, is_pending_on=True)


@dataclass(slots=True, eq=False)
class FakeComputeInstance:
    """A compute instance; ``uuid`` is new with every create."""

    profile_id: int
    uuid: str


@dataclass(slots=True, eq=False)
class FakeGpuInstance:
    """A GPU instance. ``pids`` of the processes on it; ``is_held`` open by a monitor."""

    card: FakeCard
    id: int
    profile: OfferedProfile
    span: Span
    compute_instances: list[FakeComputeInstance] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)
    is_held: bool = False

    @property
    def is_in_use(self) -> bool:
        """Whether a process is on it, or a monitor holds it open."""
        return bool(self.pids) or self.is_held


class MigHandle(NamedTuple):
    """An entry of the driver's list of MIG devices, perhaps an old one."""

    instance: FakeGpuInstance
    compute_instance: FakeComputeInstance


@dataclass(frozen=True, slots=True)
class OfferedProfile:
    """A profile as the imitated driver shows it."""

    record: GpuInstanceProfile
    profile: Profile
    spans: tuple[Span, ...]


@dataclass(slots=True, eq=False)
class FakeCard:
    """A GPU of a type of the catalogue.

    Attributes
    ----------
    type_name
        Of the catalogue: ``A100-40GB``.
    product
        What NVML calls it: ``NVIDIA A100-SXM4-40GB``.
    uuid
        ``GPU-…``.
    mode
        MIG now, and after the next reset.
    is_permitted
        Whether this user may make privileged calls.
    is_lost
        Fallen off the bus: every call about it fails.
    pids
        Processes on it with MIG off.
    instances
        How it is cut.
    num_creates
        Compute instances ever made; what UUIDs come from.
    stale
        MIG devices that the driver goes on listing though they are gone, as some do after
        another process removed them (NVIDIA/go-nvml issue 60).
    """

    type_name: str
    product: str
    uuid: str
    mode: MigMode = _MIG_ON
    is_permitted: bool = True
    is_lost: bool = False
    pids: set[int] = field(default_factory=set)
    instances: list[FakeGpuInstance] = field(default_factory=list)
    num_creates: int = 0
    stale: list[MigHandle] = field(default_factory=list)

    @property
    def mig_handles(self) -> list[MigHandle]:
        """The MIG devices that exist."""
        return [MigHandle(one, made) for one in self.instances for made in one.compute_instances]

    @property
    def gpu_type(self) -> GpuType:
        """The facts of the catalogue."""
        return builtin_catalogue().get(self.type_name)

    @property
    def offered(self) -> Mapping[int, OfferedProfile]:
        """The profiles by NVML's number; none where the product has no MIG."""
        gpu_type = self.gpu_type
        return _offered(gpu_type) if gpu_type.has_mig else {}

    def instance_at(self, start: int) -> FakeGpuInstance:
        """Return the instance that begins at a memory slice; LookupError when none does."""
        for instance in self.instances:
            if instance.span.start == start:
                return instance
        raise LookupError(f"nothing begins at {start} on {self.product}")

    def reset(self) -> None:
        """Do what a reset does: no instances, no processes, the pending MIG mode is in force."""
        self.instances.clear()
        self.pids.clear()
        self.mode = MigMode(self.mode.is_pending_on, self.mode.is_pending_on)

    def next_mig_uuid(self) -> str:
        """Return a UUID that no MIG device has had."""
        self.num_creates += 1
        return f"MIG-{uuid5(_NAMESPACE, f'{self.uuid}/{self.num_creates}')}"

    def free_id(self) -> int:
        """Return the lowest GPU instance id that is not taken: ids are used again."""
        taken = {instance.id for instance in self.instances}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)


def fake_card(type_name: str, product: str, number: int = 0) -> FakeCard:
    """Return a card of a type with MIG on where it has MIG; its UUID comes from ``number``."""
    card = FakeCard(type_name, product, f"GPU-{uuid5(_NAMESPACE, f'{product}/{number}')}")
    if not card.gpu_type.has_mig:
        card.mode = MigMode(is_on=False, is_pending_on=False)
    return card


def _offered(gpu_type: GpuType) -> dict[int, OfferedProfile]:
    units = gpu_type.memory_units or 1
    ids = {4: _IDS_OF_FOUR, 7: _IDS_OF_SEVEN}.get(gpu_type.compute_slices, {})
    found: dict[int, OfferedProfile] = {}
    for profile in sorted(gpu_type.profiles, key=lambda p: p.size or 0):
        if profile.size is None or profile.starts is None:
            continue
        number = _NUMBERS[profile.compute_slices, profile.name.partition("gb")[2]]
        number = _DOUBLE_MEMORY if number in found else number
        nominal_mib = gpu_type.memory_gb * _MIB_PER_GB * profile.size // units
        record = GpuInstanceProfile(
            ids.get(number, _FIRST_OTHER_ID + number),
            profile.compute_slices,
            profile.max_instances,
            profile.sms or profile.compute_slices,
            profile.memory_mib or nominal_mib,
            f"MIG {profile.name}",
        )
        spans = tuple(Span(start, profile.size) for start in profile.starts)
        found[number] = OfferedProfile(record, profile, spans)
    return found
