"""A CUDA driver without a GPU: the same functions by address, in front of ``fake_gpu``.

For tests and for trying out the cuda device where there is none. The functions are C callbacks, so
the dispatcher loop calls them as it calls the real ones. Every query of an event moves the GPU on a
little. Faults are scripted: the n-th call of a function fails, a kernel fails, a kernel never ends.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from heddle.runtime.core.constants import ENTRY_CHECK, PERSISTENT, PLAIN
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.call_table import CallTable
from heddle.runtime.cuda.fake_gpu import FakeEvent, FakeGpu, FakeKernel, FakeStream, Work

_TYPES: Final = {"p": ctypes.c_uint64, "i": ctypes.c_int, "u": ctypes.c_uint}
_NAMES: Final = {
    codes.INVALID_VALUE: b"CUDA_ERROR_INVALID_VALUE",
    codes.OUT_OF_MEMORY: b"CUDA_ERROR_OUT_OF_MEMORY",
    codes.NOT_FOUND: b"CUDA_ERROR_NOT_FOUND",
    codes.LAUNCH_OUT_OF_RESOURCES: b"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
    codes.LAUNCH_FAILED: b"CUDA_ERROR_LAUNCH_FAILED",
}
_MARKER: Final = FakeKernel("heddle_marker", lambda _block, word: _write_one(word[0]), 1)


@dataclass(frozen=True)
class FakeHardware:
    """What the fake GPU is: few multiprocessors, so that blocks queue."""

    num_gpus: int = 1
    version: int = 13000
    multiprocessors: int = 4
    occupancy: int = 2
    registers: int = 32
    seed: int = 0
    steps_a_query: int = 3
    faults: Mapping[str, Mapping[int, int]] = field(default_factory=dict)  # call: {n-th: CUresult}

    def fact(self, attribute: int) -> int:
        """A ``CUdevice_attribute``; those of Hopper where nothing else is said."""
        facts = {
            codes.MULTIPROCESSORS: self.multiprocessors,
            codes.MAJOR: 9,
            codes.THREADS_PER_BLOCK: 1024,
            codes.THREADS_PER_MULTIPROCESSOR: 2048,
            codes.BLOCKS_PER_MULTIPROCESSOR: 32,
            codes.REGISTERS_PER_MULTIPROCESSOR: 65536,
            codes.SHARED_PER_MULTIPROCESSOR: 233472,
            codes.SHARED_PER_BLOCK_OPTIN: 232448,
        }
        return facts.get(attribute, 0)


class FakeDriver:
    """The functions; ``table`` is what a real driver's look-up gives."""

    def __init__(self, kernels: Sequence[FakeKernel], hardware: FakeHardware | None = None) -> None:
        self.hardware = hardware or FakeHardware()
        self.gpu = FakeGpu(self.hardware.seed)
        self.num_calls: Counter[str] = Counter()
        self._kernels = [*kernels, _MARKER]
        self._events: list[FakeEvent] = []
        self._graphs: list[list[Work]] = []
        self._functions: list[tuple[FakeKernel, int]] = []
        self._modules: list[bytes] = []
        self._memory: dict[int, Any] = {}
        self._callbacks = {name: self._callback(name) for name in _SIGNATURES}

    @property
    def table(self) -> CallTable:
        """The addresses of its functions."""
        addresses = {
            name: int(ctypes.cast(callback, ctypes.c_void_p).value or 0)
            for name, callback in self._callbacks.items()
        }
        return CallTable(addresses, "the fake driver", takes_machine_code=False, keep=self)

    def num_allocations(self) -> int:
        """How many pieces of memory were not given back."""
        return len(self._memory)

    def _callback(self, name: str) -> Any:
        signature, work = _SIGNATURES[name]
        shape = ctypes.CFUNCTYPE(ctypes.c_int, *[_TYPES[letter] for letter in signature])

        def answer(*arguments: int) -> int:
            self.num_calls[name] += 1
            code = self.hardware.faults.get(name, {}).get(self.num_calls[name], 0)
            if code or (self.gpu.lost and name in _WORKING):
                return code or self.gpu.lost
            return work(self, *arguments)

        return shape(answer)

    # -- what the calls do; each returns its CUresult

    def put(self, place: int, value: int) -> int:
        """Writes a 64-bit answer where the caller wants it."""
        ctypes.c_int64.from_address(place).value = value
        return codes.SUCCESS

    def put_number(self, place: int, value: int) -> int:
        """Writes a 32-bit answer where the caller wants it."""
        ctypes.c_int.from_address(place).value = value
        return codes.SUCCESS

    def allocate(self, place: int, size_bytes: int, _flags: int = 0) -> int:
        """Memory of the GPU and of the host is the same here."""
        block = np.zeros(-(-size_bytes // 8), dtype=np.int64)
        self._memory[block.ctypes.data] = block
        return self.put(place, block.ctypes.data)

    def free(self, address: int) -> int:
        """Gives memory back."""
        found = self._memory.pop(address, None)
        return codes.SUCCESS if found is not None else codes.INVALID_VALUE

    def new_stream(self, place: int, _flags: int, priority: int) -> int:
        """A stream; handles count from 1."""
        self.gpu.streams.append(FakeStream(priority))
        return self.put(place, len(self.gpu.streams))

    def new_event(self, place: int, _flags: int) -> int:
        """An event that was never recorded counts as reached."""
        self._events.append(FakeEvent())
        return self.put(place, len(self._events))

    def record(self, event: int, stream: int) -> int:
        """Puts a record into a stream."""
        found = self._events[event - 1]
        found.recorded += 1

        def reach() -> bool:
            found.reached += 1
            return True

        return self._enqueue(stream, reach)

    def query(self, event: int) -> int:
        """Moves the GPU on, then looks."""
        for _ in range(self.hardware.steps_a_query):
            self.gpu.step()
        if self.gpu.lost:
            return self.gpu.lost
        found = self._events[event - 1]
        return codes.SUCCESS if found.reached >= found.recorded else codes.NOT_READY

    def wait_event(self, stream: int, event: int, _flags: int) -> int:
        """Makes a stream wait for the latest record of an event so far."""
        found = self._events[event - 1]
        target = found.recorded
        return self._enqueue(stream, lambda: found.reached >= target)

    def write_value(self, stream: int, address: int, value: int, _flags: int) -> int:
        """Writes a 32-bit word in the order of a stream."""

        def write() -> bool:
            ctypes.c_uint32.from_address(address).value = value
            return True

        return self._enqueue(stream, write)

    def copy_later(self, target: int, source: int, size_bytes: int, stream: int) -> int:
        """Copies in the order of a stream."""

        def copy() -> bool:
            ctypes.memmove(target, source, size_bytes)
            return True

        return self._enqueue(stream, copy)

    def copy_now(self, target: int, source: int, size_bytes: int) -> int:
        """Copies at once."""
        ctypes.memmove(target, source, size_bytes)
        return codes.SUCCESS

    def load(self, place: int, image: int) -> int:
        """A module is the text of its PTX, which tells the form of its kernels."""
        text = ctypes.string_at(image)
        self._modules.append(text)
        return self.put(place, len(self._modules))

    def function(self, place: int, module: int, name: int) -> int:
        """A kernel in the form of its module; every module has all kernels."""
        wanted = ctypes.string_at(name).decode()
        for kernel in self._kernels:
            if kernel.name == wanted:
                text = self._modules[module - 1]
                own = replace(kernel, num_parameters=_num_parameters(text, kernel))
                self._functions.append((own, _form_of(text)))
                return self.put(place, len(self._functions))
        return codes.NOT_FOUND

    def launch(self, config: int, function: int, parameters: int, _extra: int) -> int:
        """Puts a launch into a stream; its parameters are read now, as the driver does."""
        if not 1 <= function <= len(self._functions):
            return codes.INVALID_HANDLE
        kernel, form = self._functions[function - 1]
        sizes = (ctypes.c_uint32 * 6).from_address(config)
        stream = ctypes.c_uint64.from_address(config + 32).value
        grid = sizes[0] * sizes[1] * sizes[2]
        if grid == 0 or not 1 <= sizes[3] * sizes[4] * sizes[5] <= 1024:
            return codes.INVALID_VALUE
        count = kernel.num_parameters + (0 if form == PLAIN else 2)
        places = (ctypes.c_uint64 * count).from_address(parameters) if count else ()
        values = tuple(int(ctypes.c_uint64.from_address(place).value) for place in places)
        work = Work(kernel, form, grid, values, self._completion(config))
        captured = self.gpu.streams[stream - 1].captured
        if captured is not None:
            captured.append(work)
            return codes.SUCCESS
        return self._enqueue(stream, work)

    def synchronize(self, *_stream: int) -> int:
        """Moves the GPU on until nothing can be done any more."""
        while self.gpu.step():
            pass
        return self.gpu.lost

    def begin_capture(self, stream: int, _mode: int) -> int:
        """What is launched from now on goes into a graph."""
        self.gpu.streams[stream - 1].captured = []
        return codes.SUCCESS

    def end_capture(self, stream: int, place: int) -> int:
        """The graph of what was launched meanwhile."""
        self._graphs.append(self.gpu.streams[stream - 1].captured or [])
        self.gpu.streams[stream - 1].captured = None
        return self.put(place, len(self._graphs))

    def launch_graph(self, graph: int, stream: int) -> int:
        """Launches all of a graph in order."""
        for work in self._graphs[graph - 1]:
            self._enqueue(stream, Work(work.kernel, work.form, work.grid, work.parameters))
        return codes.SUCCESS

    def name_of_error(self, code: int, place: int) -> int:
        """The address of the name of a CUresult."""
        name = _NAMES.get(code, b"CUDA_ERROR_UNKNOWN")
        return self.put(place, ctypes.cast(ctypes.c_char_p(name), ctypes.c_void_p).value or 0)

    def _completion(self, config: int) -> FakeEvent | None:
        if not ctypes.c_uint32.from_address(config + 48).value:
            return None
        attribute = ctypes.c_uint64.from_address(config + 40).value
        event = self._events[ctypes.c_uint64.from_address(attribute + 8).value - 1]
        event.recorded += 1
        return event

    def _enqueue(self, stream: int, command: Callable[[], bool] | Work) -> int:
        if not 1 <= stream <= len(self.gpu.streams):
            return codes.INVALID_HANDLE
        self.gpu.streams[stream - 1].commands.append(command)
        return codes.SUCCESS


def _write_one(address: int) -> None:
    ctypes.c_int64.from_address(address).value = 1


def _form_of(text: bytes) -> int:
    if b"heddle_control" not in text:
        return PLAIN
    return PERSISTENT if b"$heddle_next" in text else ENTRY_CHECK


def _num_parameters(text: bytes, kernel: FakeKernel) -> int:
    """How many parameters of its own a kernel has: as its PTX says, where there is any."""
    _, found, rest = text.partition(b".entry " + kernel.name.encode() + b"(")
    if not found:
        return kernel.num_parameters
    return rest.partition(b")")[0].count(b".param") - (0 if _form_of(text) == PLAIN else 2)


def _fine(*_arguments: Any) -> int:
    return codes.SUCCESS


def _name(_driver: FakeDriver, place: int, size: int, _device: int) -> int:
    text = b"Fake GPU\0"[:size]
    ctypes.memmove(place, text, len(text))
    return codes.SUCCESS


def _priorities(driver: FakeDriver, least: int, greatest: int) -> int:
    driver.put_number(least, 0)
    return driver.put_number(greatest, -5)


def _function_fact(driver: FakeDriver, place: int, attribute: int, _function: int) -> int:
    is_registers = attribute == codes.FUNCTION_REGISTERS
    return driver.put_number(place, driver.hardware.registers if is_registers else 0)


# Each call: the kinds of its arguments (p a word or an address, i and u numbers), and what it does.
_SIGNATURES: Final[dict[str, tuple[str, Callable[..., int]]]] = {
    "cuInit": ("u", _fine),
    "cuDriverGetVersion": ("p", lambda d, p: d.put_number(p, d.hardware.version)),
    "cuDeviceGetCount": ("p", lambda d, p: d.put_number(p, d.hardware.num_gpus)),
    "cuDeviceGet": ("pi", lambda d, p, index: d.put_number(p, index)),
    "cuDeviceGetAttribute": ("pii", lambda d, p, a, _: d.put_number(p, d.hardware.fact(a))),
    "cuDeviceGetName": ("pii", _name),
    "cuDevicePrimaryCtxRetain": ("pi", lambda d, p, _: d.put(p, 1)),
    "cuDevicePrimaryCtxRelease": ("i", _fine),
    "cuCtxSetCurrent": ("p", _fine),
    "cuCtxSynchronize": ("", FakeDriver.synchronize),
    "cuCtxGetStreamPriorityRange": ("pp", _priorities),
    "cuStreamCreateWithPriority": ("pui", FakeDriver.new_stream),
    "cuStreamDestroy": ("p", _fine),
    "cuStreamSynchronize": ("p", FakeDriver.synchronize),
    "cuStreamWaitEvent": ("ppu", FakeDriver.wait_event),
    "cuStreamWriteValue32": ("ppuu", FakeDriver.write_value),
    "cuStreamBeginCapture": ("pi", FakeDriver.begin_capture),
    "cuStreamEndCapture": ("pp", FakeDriver.end_capture),
    "cuEventCreate": ("pu", FakeDriver.new_event),
    "cuEventDestroy": ("p", _fine),
    "cuEventRecord": ("pp", FakeDriver.record),
    "cuEventQuery": ("p", FakeDriver.query),
    "cuMemAlloc": ("pp", FakeDriver.allocate),
    "cuMemFree": ("p", FakeDriver.free),
    "cuMemHostAlloc": ("ppu", FakeDriver.allocate),
    "cuMemHostGetDevicePointer": ("ppu", lambda d, p, here, _: d.put(p, here)),
    "cuMemFreeHost": ("p", FakeDriver.free),
    "cuMemcpyHtoD": ("ppp", FakeDriver.copy_now),
    "cuMemcpyDtoH": ("ppp", FakeDriver.copy_now),
    "cuMemcpyHtoDAsync": ("pppp", FakeDriver.copy_later),
    "cuMemcpyDtoHAsync": ("pppp", FakeDriver.copy_later),
    "cuModuleLoadData": ("pp", FakeDriver.load),
    "cuModuleUnload": ("p", _fine),
    "cuModuleGetFunction": ("ppp", FakeDriver.function),
    "cuFuncGetAttribute": ("pip", _function_fact),
    "cuFuncSetAttribute": ("pii", _fine),
    "cuOccupancyMaxActiveBlocksPerMultiprocessor": (
        "ppip",
        lambda d, p, *_: d.put_number(p, d.hardware.occupancy),
    ),
    "cuLaunchKernelEx": ("pppp", FakeDriver.launch),
    "cuGraphInstantiateWithFlags": ("ppp", lambda d, p, graph, _: d.put(p, graph)),
    "cuGraphLaunch": ("pp", FakeDriver.launch_graph),
    "cuGraphExecDestroy": ("p", _fine),
    "cuGraphDestroy": ("p", _fine),
    "cuGetErrorName": ("ip", FakeDriver.name_of_error),
    "cuGetErrorString": ("ip", FakeDriver.name_of_error),
}

_WORKING: Final = frozenset(
    {"cuLaunchKernelEx", "cuEventRecord", "cuEventQuery", "cuStreamWaitEvent", "cuGraphLaunch",
     "cuStreamWriteValue32", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuCtxSynchronize",
     "cuStreamSynchronize", "cuMemAlloc", "cuMemcpyHtoD", "cuMemcpyDtoH"}
)  # fmt: skip
