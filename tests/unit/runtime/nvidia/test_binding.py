"""The binding over libraries that are older, or not there; the rest is in the contract suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest

from heddle.runtime.nvidia.binding import PynvmlBinding
from heddle.runtime.nvidia.nvml_error import NvmlCode, NvmlError
from nvidia_machines import a_card, a_whole_card
from nvml_library import NvmlLibrary, binding_over

NEWER = ("nvmlDeviceGetGpuInstanceProfileInfoV", "nvmlDeviceGetComputeRunningProcesses_v3")


class OldLibrary(NvmlLibrary):
    """A library from before profiles had names."""

    def __getattribute__(self, name: str) -> Any:
        if name in NEWER:
            raise AttributeError(name)
        return super().__getattribute__(name)

    def nvmlDeviceGetGpuInstanceProfileInfo(  # noqa: N802  (the library's name)
        self, device: Any, number: int, info: Any
    ) -> None:
        found = self._nvml.gpu_instance_profile(self._taken(device), number)
        info._obj.id, info._obj.sliceCount = found.id, found.slice_count
        info._obj.instanceCount = found.instance_count


def over_an_old_library(monkeypatch: pytest.MonkeyPatch) -> PynvmlBinding:
    monkeypatch.setattr(pynvml, "nvmlLib", OldLibrary([a_card()]))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return PynvmlBinding()


def test_an_old_library_has_profiles_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = over_an_old_library(monkeypatch)
    profile = nvml.gpu_instance_profile(nvml.devices()[0], 0)
    assert (profile.id, profile.slice_count, profile.instance_count, profile.name) == (19, 1, 7, "")
    nvml.close()


def test_a_number_that_an_old_library_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = over_an_old_library(monkeypatch)
    with pytest.raises(NvmlError) as caught:
        nvml.gpu_instance_profile(nvml.devices()[0], 5)
    assert caught.value.code is NvmlCode.NOT_SUPPORTED
    nvml.close()


def test_a_call_that_an_old_library_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = over_an_old_library(monkeypatch)
    with pytest.raises(NvmlError, match="too old") as caught:
        nvml.compute_processes(nvml.devices()[0])
    assert caught.value.code is NvmlCode.FUNCTION_NOT_FOUND
    nvml.close()


def test_with_mig_off_a_process_has_no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    card = a_whole_card()
    card.pids = {5}
    nvml = binding_over([card], monkeypatch)
    assert nvml.compute_processes(nvml.devices()[0]) == [(5, None)]
    nvml.close()


def test_finding_no_driver_does_not_need_the_library() -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA driver")
    program = (
        "import sys; sys.modules['pynvml'] = None\n"
        "from heddle.runtime.nvidia.discovery import open_nvml\n"
        "assert open_nvml() is None"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_looking_for_the_package_does_not_import_the_library() -> None:
    program = (
        "import sys, heddle.runtime.nvidia.discovery\n"
        "assert 'pynvml' not in sys.modules and 'numpy' not in sys.modules, sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
