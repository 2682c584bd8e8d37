"""Which NVIDIA GPUs this machine has, and how each can be used: by MIG, whole, or not at all.

``server`` calls :func:`nvidia_devices` where an agent is composed; tests give a fake session
to :func:`find_devices`. No mode is ever changed: what is missing is said instead.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heddle.cluster.catalogue import Catalogue, builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.errors import HostError
from heddle.runtime.device import Device
from heddle.runtime.nvidia.card import Card
from heddle.runtime.nvidia.mig_device import MigDevice
from heddle.runtime.nvidia.nvml import Handle, MigMode, Nvml
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError
from heddle.runtime.nvidia.product import known_type, uncut, unknown_type
from heddle.runtime.nvidia.profiles import card_profiles, matched
from heddle.runtime.nvidia.whole_device import WholeDevice

#: Codes that mean "there is no NVIDIA driver here", as opposed to one that is broken.
_ABSENT = (NvmlCode.LIBRARY_NOT_FOUND, NvmlCode.DRIVER_NOT_LOADED, NvmlCode.GPU_NOT_FOUND)
_NO_MIG = MigMode(is_on=False, is_pending_on=False)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What devices are to know of their machine.

    Attributes
    ----------
    node
        Its name.
    catalogue
        The GPU types that are known.
    folder
        Exists; where whole GPUs note that their instance was made.
    num_cores
        Processors that may work for all GPUs together.
    """

    node: str
    catalogue: Catalogue
    folder: Path
    num_cores: int


@dataclass(frozen=True, slots=True)
class Discovery:
    """The GPUs that can be used, and of the others a sentence each that says why not."""

    devices: tuple[Device, ...]
    left_out: tuple[str, ...] = ()


class _UnusableError(Exception):
    """A GPU that is left out; the words say why."""


def open_nvml() -> Nvml | None:
    """Return a session with the driver, or None where there is no NVIDIA driver.

    Raises
    ------
    HostError
        There is a driver and it does not work, or ``nvidia-ml-py`` is not installed beside it.
    """
    try:
        # Not at the top: whoever has no NVIDIA GPU needs no nvidia-ml-py.
        from heddle.runtime.nvidia.binding import PynvmlBinding  # noqa: PLC0415
    except ImportError as error:
        if not Path("/proc/driver/nvidia/version").exists():
            return None
        raise HostError(
            "this machine has an NVIDIA driver, but nvidia-ml-py is not installed; "
            "pip install 'heddle-gpu[cuda]'"
        ) from error
    try:
        return PynvmlBinding()
    except NvmlError as error:
        if error.code in _ABSENT:
            return None
        raise


def nvidia_devices(state_folder: Path, node: str = "local") -> Discovery:
    """Return this machine's NVIDIA GPUs; none, and nothing left out, without a driver.

    Parameters
    ----------
    state_folder
        Where the folder ``nvidia`` is made for the notes of whole GPUs.
    node
        Name of the node.

    Raises
    ------
    HostError
        As :func:`open_nvml`, or the folder cannot be made.
    """
    nvml = open_nvml()
    if nvml is None:
        return Discovery(())
    folder = state_folder / "nvidia"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"{folder} cannot be made: {error.strerror}") from error
    cores = len(os.sched_getaffinity(0))
    return find_devices(nvml, Surroundings(node, builtin_catalogue(), folder, cores))


def find_devices(nvml: Nvml, surroundings: Surroundings) -> Discovery:
    """Return a device for each GPU that can be used, called ``nvidia-0``, ``nvidia-1``, …

    A GPU that fails while it is looked at is left out; the others are not affected.
    """
    devices: list[Device] = []
    left_out: list[str] = []
    handles = nvml.devices()
    for index, handle in enumerate(handles):
        gpu_id = f"nvidia-{index}"
        try:
            devices.append(_device(nvml, handle, gpu_id, _per_gpu(surroundings, handles)))
        except (NvmlError, _UnusableError) as error:
            left_out.append(f"{gpu_id}: {error}")
    return Discovery(tuple(devices), tuple(left_out))


def _per_gpu(surroundings: Surroundings, handles: Sequence[Handle]) -> Surroundings:
    return replace(surroundings, num_cores=max(1, surroundings.num_cores // len(handles)))


def _device(nvml: Nvml, handle: Handle, gpu_id: str, surroundings: Surroundings) -> Device:
    product = nvml.name(handle)
    memory_mib = _memory_mib(nvml, handle)
    gpu_type = known_type(surroundings.catalogue, product, memory_mib)
    mode = _mig_mode(nvml, handle)
    card = Card(
        nvml,
        handle,
        gpu_id,
        surroundings.node,
        product,
        nvml.uuid(handle),
        surroundings.num_cores,
        _remark(gpu_type, mode, product),
    )
    if mode.is_on:
        return _mig_device(card, gpu_type)
    whole = uncut(gpu_type) if gpu_type else unknown_type(product, memory_mib)
    return WholeDevice(card, whole, surroundings.folder)


def _mig_device(card: Card, gpu_type: GpuType | None) -> MigDevice:
    """Return a device to cut; a GPU with MIG on that cannot be cut is of no use whole."""
    if gpu_type is None or not gpu_type.has_mig or not gpu_type.is_plannable:
        raise _UnusableError(
            f"MIG is on, and the catalogue does not say how a {card.product} is cut; turn MIG off "
            "to use it whole (nvidia-smi -mig 0), or add the type to a gpu_types file"
        )
    try:
        offered = card_profiles(card.nvml, card.handle)
    except NvmlError as error:
        if error.code is not NvmlCode.NO_PERMISSION:
            raise
        raise _UnusableError(
            f"MIG is on, and this user may not cut the GPU ({error}); "
            "or turn MIG off to use it whole (nvidia-smi -mig 0)"
        ) from error
    if not matched(gpu_type, offered):
        raise _UnusableError(f"MIG is on, and the driver offers no profile of {gpu_type.name}")
    return MigDevice(card, gpu_type, offered)


def _remark(gpu_type: GpuType | None, mode: MigMode, product: str) -> str:
    """Return why the GPU is cut as it is, and what would change that."""
    if mode.is_on:
        return "" if mode.is_pending_on else "MIG will be off after the next reset"
    if mode.is_pending_on:
        return "MIG is off until the next reset (nvidia-smi --gpu-reset)"
    if gpu_type is None:
        return f"the catalogue has no type for a {product}"
    if gpu_type.has_mig:
        return "MIG is off (nvidia-smi -mig 1 as root turns it on)"
    return "this product has no MIG"


def _mig_mode(nvml: Nvml, handle: Handle) -> MigMode:
    try:
        return nvml.mig_mode(handle)
    except NvmlError as error:
        if error.code in (NvmlCode.NOT_SUPPORTED, NvmlCode.FUNCTION_NOT_FOUND):
            return _NO_MIG
        raise


def _memory_mib(nvml: Nvml, handle: Handle) -> int | None:
    """Return the memory; None where it may not be asked, as in containers with one slice."""
    try:
        return nvml.memory_mib(handle)
    except NvmlError as error:
        if error.code in (NvmlCode.NO_PERMISSION, NvmlCode.NOT_SUPPORTED):
            return None
        raise
