"""Green contexts: a part of the multiprocessors reserved, as a floor for real-time work.

An option, measured by ``benchmarks/gpu_runtime.sh``: streams of a part run on its multiprocessors
only, in steps of 8 on Hopper. The GPU is split once, since two splits overlap. Needs CUDA 12.4;
``can_split`` probes.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_int, c_uint, c_uint64
from dataclasses import dataclass

from heddle.errors import HostError
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.call_table import OPTIONAL_FUNCTIONS
from heddle.runtime.cuda.driver import Driver


@dataclass(frozen=True)
class Part:
    """Some multiprocessors with a context of their own."""

    multiprocessors: int
    handle: int

    def new_stream(self, driver: Driver, priority: int) -> int:
        """A stream whose work runs on these multiprocessors only."""
        flags = c_uint(codes.STREAM_NON_BLOCKING)
        stream = driver.handle(
            "cuGreenCtxStreamCreate", c_uint64(self.handle), flags, c_int(priority)
        )
        driver.undo.append(lambda: driver.attempt("cuStreamDestroy", c_uint64(stream)))
        return stream


def can_split(driver: Driver) -> bool:
    """Whether the driver has green contexts."""
    return all(driver.has(name) for name in OPTIONAL_FUNCTIONS)


def split(driver: Driver, multiprocessors: int) -> tuple[Part, Part]:
    """A part of at least so many multiprocessors, and the rest.

    Raises
    ------
    HostError
        The driver is too old, or the GPU cannot be split so.
    """
    if not can_split(driver):
        raise HostError(f"{driver.calls.origin} has no green contexts; they need CUDA 12.4")
    whole, first, rest = (ctypes.create_string_buffer(codes.RESOURCE_BYTES) for _ in range(3))
    kind = c_int(codes.RESOURCE_SM)
    driver.call("cuDeviceGetDevResource", c_int(driver.gpu.index), whole, kind)
    count = c_uint(1)
    driver.call(
        "cuDevSmResourceSplitByCount",
        first,
        byref(count),
        whole,
        rest,
        c_uint(0),
        c_uint(multiprocessors),
    )
    return _part(driver, first), _part(driver, rest)


def _part(driver: Driver, resource: ctypes.Array[ctypes.c_char]) -> Part:
    description = driver.handle("cuDevResourceGenerateDesc", resource, c_uint(1))
    handle = driver.handle(
        "cuGreenCtxCreate",
        c_uint64(description),
        c_int(driver.gpu.index),
        c_uint(codes.GREEN_DEFAULT_STREAM),
    )
    driver.undo.append(lambda: driver.attempt("cuGreenCtxDestroy", c_uint64(handle)))
    return Part(_multiprocessors(resource), handle)


def _multiprocessors(resource: ctypes.Array[ctypes.c_char]) -> int:
    at = codes.RESOURCE_SM_COUNT_AT
    return int.from_bytes(resource.raw[at : at + 4], "little")
