"""The driver from Python, on the fake driver: what it tells, what it gives back, how it fails."""

from __future__ import annotations

from ctypes.util import find_library

import pytest

from heddle.errors import HostError, InputError
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.bindings import installed_driver
from heddle.runtime.cuda.call_table import FUNCTIONS
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.cuda.driver_error import DriverError, is_lost
from heddle.runtime.cuda.fake_driver import FakeDriver, FakeHardware
from heddle.runtime.cuda.options import CudaOptions

HAS_DRIVER = find_library("cuda") is not None


def test_the_gpu_is_described_by_what_the_driver_says() -> None:
    fake = FakeDriver([], FakeHardware(multiprocessors=7))
    driver = Driver(fake.table)
    assert driver.gpu.multiprocessors == 7
    assert driver.gpu.capability == (9, 0)
    assert driver.gpu.driver_version == 13000
    assert driver.priorities() == (0, -5)
    driver.close()


def test_the_fake_driver_has_every_function_that_is_asked_of_the_real_one() -> None:
    table = FakeDriver([]).table
    assert sorted(FUNCTIONS) == sorted(set(FUNCTIONS))
    assert set(FUNCTIONS) <= set(table.addresses)


def test_memory_travels_there_and_back_and_is_given_back_once() -> None:
    fake = FakeDriver([])
    driver = Driver(fake.table)
    place = driver.allocate(5)
    driver.copy_in(place, b"abcde")
    assert driver.copy_out(place, 5) == b"abcde"
    driver.allocate_mapped(64)
    assert fake.num_allocations() == 2
    driver.close()
    driver.close()
    assert fake.num_allocations() == 0


def test_a_gpu_that_is_not_there_is_refused_with_how_many_there_are() -> None:
    with pytest.raises(InputError, match=r"no device cuda:3: the fake driver has 2 GPUs"):
        Driver(FakeDriver([], FakeHardware(num_gpus=2)).table, 3)


def test_a_failed_call_is_named_with_its_code_and_what_to_do() -> None:
    fake = FakeDriver([], FakeHardware(faults={"cuMemAlloc": {1: codes.OUT_OF_MEMORY}}))
    driver = Driver(fake.table)
    with pytest.raises(DriverError, match=r"cuMemAlloc failed with CUDA_ERROR_OUT_OF_MEMORY") as e:
        driver.allocate(8)
    assert e.value.is_retryable
    with pytest.raises(DriverError, match=r"cuModuleGetFunction failed with CUDA_ERROR_NOT_FOUND"):
        driver.function(driver.load(b"x"), "nothing")
    driver.close()


def test_a_function_that_the_driver_lacks_is_named() -> None:
    driver = Driver(FakeDriver([]).table)
    assert not driver.has("cuGreenCtxCreate")
    with pytest.raises(HostError, match="the fake driver has no cuGreenCtxCreate"):
        driver.call("cuGreenCtxCreate")
    driver.close()


def test_faults_of_kernels_lose_the_context_and_refused_launches_do_not() -> None:
    assert is_lost(codes.ILLEGAL_ADDRESS)
    assert is_lost(codes.LAUNCH_FAILED)
    assert not is_lost(codes.LAUNCH_OUT_OF_RESOURCES)
    assert not is_lost(codes.OUT_OF_MEMORY)


def test_choices_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InputError, match="stream-write or mapped are possible"):
        CudaOptions(epoch_by="pigeon")
    with pytest.raises(InputError, match="event, completion, marker are possible"):
        CudaOptions(begins_by="guess")
    with pytest.raises(InputError, match="1 to 100"):
        CudaOptions(resident_percent=0)


@pytest.mark.skipif(HAS_DRIVER, reason="an NVIDIA driver is here: run benchmarks/gpu_runtime.sh")
def test_without_a_driver_the_device_says_what_was_looked_for() -> None:
    with pytest.raises(HostError, match="device cuda cannot be used") as refusal:
        installed_driver()
    assert not refusal.value.is_retryable
