"""Every error of NVML becomes one of ours, in words."""

from __future__ import annotations

import pynvml
import pytest

from heddle.errors import HostError
from heddle.runtime.nvidia.binding import call
from heddle.runtime.nvidia.nvml_error import MEANINGS, RETRYABLE, NvmlCode, NvmlError, code_of

PREFIX = "NVML_ERROR_"
OF_THE_LIBRARY = {
    name.removeprefix(PREFIX): getattr(pynvml, name)
    for name in dir(pynvml)
    if name.startswith(PREFIX)
}


@pytest.mark.parametrize("name", OF_THE_LIBRARY)
def test_every_code_of_the_library_has_our_name_and_a_meaning(name: str) -> None:
    assert code_of(OF_THE_LIBRARY[name]) is NvmlCode[name]
    assert MEANINGS[NvmlCode[name]].found


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(NvmlCode)


@pytest.mark.parametrize("code", list(NvmlCode))
def test_every_error_of_the_library_becomes_a_host_error(code: NvmlCode) -> None:
    def nvmlDeviceGetName() -> None:  # noqa: N802  (the library's name)
        raise pynvml.NVMLError(int(code))

    with pytest.raises(HostError) as caught:
        call(nvmlDeviceGetName)
    assert f"nvmlDeviceGetName: NVML_ERROR_{code.name}" in str(caught.value)
    assert caught.value.is_retryable == (code in RETRYABLE)


def test_a_code_of_a_later_library_is_unknown() -> None:
    assert code_of(4_711) is NvmlCode.UNKNOWN


def test_a_call_that_the_driver_does_not_have_says_that_the_driver_is_too_old() -> None:
    def nvmlDeviceGetUUID() -> None:  # noqa: N802  (the library's name)
        raise pynvml.NVMLLibraryMismatchError("no such function")

    with pytest.raises(NvmlError, match="too old"):
        call(nvmlDeviceGetUUID)


def test_what_passes_by_itself_is_retryable_and_what_needs_hands_is_not() -> None:
    assert {NvmlCode.IN_USE, NvmlCode.INSUFFICIENT_RESOURCES} <= RETRYABLE
    for code in (
        NvmlCode.NO_PERMISSION,
        NvmlCode.NOT_SUPPORTED,
        NvmlCode.GPU_IS_LOST,
        NvmlCode.RESET_REQUIRED,
        NvmlCode.UNKNOWN,
    ):
        assert code not in RETRYABLE


def test_a_subject_stands_in_front_of_the_words() -> None:
    error = NvmlError("nvmlComputeInstanceDestroy", NvmlCode.IN_USE).about("nvidia-0")
    assert str(error).startswith("nvidia-0: a process still uses it")
    assert error.code is NvmlCode.IN_USE
