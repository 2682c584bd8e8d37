"""Opens a bench for the profiler on a device of this machine, and leaves nothing of it.

``cli.profile`` opens one and gives it to ``serving.profiler.campaign``; ``slice_bench`` is
what it gets.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heddle.errors import HostError, InputError
from heddle.runtime.cpu.discovery import cpu_devices
from heddle.runtime.device import Device
from heddle.runtime.nvidia.discovery import nvidia_devices
from heddle.runtime.process import kill_all, wait_gone
from heddle.server.profiled_instance import GONE_WITHIN_S
from heddle.server.slice_bench import SliceBench

_CUDA = "cuda:"


@contextmanager
def open_bench(device_name: str, num_cpu_devices: int, state_folder: Path) -> Iterator[SliceBench]:
    """Yield a bench on a device of this machine; afterwards nothing of it is left.

    Parameters
    ----------
    device_name
        ``cpu``, or ``cuda:0`` and so on.
    num_cpu_devices
        Into how many devices the cores are divided; the first is used.
    state_folder
        Of the profiler alone: what an earlier run left behind is removed.

    Raises
    ------
    InputError
        There is no such device.
    HostError
        Another ``heddle profile`` is under way, or the device failed.
    """
    with _locked(state_folder):
        device = _device(device_name, num_cpu_devices, state_folder)
        folder = state_folder / "starts"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        bench = SliceBench(device, folder)
        try:
            yield bench
        finally:
            bench.close()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise HostError(f"{folder} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HostError(
                "another heddle profile is under way; two at once would measure each other",
                is_retryable=True,
            ) from error
        yield


def _device(name: str, num_cpu_devices: int, folder: Path) -> Device:
    if name == "cpu":
        device = cpu_devices(folder, num_cpu_devices)[0]
        for found in device.slices():  # of a run that was killed
            pids = device.processes(found.placement)
            kill_all(pids)
            wait_gone(pids, GONE_WITHIN_S)
            device.destroy(found.placement)
        return device
    return _nvidia_device(name, folder)


def _nvidia_device(name: str, folder: Path) -> Device:
    index = name.removeprefix(_CUDA)
    if not name.startswith(_CUDA) or not (index.isascii() and index.isdigit()):
        raise InputError(f"unknown device {name!r}; expected cpu, cuda:0, cuda:1, …")
    found = nvidia_devices(folder)
    for device in found.devices:
        if device.gpu.id == f"nvidia-{int(index)}":
            return device
    why = "; ".join(found.left_out) or "this machine shows no NVIDIA driver with GPUs"
    raise InputError(f"there is no {name} here: {why}; --device cpu measures on the processors")
