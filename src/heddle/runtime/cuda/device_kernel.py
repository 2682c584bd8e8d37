"""A kernel on the cuda device: its functions, its grid, its parameters; and its row in board and
plant.

A kernel has up to three functions: as its author wrote it, checked at its entry, and persistent.
Library work that has no code to rewrite is a graph instead. ``add_device_kernel`` is where a kernel
becomes something that the dispatcher can launch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.errors import InputError
from heddle.runtime.core.board import Board, Words
from heddle.runtime.core.constants import EXACT_RESUME, OPAQUE, UNKNOWN_BOUND
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.core.registration import add_kernel
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.cuda.plant import CONTROL, FLAG, Plant

_EXTRA = (CONTROL, FLAG)


@dataclass(frozen=True)
class Functions:
    """Handles of the forms of a kernel; 0 where it has no such form."""

    plain: int = 0
    checked: int = 0
    persistent: int = 0
    graph: int = 0


@dataclass(frozen=True)
class DeviceKernel:
    """A kernel with its arguments.

    Attributes
    ----------
    name
        For people.
    functions
        What can be launched.
    grid, threads
        Blocks, and threads of a block, in x, y and z.
    shared_bytes
        Dynamic shared memory of a block.
    parameters
        The bytes of each parameter, in order.
    duration_ns, bound, limit_ns, is_short
        As in ``core.kernel.Kernel``.
    """

    name: str
    functions: Functions
    grid: tuple[int, int, int] = (1, 1, 1)
    threads: tuple[int, int, int] = (1, 1, 1)
    shared_bytes: int = 0
    parameters: tuple[bytes, ...] = ()
    duration_ns: int = 0
    bound: int = UNKNOWN_BOUND
    limit_ns: int = 0
    is_short: bool = False

    @property
    def blocks(self) -> int:
        """Logical blocks."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def num_threads(self) -> int:
        """Threads of a block."""
        return self.threads[0] * self.threads[1] * self.threads[2]


def word(value: int) -> bytes:
    """An address or another 64-bit parameter."""
    return int(value).to_bytes(8, "little", signed=value < 0)


def half(value: int) -> bytes:
    """A 32-bit parameter."""
    return int(value).to_bytes(4, "little", signed=value < 0)


def add_device_kernel(
    driver: Driver, board: Board, plant: Plant, kernel: DeviceKernel, resident_percent: int = 100
) -> tuple[int, list[Words]]:
    """The row of a new kernel, and the buffers of its parameters, which must live as long as it.

    Raises
    ------
    InputError
        It has nothing to launch, or the board has no row left.
    DriverError
        The GPU cannot hold one block of it.
    """
    functions = kernel.functions
    main = functions.plain or functions.checked or functions.persistent
    if not main and not functions.graph:
        raise InputError(f"kernel {kernel.name!r} has no function to launch")
    for function in {functions.plain, functions.checked, functions.persistent} - {0}:
        if kernel.shared_bytes:
            driver.set_shared_bytes(function, kernel.shared_bytes)
    occupancy = _occupancy(driver, kernel, main)
    row = add_kernel(board, _profile(driver, kernel, main, occupancy))
    rows = plant.kernels
    rows.plain[row] = functions.plain
    rows.checked[row] = functions.checked
    rows.persistent[row] = functions.persistent
    rows.graph[row] = functions.graph
    rows.grid_x[row], rows.grid_y[row], rows.grid_z[row] = kernel.grid
    rows.threads_x[row], rows.threads_y[row], rows.threads_z[row] = kernel.threads
    rows.shared_bytes[row] = kernel.shared_bytes
    if functions.persistent:
        fits = _occupancy(driver, kernel, functions.persistent) * driver.gpu.multiprocessors
        rows.resident[row] = max(1, fits * resident_percent // 100)
    rows.parameters[row], kept = _parameter_list(plant, kernel)
    return row, kept


def _profile(driver: Driver, kernel: DeviceKernel, main: int, occupancy: int) -> Kernel:
    registers = driver.function_fact(main, codes.FUNCTION_REGISTERS) if main else 0
    fixed = driver.function_fact(main, codes.FUNCTION_SHARED) if main else 0
    return Kernel(
        name=kernel.name,
        blocks=kernel.blocks,
        threads=kernel.num_threads,
        registers=registers,
        shared_bytes=fixed + kernel.shared_bytes,
        contract=EXACT_RESUME if kernel.functions.persistent else OPAQUE,
        bound=kernel.bound,
        occupancy=occupancy,
        duration_ns=kernel.duration_ns,
        limit_ns=kernel.limit_ns,
        is_short=kernel.is_short,
    )


def _occupancy(driver: Driver, kernel: DeviceKernel, function: int) -> int:
    if not function:
        return 1
    count = driver.occupancy(function, kernel.num_threads, kernel.shared_bytes)
    if count < 1:
        raise driver.error(
            f"cuOccupancyMaxActiveBlocksPerMultiprocessor ({kernel.name})",
            codes.LAUNCH_OUT_OF_RESOURCES,
        )
    return count


def _parameter_list(plant: Plant, kernel: DeviceKernel) -> tuple[int, list[Words]]:
    """The address of the list of addresses of its parameters and of what rewritten forms get.

    The driver reads as many as the function has, so one list serves every form.
    """
    size_bytes = sum(-(-len(each) // 8) * 8 for each in kernel.parameters)
    values = np.zeros(max(8, size_bytes), dtype=np.uint8)
    places = np.zeros(len(kernel.parameters) + len(_EXTRA), dtype=np.int64)
    at = 0
    for index, each in enumerate(kernel.parameters):
        values[at : at + len(each)] = np.frombuffer(each, dtype=np.uint8)
        places[index] = values.ctypes.data + at
        at += -(-len(each) // 8) * 8
    scratch = int(plant.addresses[0])
    for index, place in enumerate(_EXTRA, start=len(kernel.parameters)):
        places[index] = scratch + 8 * place
    return int(places.ctypes.data), [values, places]
