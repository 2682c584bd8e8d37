"""The interpreted twins of the machine operations, for one thread; used where numba is missing."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

_MONOTONIC = 1  # CLOCK_MONOTONIC


def atomic_load(array: Any, index: int) -> int:
    """The element."""
    return int(array[index])


def atomic_store(array: Any, index: int, value: int) -> None:
    """Writes the element."""
    array[index] = value


def atomic_add(array: Any, index: int, value: int) -> int:
    """Adds to the element and returns what it was before."""
    before = int(array[index])
    array[index] = before + value
    return before


def atomic_replace(array: Any, index: int, expected: int, value: int) -> bool:
    """Writes the element if it is what is expected; whether it was."""
    is_expected = int(array[index]) == expected
    if is_expected:
        array[index] = value
    return is_expected


def call_block(address: int, block: int, arguments: int) -> None:
    """Calls ``void(int64, int64 *)`` at an address: one block of a kernel."""
    shape = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)
    shape(address)(block, arguments)


def call_clock(address: int) -> int:
    """The machine's monotonic time in ns, from ``clock_gettime`` at an address."""
    instant = (ctypes.c_int64 * 2)()
    shape = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    shape(address)(_MONOTONIC, ctypes.addressof(instant))
    return instant[0] * 1_000_000_000 + instant[1]


def call_system(address: int, first: int, second: int, third: int) -> int:
    """Calls ``int64(int64, int64, int64)`` at an address: a function of the C library."""
    shape = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    return int(shape(address)(first, second, third))


def call_driver(address: int, first: int, second: int, third: int, fourth: int) -> int:
    """Calls ``uint32(int64 x 4)`` at an address: the CUDA driver, blind to spare arguments."""
    shape = ctypes.CFUNCTYPE(ctypes.c_uint32, *[ctypes.c_int64] * 4)
    return int(shape(address)(first, second, third, fourth))


def float_array(address: int, length: int) -> Any:
    """The float32 numbers that stand at an address."""
    return np.ctypeslib.as_array((ctypes.c_float * length).from_address(address))


def word_array(address: int, length: int) -> Any:
    """The int64 words that stand at an address."""
    return np.ctypeslib.as_array((ctypes.c_int64 * length).from_address(address))


def pause() -> None:
    """Nothing: one thread has nobody to wait for."""
