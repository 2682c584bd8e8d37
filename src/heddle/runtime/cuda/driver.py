"""The CUDA driver from Python: what is done before work runs. The loop makes its own calls.

A :class:`Driver` is a context of one GPU over a table of functions (``call_table``), the installed
driver's or a fake one's. Handles and addresses are whole numbers. ``backend`` and ``kernels`` use
it; graphs and parts of the GPU stand in ``graphs`` and ``green``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint, c_uint64
from dataclasses import dataclass
from typing import Any

from heddle.errors import HostError, InputError
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.call_table import CallTable
from heddle.runtime.cuda.driver_error import DriverError


@dataclass(frozen=True)
class Gpu:
    """What the driver tells of a GPU; per multiprocessor unless the name says otherwise."""

    index: int
    name: str
    capability: tuple[int, int]
    driver_version: int
    multiprocessors: int
    blocks: int
    threads: int
    registers: int
    shared_bytes: int
    shared_bytes_per_block: int


class Driver:
    """One GPU's primary context; ``close`` gives back all that was made through it.

    Parameters
    ----------
    calls
        The functions.
    index
        Of the GPU, as the driver counts them.

    Raises
    ------
    InputError
        There is no such GPU.
    DriverError
        The driver failed.
    """

    def __init__(self, calls: CallTable, index: int = 0) -> None:
        self.calls = calls
        self.undo: list[Callable[[], object]] = []
        self.call("cuInit", c_uint(0))
        count = self._number("cuDeviceGetCount")
        if not 0 <= index < count:
            raise InputError(
                f"there is no device cuda:{index}: {calls.origin} has {count} GPU"
                f"{'' if count == 1 else 's'} (cuda:0 is the first)"
            )
        self._device = self._number("cuDeviceGet", c_int(index))
        self.gpu = self._describe(index)
        self.context = self.handle("cuDevicePrimaryCtxRetain", c_int(self._device))
        self.undo.append(lambda: self.attempt("cuDevicePrimaryCtxRelease", c_int(self._device)))
        self.make_current()

    def make_current(self) -> None:
        """Makes the context the one of the calling thread."""
        self.call("cuCtxSetCurrent", c_uint64(self.context))

    def has(self, name: str) -> bool:
        """Whether the driver has an optional function."""
        return name in self.calls.addresses

    # -- streams and events

    def priorities(self) -> tuple[int, int]:
        """The least and the greatest urgency of a stream; smaller numbers are more urgent."""
        least, greatest = c_int(), c_int()
        self.call("cuCtxGetStreamPriorityRange", byref(least), byref(greatest))
        return least.value, greatest.value

    def new_stream(self, priority: int) -> int:
        """A stream that does not wait for the default stream."""
        flags = c_uint(codes.STREAM_NON_BLOCKING)
        stream = self.handle("cuStreamCreateWithPriority", flags, c_int(priority))
        self.undo.append(lambda: self.attempt("cuStreamDestroy", c_uint64(stream)))
        return stream

    def new_event(self) -> int:
        """An event that keeps no time: the cheapest to record."""
        event = self.handle("cuEventCreate", c_uint(codes.EVENT_NO_TIMING))
        self.undo.append(lambda: self.attempt("cuEventDestroy", c_uint64(event)))
        return event

    def wait_for(self, stream: int) -> None:
        """Waits until all that was given to a stream is over."""
        self.call("cuStreamSynchronize", c_uint64(stream))

    # -- memory

    def allocate(self, size_bytes: int) -> int:
        """The address of new memory of the GPU."""
        address = self.handle("cuMemAlloc", c_size_t(max(1, size_bytes)))
        self.undo.append(lambda: self.attempt("cuMemFree", c_uint64(address)))
        return address

    def allocate_mapped(self, size_bytes: int) -> tuple[int, int]:
        """Memory of the host that the GPU sees: its address here, and there. Zeroed."""
        flags = c_uint(codes.HOST_PORTABLE_MAPPED)
        here = self.handle("cuMemHostAlloc", c_size_t(max(1, size_bytes)), flags)
        self.undo.append(lambda: self.attempt("cuMemFreeHost", c_uint64(here)))
        there = self.handle("cuMemHostGetDevicePointer", c_uint64(here), c_uint(0))
        ctypes.memset(here, 0, max(1, size_bytes))
        return here, there

    def copy_in(self, address: int, content: bytes) -> None:
        """Copies bytes to the GPU and waits for it."""
        if content:
            self.call("cuMemcpyHtoD", c_uint64(address), c_char_p(content), c_size_t(len(content)))

    def copy_out(self, address: int, size_bytes: int) -> bytes:
        """Copies bytes from the GPU and waits for it."""
        buffer = ctypes.create_string_buffer(max(1, size_bytes))
        if size_bytes:
            self.call("cuMemcpyDtoH", buffer, c_uint64(address), c_size_t(size_bytes))
        return buffer.raw[:size_bytes]

    # -- code

    def load(self, image: bytes) -> int:
        """The handle of a module from a cubin or from PTX text."""
        module = self.handle("cuModuleLoadData", c_char_p(image + b"\0"))
        self.undo.append(lambda: self.attempt("cuModuleUnload", c_uint64(module)))
        return module

    def function(self, module: int, name: str) -> int:
        """The handle of a kernel of a module, by its entry name."""
        return self.handle("cuModuleGetFunction", c_uint64(module), c_char_p(name.encode()))

    def set_shared_bytes(self, function: int, size_bytes: int) -> None:
        """Allows a kernel as much dynamic shared memory."""
        attribute = c_int(codes.FUNCTION_MAX_DYNAMIC_SHARED)
        self.call("cuFuncSetAttribute", c_uint64(function), attribute, c_int(size_bytes))

    def function_fact(self, function: int, attribute: int) -> int:
        """A ``CUfunction_attribute`` of a kernel."""
        return self._number("cuFuncGetAttribute", c_int(attribute), c_uint64(function))

    def occupancy(self, function: int, threads: int, shared_bytes: int) -> int:
        """Most blocks of a kernel that one multiprocessor holds."""
        name = "cuOccupancyMaxActiveBlocksPerMultiprocessor"
        return self._number(name, c_uint64(function), c_int(threads), c_size_t(shared_bytes))

    # -- the call itself

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function of the driver.

        Raises
        ------
        DriverError
            It did not return 0.
        """
        code = self.attempt(name, *arguments)
        if code:
            raise self.error(name, code)

    def error(self, name: str, code: int) -> DriverError:
        """The error that a CUresult of a call is."""
        text = c_char_p()
        self.attempt("cuGetErrorName", c_int(code), byref(text))
        return DriverError(name, code, (text.value or b"").decode())

    def close(self) -> None:
        """Gives back what was made, last first. Again is harmless."""
        if self.undo:
            self.attempt("cuCtxSetCurrent", c_uint64(self.context))
            self.attempt("cuCtxSynchronize")  # an epoch may still be on its way into memory
        while self.undo:
            self.undo.pop()()

    def attempt(self, name: str, *arguments: Any) -> int:
        """Calls a function and returns its CUresult."""
        address = self.calls.addresses.get(name)
        if address is None:
            raise HostError(f"{self.calls.origin} has no {name}", is_retryable=False)
        return int(ctypes.CFUNCTYPE(c_int)(address)(*arguments))

    def handle(self, name: str, *arguments: Any) -> int:
        """Calls a function whose first argument is where it puts a handle."""
        place = c_uint64()
        self.call(name, byref(place), *arguments)
        return place.value

    def _number(self, name: str, *arguments: Any) -> int:
        place = c_int()
        self.call(name, byref(place), *arguments)
        return place.value

    def _fact(self, attribute: int) -> int:
        return self._number("cuDeviceGetAttribute", c_int(attribute), c_int(self._device))

    def _describe(self, index: int) -> Gpu:
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, c_int(256), c_int(self._device))
        return Gpu(
            index=index,
            name=name.value.decode(),
            capability=(self._fact(codes.MAJOR), self._fact(codes.MINOR)),
            driver_version=self._number("cuDriverGetVersion"),
            multiprocessors=self._fact(codes.MULTIPROCESSORS),
            blocks=self._fact(codes.BLOCKS_PER_MULTIPROCESSOR),
            threads=self._fact(codes.THREADS_PER_MULTIPROCESSOR),
            registers=self._fact(codes.REGISTERS_PER_MULTIPROCESSOR),
            shared_bytes=self._fact(codes.SHARED_PER_MULTIPROCESSOR),
            shared_bytes_per_block=self._fact(codes.SHARED_PER_BLOCK_OPTIN),
        )
