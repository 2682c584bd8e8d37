"""The driver's NVML, through ``nvidia-ml-py``: the only module that imports ``pynvml``.

``discovery`` opens it where a driver is; the contract suite runs on it read-only. Errors
of the library become :class:`NvmlError` here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import byref, c_uint
from typing import Any

import pynvml

from heddle.runtime.nvidia.nvml import (
    ComputeInstanceProfile,
    ComputeProcess,
    GpuInstanceProfile,
    GpuInstanceRecord,
    Handle,
    MigMode,
    Span,
)
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError, code_of

#: ``gpuInstanceId`` of a process when MIG is off, from ``nvmlProcessInfo_t``.
_NO_INSTANCE = 0xFFFFFFFF
_SHARED = pynvml.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED
_MIB = 2**20


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of ``pynvml``; its errors become :class:`NvmlError`."""
    try:
        return function(*arguments)
    except pynvml.NVMLError as error:
        raise NvmlError(function.__name__, code_of(error.value)) from error
    except pynvml.NVMLLibraryMismatchError as error:
        raise NvmlError(function.__name__, NvmlCode.FUNCTION_NOT_FOUND) from error


class PynvmlBinding:
    """A :class:`heddle.runtime.nvidia.nvml.Nvml` over the driver's library.

    Raises
    ------
    NvmlError
        ``LIBRARY_NOT_FOUND`` or ``DRIVER_NOT_LOADED`` where there is no NVIDIA driver.
    """

    def __init__(self) -> None:
        call(pynvml.nvmlInit)

    def close(self) -> None:
        """End the session."""
        call(pynvml.nvmlShutdown)

    def driver_version(self) -> str:
        """Return the driver's version."""
        return str(call(pynvml.nvmlSystemGetDriverVersion))

    def devices(self) -> Sequence[Handle]:
        """Return the GPUs in NVML's order."""
        count = call(pynvml.nvmlDeviceGetCount)
        return [call(pynvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]

    def name(self, device: Handle) -> str:
        """Return the product's name."""
        return str(call(pynvml.nvmlDeviceGetName, device))

    def uuid(self, device: Handle) -> str:
        """Return the UUID of a GPU or of a MIG device."""
        return str(call(pynvml.nvmlDeviceGetUUID, device))

    def memory_mib(self, device: Handle) -> int:
        """Return the memory in MiB."""
        return int(call(pynvml.nvmlDeviceGetMemoryInfo, device).total) // _MIB

    def mig_mode(self, device: Handle) -> MigMode:
        """Return the MIG mode."""
        current, pending = call(pynvml.nvmlDeviceGetMigMode, device)
        on = pynvml.NVML_DEVICE_MIG_ENABLE
        return MigMode(current == on, pending == on)

    def gpu_instance_profile(self, device: Handle, number: int) -> GpuInstanceProfile:
        """Return a profile by NVML's number; without a name where the driver is too old."""
        try:
            found = call(pynvml.nvmlDeviceGetGpuInstanceProfileInfo, device, number)
            name = found.name
        except NvmlError as error:
            if error.code is not NvmlCode.FUNCTION_NOT_FOUND:
                raise
            found = call(pynvml.nvmlDeviceGetGpuInstanceProfileInfo, device, number, 1)
            name = ""
        return GpuInstanceProfile(
            found.id,
            found.sliceCount,
            found.instanceCount,
            found.multiprocessorCount,
            found.memorySizeMB,
            name,
        )

    def possible_placements(self, device: Handle, profile_id: int) -> Sequence[Span]:
        """Return where instances of a profile may ever be."""
        query = pynvml.nvmlDeviceGetGpuInstancePossiblePlacements
        count = c_uint(0)
        call(query, device, profile_id, None, byref(count))
        spans = (pynvml.c_nvmlGpuInstancePlacement_t * count.value)()
        call(query, device, profile_id, spans, byref(count))
        return [Span(span.start, span.size) for span in spans[: count.value]]

    def gpu_instances(self, device: Handle, profile: GpuInstanceProfile) -> Sequence[Handle]:
        """Return the instances of a profile."""
        handles = (pynvml.c_nvmlGpuInstance_t * max(1, profile.instance_count))()
        count = c_uint(len(handles))
        call(pynvml.nvmlDeviceGetGpuInstances, device, profile.id, handles, byref(count))
        return list(handles[: count.value])

    def gpu_instance_record(self, gpu_instance: Handle) -> GpuInstanceRecord:
        """Return what an instance is."""
        found = call(pynvml.nvmlGpuInstanceGetInfo, gpu_instance)
        span = Span(found.placement.start, found.placement.size)
        return GpuInstanceRecord(found.id, found.profileId, span)

    def create_gpu_instance(self, device: Handle, profile_id: int, span: Span) -> Handle:
        """Make an instance at a placement."""
        # Passed by reference: without argument types ctypes would pass the structure itself.
        placement = byref(pynvml.c_nvmlGpuInstancePlacement_t(span.start, span.size))
        create = pynvml.nvmlDeviceCreateGpuInstanceWithPlacement
        return call(create, device, profile_id, placement)

    def destroy_gpu_instance(self, gpu_instance: Handle) -> None:
        """Remove an instance that has no compute instance."""
        call(pynvml.nvmlGpuInstanceDestroy, gpu_instance)

    def compute_instance_profile(self, gpu_instance: Handle, number: int) -> ComputeInstanceProfile:
        """Return a compute instance profile by NVML's number."""
        query = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo
        # Version 1 of the record: every driver with MIG has it, and the name is not needed.
        found = call(query, gpu_instance, number, _SHARED, 1)
        return ComputeInstanceProfile(
            found.id, found.sliceCount, found.instanceCount, found.multiprocessorCount
        )

    def compute_instances(
        self, gpu_instance: Handle, profile: ComputeInstanceProfile
    ) -> Sequence[Handle]:
        """Return the compute instances of a profile."""
        handles = (pynvml.c_nvmlComputeInstance_t * max(1, profile.instance_count))()
        count = c_uint(len(handles))
        query = pynvml.nvmlGpuInstanceGetComputeInstances
        call(query, gpu_instance, profile.id, handles, byref(count))
        return list(handles[: count.value])

    def create_compute_instance(self, gpu_instance: Handle, profile_id: int) -> Handle:
        """Make a compute instance."""
        return call(pynvml.nvmlGpuInstanceCreateComputeInstance, gpu_instance, profile_id)

    def destroy_compute_instance(self, compute_instance: Handle) -> None:
        """Remove a compute instance."""
        call(pynvml.nvmlComputeInstanceDestroy, compute_instance)

    def mig_devices(self, device: Handle) -> Sequence[Handle]:
        """Return the MIG devices; the numbers that the driver leaves out are skipped."""
        handles = []
        for index in range(call(pynvml.nvmlDeviceGetMaxMigDeviceCount, device)):
            try:
                handles.append(call(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, device, index))
            except NvmlError as error:
                if error.code is not NvmlCode.NOT_FOUND:
                    raise
        return handles

    def gpu_instance_id(self, mig_device: Handle) -> int:
        """Return the id of the instance that a MIG device is on."""
        return int(call(pynvml.nvmlDeviceGetGpuInstanceId, mig_device))

    def compute_processes(self, device: Handle) -> Sequence[ComputeProcess]:
        """Return the processes with a compute context."""
        return [
            ComputeProcess(
                found.pid, None if found.gpuInstanceId == _NO_INSTANCE else found.gpuInstanceId
            )
            for found in call(pynvml.nvmlDeviceGetComputeRunningProcesses, device)
        ]
