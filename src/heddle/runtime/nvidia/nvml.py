"""What we use of NVML, the NVIDIA Management Library: documented calls, plain records.

``binding`` provides it with the driver's library and ``fake`` without; ``discovery``
and the two devices use it. Every method names the call of NVML that it stands for, and
raises :class:`heddle.runtime.nvidia.nvml_error.NvmlError` with the code of that call.

Handles mean something only to whoever gave them. They become invalid when what they
stand for is destroyed, so nobody keeps any but those of whole GPUs.

Source: NVML API Reference Guide and ``nvml.h``, version 13.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

#: A handle of a GPU, a GPU instance, a compute instance or a MIG device; nothing to look into.
Handle = object

#: How many numbers NVML has for GPU instance profiles (``NVML_GPU_INSTANCE_PROFILE_COUNT``).
#: A later driver may know more; whoever counts them stops at ``INVALID_ARGUMENT``.
NUM_GPU_INSTANCE_PROFILES = 0x12

#: The same of compute instance profiles (``NVML_COMPUTE_INSTANCE_PROFILE_COUNT``).
NUM_COMPUTE_INSTANCE_PROFILES = 0x9


class MigMode(NamedTuple):
    """Whether MIG is on, and whether it will be after the next reset of the GPU."""

    is_on: bool
    is_pending_on: bool


class Span(NamedTuple):
    """Memory slices that a GPU instance occupies: the first one, and how many."""

    start: int
    size: int

    def overlaps(self, other: Span) -> bool:
        """Whether the two have a slice in common."""
        return self.start < other.start + other.size and other.start < self.start + self.size


class GpuInstanceProfile(NamedTuple):
    """A shape that this GPU offers (``nvmlGpuInstanceProfileInfo_v2_t``).

    ``name`` is the driver's, such as ``MIG 1g.10gb``; empty where the driver is too old.
    """

    id: int
    slice_count: int
    instance_count: int
    multiprocessor_count: int
    memory_mib: int
    name: str = ""


class GpuInstanceRecord(NamedTuple):
    """A GPU instance that exists (``nvmlGpuInstanceInfo_t``); ids are used again."""

    id: int
    profile_id: int
    span: Span


class ComputeInstanceProfile(NamedTuple):
    """How the multiprocessors of a GPU instance can be taken."""

    id: int
    slice_count: int
    instance_count: int
    multiprocessor_count: int


class ComputeProcess(NamedTuple):
    """A process with a compute context; ``gpu_instance_id`` is None with MIG off."""

    pid: int
    gpu_instance_id: int | None


class Nvml(Protocol):
    """One open session with the library.

    "Privileged" means root, or the right to ``/proc/driver/nvidia/capabilities/mig/config``;
    without it such a call ends with ``NO_PERMISSION``.
    """

    def close(self) -> None:
        """End the session (``nvmlShutdown``); every later call ends with ``UNINITIALIZED``."""
        ...

    def driver_version(self) -> str:
        """Return the driver's version (``nvmlSystemGetDriverVersion``)."""
        ...

    def devices(self) -> Sequence[Handle]:
        """Return the GPUs (``nvmlDeviceGetCount_v2``, ``nvmlDeviceGetHandleByIndex_v2``)."""
        ...

    def name(self, device: Handle) -> str:
        """Return the product's name (``nvmlDeviceGetName``)."""
        ...

    def uuid(self, device: Handle) -> str:
        """Return ``GPU-…``, or ``MIG-…`` of a MIG device (``nvmlDeviceGetUUID``)."""
        ...

    def memory_mib(self, device: Handle) -> int:
        """Return the memory in MiB (``nvmlDeviceGetMemoryInfo``); privileged with MIG on."""
        ...

    def mig_mode(self, device: Handle) -> MigMode:
        """Return the MIG mode (``nvmlDeviceGetMigMode``); NOT_SUPPORTED where there is no MIG."""
        ...

    def gpu_instance_profile(self, device: Handle, number: int) -> GpuInstanceProfile:
        """Return a profile by NVML's number, not by id (``nvmlDeviceGetGpuInstanceProfileInfoV``).

        ``NOT_SUPPORTED`` when this GPU has none of that number; ``INVALID_ARGUMENT`` when
        no GPU has.
        """
        ...

    def possible_placements(self, device: Handle, profile_id: int) -> Sequence[Span]:
        """Return where instances of a profile may ever be, whatever exists now.

        ``nvmlDeviceGetGpuInstancePossiblePlacements_v2``; privileged.
        """
        ...

    def gpu_instances(self, device: Handle, profile: GpuInstanceProfile) -> Sequence[Handle]:
        """Return the instances of a profile (``nvmlDeviceGetGpuInstances``); privileged."""
        ...

    def gpu_instance_record(self, gpu_instance: Handle) -> GpuInstanceRecord:
        """Return what an instance is (``nvmlGpuInstanceGetInfo``)."""
        ...

    def create_gpu_instance(self, device: Handle, profile_id: int, span: Span) -> Handle:
        """Make an instance (``nvmlDeviceCreateGpuInstanceWithPlacement``); privileged.

        ``INSUFFICIENT_RESOURCES`` when it does not fit beside what exists.
        """
        ...

    def destroy_gpu_instance(self, gpu_instance: Handle) -> None:
        """Remove an instance (``nvmlGpuInstanceDestroy``); privileged.

        ``IN_USE`` while a process or a compute instance is on it.
        """
        ...

    def compute_instance_profile(self, gpu_instance: Handle, number: int) -> ComputeInstanceProfile:
        """Return a profile by number (``nvmlGpuInstanceGetComputeInstanceProfileInfo``).

        All other engines are shared; ``NOT_SUPPORTED`` when it has none of that number.
        """
        ...

    def compute_instances(
        self, gpu_instance: Handle, profile: ComputeInstanceProfile
    ) -> Sequence[Handle]:
        """Return compute instances (``nvmlGpuInstanceGetComputeInstances``); privileged."""
        ...

    def create_compute_instance(self, gpu_instance: Handle, profile_id: int) -> Handle:
        """Make a compute instance (``nvmlGpuInstanceCreateComputeInstance``); privileged."""
        ...

    def destroy_compute_instance(self, compute_instance: Handle) -> None:
        """Remove a compute instance (``nvmlComputeInstanceDestroy``); privileged.

        ``IN_USE`` while a process is on it, or holds it open.
        """
        ...

    def mig_devices(self, device: Handle) -> Sequence[Handle]:
        """Return a handle for each compute instance of a GPU; some may be out of date.

        ``nvmlDeviceGetMaxMigDeviceCount``, ``nvmlDeviceGetMigDeviceHandleByIndex``.
        """
        ...

    def gpu_instance_id(self, mig_device: Handle) -> int:
        """Return the instance that a MIG device is on (``nvmlDeviceGetGpuInstanceId``).

        ``NOT_FOUND`` or ``INVALID_ARGUMENT`` when the handle is out of date.
        """
        ...

    def compute_processes(self, device: Handle) -> Sequence[ComputeProcess]:
        """Return the processes on a GPU (``nvmlDeviceGetComputeRunningProcesses_v3``).

        Privileged with MIG on. The ids are the host's, whatever container asks.
        """
        ...
