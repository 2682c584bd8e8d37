"""CUDA graphs: a program captured once and replayed as one launch.

For real-time programs of many short kernels, and for library work (cuBLAS, cuDNN, a framework):
what its calls put into a stream is captured, so that the loop replays it without Python. A graph is
opaque: it runs whole, and best-effort work made of graphs is stopped between two of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import byref, c_int, c_uint64

import numpy as np

from heddle.runtime.cuda import codes
from heddle.runtime.cuda.device_kernel import DeviceKernel
from heddle.runtime.cuda.driver import Driver


def capture(driver: Driver, stream: int, enqueue: Callable[[int], object]) -> int:
    """The graph of what ``enqueue`` puts into the stream that it is given; ready to launch.

    Raises
    ------
    DriverError
        Something in it cannot be captured.
    """
    driver.call("cuStreamBeginCapture", c_uint64(stream), c_int(codes.CAPTURE_THREAD_LOCAL))
    graph = c_uint64()
    try:
        enqueue(stream)
    finally:
        driver.call("cuStreamEndCapture", c_uint64(stream), byref(graph))
    return instantiate(driver, graph.value)


def instantiate(driver: Driver, graph: int) -> int:
    """A graph that can be launched, from a captured one, ours or a framework's."""
    made = driver.handle("cuGraphInstantiateWithFlags", c_uint64(graph), c_uint64(0))
    driver.undo.append(lambda: driver.attempt("cuGraphExecDestroy", c_uint64(made)))
    return made


def launch_whole(driver: Driver, kernel: DeviceKernel, stream: int) -> None:
    """Launches a kernel as it is, from Python: to capture it, or to time it alone."""
    values = [ctypes.create_string_buffer(each, max(1, len(each))) for each in kernel.parameters]
    places = (c_uint64 * max(1, len(values)))(*(ctypes.addressof(each) for each in values))
    config = launch_config(kernel.grid, kernel.threads, kernel.shared_bytes, stream)
    driver.call(
        "cuLaunchKernelEx",
        c_uint64(config.ctypes.data),
        c_uint64(kernel.functions.plain),
        c_uint64(ctypes.addressof(places)),
        c_uint64(0),
    )


def capture_kernels(driver: Driver, stream: int, kernels: Sequence[DeviceKernel]) -> int:
    """The graph that runs kernels one after another, as their authors wrote them."""

    def enqueue(to: int) -> None:
        for kernel in kernels:
            if kernel.blocks:
                launch_whole(driver, kernel, to)

    return capture(driver, stream, enqueue)


def launch_config(
    grid: tuple[int, int, int], threads: tuple[int, int, int], shared_bytes: int, stream: int
) -> np.ndarray:
    """A ``CUlaunchConfig``."""
    config = np.zeros(codes.CONFIG_WORDS, dtype=np.int64)
    config.view(np.uint32)[:7] = (*grid, *threads, shared_bytes)
    config[4] = stream
    return config
