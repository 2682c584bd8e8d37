"""NVML without a driver: answers the documented calls from imitated cards.

What is imitated is what ``nvml.h`` 13.3 says of each call, its errors included, and what
drivers were seen to do beside it: ids are used again, UUIDs are not, handles go stale, a
monitor keeps an instance in use without any process. Failures are scripted by values.
What is not imitated: time, and everything that CUDA would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heddle.runtime.nvidia.fake_card import (
    FakeCard,
    FakeComputeInstance,
    FakeGpuInstance,
    MigHandle,
    OfferedProfile,
)
from heddle.runtime.nvidia.fake_session import CallFault, FakeSession, profile_of
from heddle.runtime.nvidia.nvml import (
    NUM_COMPUTE_INSTANCE_PROFILES,
    NUM_GPU_INSTANCE_PROFILES,
    ComputeInstanceProfile,
    ComputeProcess,
    GpuInstanceProfile,
    GpuInstanceRecord,
    Handle,
    MigMode,
    Span,
)
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError

_DRIVER = "580.00 (imitated)"
#: Slices of compute instance profiles, by NVML's number, which is the imitated id too.
_COMPUTE_SLICES = {0x0: 1, 0x1: 2, 0x2: 3, 0x3: 4, 0x4: 7, 0x5: 8, 0x6: 6}
_MIB_PER_GB = 1024


class FakeNvml:
    """A :class:`heddle.runtime.nvidia.nvml.Nvml` over imitated cards.

    Parameters
    ----------
    cards
        The hardware; another session over the same cards finds what this one left.
    faults
        Calls that fail.
    """

    def __init__(self, cards: Sequence[FakeCard], faults: Iterable[CallFault] = ()) -> None:
        self._session = FakeSession(cards, faults)

    def close(self) -> None:
        """End the session."""
        self._session.begin("nvmlShutdown")
        self._session.close()

    def driver_version(self) -> str:
        """Return a version that says that it is imitated."""
        self._session.begin("nvmlSystemGetDriverVersion")
        return _DRIVER

    def devices(self) -> Sequence[Handle]:
        """Return the cards."""
        self._session.begin("nvmlDeviceGetCount_v2")
        return list(self._session.cards)

    def name(self, device: Handle) -> str:
        """Return the product's name."""
        return self._session.card("nvmlDeviceGetName", device).product

    def uuid(self, device: Handle) -> str:
        """Return the UUID of a card or of a MIG device."""
        call = "nvmlDeviceGetUUID"
        if isinstance(device, MigHandle):
            return self._session.mig_handle(call, device).compute_instance.uuid
        return self._session.card(call, device).uuid

    def memory_mib(self, device: Handle) -> int:
        """Return the nominal memory."""
        call = "nvmlDeviceGetMemoryInfo"
        card = self._session.card(call, device)
        if card.mode.is_on and not card.is_permitted:
            raise NvmlError(call, NvmlCode.NO_PERMISSION)
        return card.gpu_type.memory_gb * _MIB_PER_GB

    def mig_mode(self, device: Handle) -> MigMode:
        """Return the MIG mode."""
        call = "nvmlDeviceGetMigMode"
        card = self._session.card(call, device)
        if not card.gpu_type.has_mig:
            raise NvmlError(call, NvmlCode.NOT_SUPPORTED)
        return card.mode

    def gpu_instance_profile(self, device: Handle, number: int) -> GpuInstanceProfile:
        """Return a profile by number, with MIG on."""
        call = "nvmlDeviceGetGpuInstanceProfileInfoV"
        card = self._session.card(call, device)
        if not 0 <= number < NUM_GPU_INSTANCE_PROFILES:
            raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)
        offered = card.offered.get(number)
        if offered is None or not card.mode.is_on:
            raise NvmlError(call, NvmlCode.NOT_SUPPORTED)
        return offered.record

    def possible_placements(self, device: Handle, profile_id: int) -> Sequence[Span]:
        """Return where instances may ever be, also with MIG off."""
        call = "nvmlDeviceGetGpuInstancePossiblePlacements_v2"
        return profile_of(call, self._session.privileged_card(call, device), profile_id).spans

    def gpu_instances(self, device: Handle, profile: GpuInstanceProfile) -> Sequence[Handle]:
        """Return the instances of a profile."""
        call = "nvmlDeviceGetGpuInstances"
        card = self._session.card_to_cut(call, device)
        offered = profile_of(call, card, profile.id)
        return [instance for instance in card.instances if instance.profile == offered]

    def gpu_instance_record(self, gpu_instance: Handle) -> GpuInstanceRecord:
        """Return what an instance is."""
        instance = self._session.instance("nvmlGpuInstanceGetInfo", gpu_instance)
        return GpuInstanceRecord(instance.id, instance.profile.record.id, instance.span)

    def create_gpu_instance(self, device: Handle, profile_id: int, span: Span) -> Handle:
        """Make an instance where it fits."""
        call = "nvmlDeviceCreateGpuInstanceWithPlacement"
        card = self._session.card_to_cut(call, device)
        offered = profile_of(call, card, profile_id)
        if span not in offered.spans:
            raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)
        if not _fits(card, offered, span):
            raise NvmlError(call, NvmlCode.INSUFFICIENT_RESOURCES)
        instance = FakeGpuInstance(card, card.free_id(), offered, span)
        card.instances.append(instance)
        return instance

    def destroy_gpu_instance(self, gpu_instance: Handle) -> None:
        """Remove an instance without compute instances, processes and monitors."""
        call = "nvmlGpuInstanceDestroy"
        instance = self._session.instance(call, gpu_instance)
        if instance.compute_instances or instance.is_in_use:
            raise NvmlError(call, NvmlCode.IN_USE)
        instance.card.instances.remove(instance)

    def compute_instance_profile(self, gpu_instance: Handle, number: int) -> ComputeInstanceProfile:
        """Return a profile by number: any of up to the instance's slices."""
        call = "nvmlGpuInstanceGetComputeInstanceProfileInfo"
        instance = self._session.instance(call, gpu_instance, is_privileged=False)
        if not 0 <= number < NUM_COMPUTE_INSTANCE_PROFILES:
            raise NvmlError(call, NvmlCode.INVALID_ARGUMENT)
        record = instance.profile.record
        slices = _compute_slices(call, instance, number)
        multiprocessors = record.multiprocessor_count * slices // record.slice_count
        return ComputeInstanceProfile(number, slices, record.slice_count // slices, multiprocessors)

    def compute_instances(
        self, gpu_instance: Handle, profile: ComputeInstanceProfile
    ) -> Sequence[Handle]:
        """Return the compute instances of a profile."""
        instance = self._session.instance("nvmlGpuInstanceGetComputeInstances", gpu_instance)
        return [made for made in instance.compute_instances if made.profile_id == profile.id]

    def create_compute_instance(self, gpu_instance: Handle, profile_id: int) -> Handle:
        """Make a compute instance where slices are left."""
        call = "nvmlGpuInstanceCreateComputeInstance"
        instance = self._session.instance(call, gpu_instance)
        taken = sum(_COMPUTE_SLICES[made.profile_id] for made in instance.compute_instances)
        wanted = _compute_slices(call, instance, profile_id)
        if taken + wanted > instance.profile.record.slice_count:
            raise NvmlError(call, NvmlCode.INSUFFICIENT_RESOURCES)
        made = FakeComputeInstance(profile_id, instance.card.next_mig_uuid())
        instance.compute_instances.append(made)
        return made

    def destroy_compute_instance(self, compute_instance: Handle) -> None:
        """Remove a compute instance that nothing uses."""
        call = "nvmlComputeInstanceDestroy"
        instance, made = self._session.compute_instance(call, compute_instance)
        if instance.is_in_use:
            raise NvmlError(call, NvmlCode.IN_USE)
        instance.compute_instances.remove(made)

    def mig_devices(self, device: Handle) -> Sequence[Handle]:
        """Return the MIG devices, and the stale ones first; none with MIG off."""
        card = self._session.card("nvmlDeviceGetMigDeviceHandleByIndex", device)
        return [*card.stale, *card.mig_handles]

    def gpu_instance_id(self, mig_device: Handle) -> int:
        """Return the instance of a MIG device; NOT_FOUND of one that is gone."""
        return self._session.mig_handle("nvmlDeviceGetGpuInstanceId", mig_device).instance.id

    def compute_processes(self, device: Handle) -> Sequence[ComputeProcess]:
        """Return the processes, in no useful order."""
        call = "nvmlDeviceGetComputeRunningProcesses_v3"
        card = self._session.card(call, device)
        if not card.mode.is_on:
            return [ComputeProcess(pid, None) for pid in card.pids]
        if not card.is_permitted:
            raise NvmlError(call, NvmlCode.NO_PERMISSION)
        return [ComputeProcess(pid, one.id) for one in card.instances for pid in one.pids]


def _compute_slices(call: str, instance: FakeGpuInstance, number: int) -> int:
    """Return the slices of a compute instance profile that an instance has."""
    slices = _COMPUTE_SLICES.get(number)
    if slices is None or slices > instance.profile.record.slice_count:
        raise NvmlError(call, NvmlCode.NOT_SUPPORTED)
    return slices


def _fits(card: FakeCard, offered: OfferedProfile, span: Span) -> bool:
    """Whether an instance fits beside what exists: memory slices, count, shared engines."""
    if any(instance.span.overlaps(span) for instance in card.instances):
        return False
    same = [instance for instance in card.instances if instance.profile == offered]
    if len(same) >= offered.record.instance_count:
        return False
    uses = [offered.profile.uses, *(instance.profile.profile.uses for instance in card.instances)]
    return all(
        sum(each.get(engine, 0) for each in uses) <= amount
        for engine, amount in card.gpu_type.engines.items()
    )
