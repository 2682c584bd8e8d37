"""The GPU instances that exist on a card now, asked for anew each time.

Others may cut the same card, and handles and ids are used again, so nothing is kept
between calls. ``mig_device`` decides with what it finds here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from heddle.runtime.nvidia.nvml import (
    NUM_COMPUTE_INSTANCE_PROFILES,
    ComputeInstanceProfile,
    GpuInstanceProfile,
    Handle,
    Nvml,
    Span,
)
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError

_STALE = (NvmlCode.NOT_FOUND, NvmlCode.INVALID_ARGUMENT)


class LiveGpuInstance(NamedTuple):
    """A GPU instance; ``uuid`` of its first MIG device, empty when it has none."""

    handle: Handle
    id: int
    profile_id: int
    span: Span
    uuid: str

    @property
    def is_finished(self) -> bool:
        """Whether it has a compute instance; without one nothing can run on it."""
        return bool(self.uuid)


def live_gpu_instances(
    nvml: Nvml, device: Handle, profiles: Iterable[GpuInstanceProfile]
) -> Sequence[LiveGpuInstance]:
    """Return the instances of these profiles, ordered by start.

    One that is removed while they are listed is left out.
    """
    uuids = _uuids(nvml, device)
    found = []
    for profile in profiles:
        for handle in nvml.gpu_instances(device, profile):
            with _passing_over_what_is_gone():
                record = nvml.gpu_instance_record(handle)
                uuid = uuids.get(record.id, "")
                live = LiveGpuInstance(handle, record.id, record.profile_id, record.span, uuid)
                found.append(live)
    return sorted(found, key=lambda instance: instance.span)


def compute_profiles(nvml: Nvml, gpu_instance: Handle) -> Sequence[ComputeInstanceProfile]:
    """Return how the multiprocessors of an instance can be taken."""
    found = []
    for number in range(NUM_COMPUTE_INSTANCE_PROFILES):
        try:
            found.append(nvml.compute_instance_profile(gpu_instance, number))
        except NvmlError as error:
            if error.code is NvmlCode.INVALID_ARGUMENT:
                break
            if error.code is not NvmlCode.NOT_SUPPORTED:
                raise
    return found


def full_compute_profile(nvml: Nvml, gpu_instance: Handle) -> ComputeInstanceProfile:
    """Return the profile that takes a whole instance: the most slices, then multiprocessors.

    Of equal ones the first by number, which shares the engines rather than reserves them.
    """
    profiles = compute_profiles(nvml, gpu_instance)
    if not profiles:
        raise NvmlError("nvmlGpuInstanceGetComputeInstanceProfileInfo", NvmlCode.NOT_SUPPORTED)
    return max(profiles, key=lambda profile: (profile.slice_count, profile.multiprocessor_count))


def destroy_compute_instances(nvml: Nvml, gpu_instance: Handle) -> None:
    """Remove every compute instance of an instance; it cannot be removed before."""
    for profile in compute_profiles(nvml, gpu_instance):
        for handle in nvml.compute_instances(gpu_instance, profile):
            nvml.destroy_compute_instance(handle)


def _uuids(nvml: Nvml, device: Handle) -> dict[int, str]:
    """Return the UUID of the first MIG device of each GPU instance that has one."""
    uuids: dict[int, str] = {}
    for handle in nvml.mig_devices(device):
        with _passing_over_what_is_gone():
            uuids.setdefault(nvml.gpu_instance_id(handle), nvml.uuid(handle))
    return uuids


@contextlib.contextmanager
def _passing_over_what_is_gone() -> Iterator[None]:
    # Handles outlive what they stand for: drivers were seen to go on listing MIG devices
    # that another process had removed (NVIDIA/go-nvml issue 60).
    try:
        yield
    except NvmlError as error:
        if error.code not in _STALE:
            raise
