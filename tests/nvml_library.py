"""``libnvidia-ml.so`` in Python: the C functions that ``pynvml`` calls, over imitated cards.

It stands where ``pynvml`` keeps the library that it loaded, so that every line of
``binding`` runs without a driver: references, arrays, counts and codes as in ``nvml.h``.
"""

# ruff: noqa: N802, ARG002  (the names and the arguments are those of nvml.h)
from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import c_void_p, cast
from typing import Any

import pynvml
import pytest

from heddle.runtime.nvidia.binding import PynvmlBinding
from heddle.runtime.nvidia.fake import FakeNvml
from heddle.runtime.nvidia.fake_card import FakeCard
from heddle.runtime.nvidia.nvml import ComputeInstanceProfile, GpuInstanceProfile, Span
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError

SUCCESS = pynvml.NVML_SUCCESS
INSUFFICIENT_SIZE = pynvml.NVML_ERROR_INSUFFICIENT_SIZE
NO_INSTANCE = 0xFFFFFFFF
#: A MIG device number that is free, between those that exist: drivers leave such gaps.
GAP = 0


class NvmlLibrary:
    """C functions by name; each returns a code and writes its answer through references."""

    def __init__(self, cards: Sequence[FakeCard]) -> None:
        self._cards = cards
        self._nvml = FakeNvml(cards)
        self._objects: list[object] = []

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        return _coded(found) if name.startswith("nvml") else found

    def nvmlInitWithFlags(self, flags: int) -> None:
        self._nvml = FakeNvml(self._cards)

    def nvmlShutdown(self) -> None:
        self._nvml.close()

    def nvmlSystemGetDriverVersion(self, text: Any, size: Any) -> None:
        text.value = self._nvml.driver_version().encode()

    def nvmlDeviceGetCount_v2(self, count: Any) -> None:
        count._obj.value = len(self._nvml.devices())

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, device: Any) -> None:
        self._give(device._obj, self._nvml.devices()[index.value])

    def nvmlDeviceGetName(self, device: Any, text: Any, size: Any) -> None:
        text.value = self._nvml.name(self._taken(device)).encode()

    def nvmlDeviceGetUUID(self, device: Any, text: Any, size: Any) -> None:
        text.value = self._nvml.uuid(self._taken(device)).encode()

    def nvmlDeviceGetMemoryInfo(self, device: Any, memory: Any) -> None:
        memory._obj.total = self._nvml.memory_mib(self._taken(device)) * 2**20

    def nvmlDeviceGetMigMode(self, device: Any, current: Any, pending: Any) -> None:
        mode = self._nvml.mig_mode(self._taken(device))
        current._obj.value, pending._obj.value = mode.is_on, mode.is_pending_on

    def nvmlDeviceGetGpuInstanceProfileInfoV(self, device: Any, number: int, info: Any) -> None:
        assert info._obj.version == pynvml.nvmlGpuInstanceProfileInfo_v2
        found = self._nvml.gpu_instance_profile(self._taken(device), number)
        _fill_profile(info._obj, found)
        info._obj.name = found.name.encode()

    def nvmlDeviceGetGpuInstancePossiblePlacements_v2(
        self, device: Any, profile_id: int, spans: Any, count: Any
    ) -> None:
        found = self._nvml.possible_placements(self._taken(device), profile_id)
        if spans is not None:
            assert count._obj.value >= len(found)
            for given, span in zip(spans, found, strict=False):
                given.start, given.size = span
        count._obj.value = len(found)

    def nvmlDeviceGetGpuInstances(
        self, device: Any, profile_id: int, handles: Any, count: Any
    ) -> None:
        profile = GpuInstanceProfile(profile_id, 0, 0, 0, 0)
        self._give_all(handles, count, self._nvml.gpu_instances(self._taken(device), profile))

    def nvmlGpuInstanceGetInfo(self, gpu_instance: Any, info: Any) -> None:
        record = self._nvml.gpu_instance_record(self._taken(gpu_instance))
        info._obj.id, info._obj.profileId = record.id, record.profile_id
        info._obj.placement.start, info._obj.placement.size = record.span

    def nvmlDeviceCreateGpuInstanceWithPlacement(
        self, device: Any, profile_id: int, placement: Any, made: Any
    ) -> None:
        span = Span(placement._obj.start, placement._obj.size)
        handle = self._nvml.create_gpu_instance(self._taken(device), profile_id, span)
        self._give(made._obj, handle)

    def nvmlGpuInstanceDestroy(self, gpu_instance: Any) -> None:
        self._nvml.destroy_gpu_instance(self._taken(gpu_instance))

    def nvmlGpuInstanceGetComputeInstanceProfileInfo(
        self, gpu_instance: Any, number: int, engines: int, info: Any
    ) -> None:
        assert engines == pynvml.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED
        found = self._nvml.compute_instance_profile(self._taken(gpu_instance), number)
        info._obj.id, info._obj.sliceCount = found.id, found.slice_count
        info._obj.instanceCount = found.instance_count
        info._obj.multiprocessorCount = found.multiprocessor_count

    def nvmlGpuInstanceGetComputeInstances(
        self, gpu_instance: Any, profile_id: int, handles: Any, count: Any
    ) -> None:
        profile = ComputeInstanceProfile(profile_id, 0, 0, 0)
        found = self._nvml.compute_instances(self._taken(gpu_instance), profile)
        self._give_all(handles, count, found)

    def nvmlGpuInstanceCreateComputeInstance(
        self, gpu_instance: Any, profile_id: int, made: Any
    ) -> None:
        handle = self._nvml.create_compute_instance(self._taken(gpu_instance), profile_id)
        self._give(made._obj, handle)

    def nvmlComputeInstanceDestroy(self, compute_instance: Any) -> None:
        self._nvml.destroy_compute_instance(self._taken(compute_instance))

    def nvmlDeviceGetMaxMigDeviceCount(self, device: Any, count: Any) -> None:
        count._obj.value = 1 + len(self._nvml.mig_devices(self._taken(device)))

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: Any, index: Any, made: Any) -> None:
        listed = self._nvml.mig_devices(self._taken(device))
        if index.value == GAP:
            raise NvmlError("nvmlDeviceGetMigDeviceHandleByIndex", NvmlCode.NOT_FOUND)
        self._give(made._obj, listed[index.value - 1])

    def nvmlDeviceGetGpuInstanceId(self, mig_device: Any, found: Any) -> None:
        found._obj.value = self._nvml.gpu_instance_id(self._taken(mig_device))

    def nvmlDeviceGetComputeRunningProcesses_v3(
        self, device: Any, count: Any, processes: Any
    ) -> int:
        found = self._nvml.compute_processes(self._taken(device))
        room, count._obj.value = count._obj.value, len(found)
        if room < len(found):
            return int(INSUFFICIENT_SIZE)
        for given, process in zip(processes or (), found, strict=False):
            given.pid = process.pid
            instance = process.gpu_instance_id
            given.gpuInstanceId = NO_INSTANCE if instance is None else instance
        return int(SUCCESS)

    def _give(self, pointer: Any, thing: object) -> None:
        """Let a handle stand for a thing: handles are small numbers, never followed."""
        self._objects.append(thing)
        c_void_p.from_buffer(pointer).value = len(self._objects)

    def _give_all(self, handles: Any, count: Any, things: Sequence[object]) -> None:
        assert count._obj.value >= len(things)
        for index, thing in enumerate(things):
            self._objects.append(thing)
            c_void_p.from_buffer(handles, index * 8).value = len(self._objects)
        count._obj.value = len(things)

    def _taken(self, handle: Any) -> object:
        number = cast(handle, c_void_p).value
        assert number is not None
        return self._objects[number - 1]


def binding_over(cards: Sequence[FakeCard], monkeypatch: pytest.MonkeyPatch) -> PynvmlBinding:
    """Return the real binding with the imitated library where the driver's would be loaded."""
    monkeypatch.setattr(pynvml, "nvmlLib", NvmlLibrary(cards))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return PynvmlBinding()


def _coded(function: Callable[..., int | None]) -> Callable[..., int]:
    def call(*arguments: Any) -> int:
        try:
            return function(*arguments) or int(SUCCESS)
        except NvmlError as error:
            return int(error.code)

    return call


def _fill_profile(info: Any, found: GpuInstanceProfile) -> None:
    info.id, info.sliceCount, info.instanceCount = found.id, found.slice_count, found.instance_count
    info.multiprocessorCount, info.memorySizeMB = found.multiprocessor_count, found.memory_mib
