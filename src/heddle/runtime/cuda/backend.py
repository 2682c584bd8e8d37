"""The cuda device as a backend: ``cuda:0`` for the runner, the conformance suite and the local
service.

A :class:`CudaBackend` is a driver context, a board, a plant, and a thread on which the dispatcher
loop runs without the interpreter lock. Its clients submit through ``core.registration`` and hear of
ended tasks in the board's ``outbox``.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from heddle.errors import HostError
from heddle.runtime.compiled import require_compiler
from heddle.runtime.core.backend import BackendOptions, Span
from heddle.runtime.core.board import Board, Device, Sizes, Words, new_board
from heddle.runtime.core.constants import BLOCK_EDGE_LEVEL, HEALTHY, STUCK
from heddle.runtime.core.policies import limits_of
from heddle.runtime.core.registration import add_program
from heddle.runtime.core.rings import waiting
from heddle.runtime.cuda.bindings import installed_driver
from heddle.runtime.cuda.call_table import CallTable
from heddle.runtime.cuda.device_kernel import DeviceKernel, add_device_kernel
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.cuda.equipment import equip
from heddle.runtime.cuda.graphs import capture_kernels
from heddle.runtime.cuda.loop import now_ns, one_round, run
from heddle.runtime.cuda.networks.catalogue import Catalogue
from heddle.runtime.cuda.options import CudaOptions
from heddle.runtime.cuda.plant import (
    CALL_NAMES,
    IS_CLOSING,
    TROUBLE_CALL,
    TROUBLE_CODE,
    Plant,
)

_LOOK_S: Final = 0.0002  # how often a waiting client looks at the outbox
_END_S: Final = 5.0  # longest wait for what is in flight when the device is closed

#: What a kernel or a thread that never ends may still touch.
_left_behind: list[object] = []


class CudaBackend:
    """One GPU.

    Parameters
    ----------
    driver
        The context of the GPU; closed with the backend.
    options
        Policy, level, sizes.
    cuda_options
        What the cuda device alone can choose.

    Raises
    ------
    HostError
        numba is missing, or the driver failed.
    InputError
        The policy needs what no NVIDIA GPU has.
    """

    def __init__(
        self,
        driver: Driver,
        options: BackendOptions | None = None,
        cuda_options: CudaOptions | None = None,
    ) -> None:
        require_compiler()
        self._options = options or BackendOptions()
        self._cuda_options = cuda_options or CudaOptions()
        self._driver = driver
        sizes = self._options.sizes or Sizes()
        device = _device(driver, self._options.level)
        self._board = new_board(device, limits_of(self._options.policy, device), sizes)
        self._plant = equip(driver, sizes, self._cuda_options)
        self._kept: list[Words] = []
        self._names: list[str] = []
        self._thread: threading.Thread | None = None
        self._news = threading.Event()
        self._catalogue = Catalogue(driver)
        self._compile()

    @classmethod
    def open(
        cls,
        index: int,
        options: BackendOptions | None = None,
        cuda_options: CudaOptions | None = None,
        calls: CallTable | None = None,
    ) -> CudaBackend:
        """The device ``cuda:index`` of this machine, or of a fake driver's table of calls.

        Raises
        ------
        HostError
            There is no driver that is new enough; says what was found.
        InputError
            There is no such GPU.
        """
        driver = Driver(calls or installed_driver(), index)
        try:
            return cls(driver, options, cuda_options)
        except BaseException:
            driver.close()
            raise

    @property
    def name(self) -> str:
        """``cuda:0``."""
        return f"cuda:{self._driver.gpu.index}"

    @property
    def label(self) -> str:
        """What its times are worth."""
        return "measured"

    @property
    def board(self) -> Board:
        """The control block."""
        return self._board

    @property
    def plant(self) -> Plant:
        """What the loop works with; for tests and benchmarks."""
        return self._plant

    @property
    def driver(self) -> Driver:
        """The context, to load code and allocate memory."""
        return self._driver

    @property
    def catalogue(self) -> Catalogue:
        """The networks of the GPU, to build work that has no name."""
        return self._catalogue

    def networks(self) -> tuple[str, ...]:
        """The networks it can run by name."""
        return self._catalogue.names()

    def add_network(self, name: str) -> int:
        """A program for one client of a named network, over buffers of its own."""
        return self.add_program_of(self._catalogue.build(name))

    def add(self, kernel: DeviceKernel) -> int:
        """The row of a new kernel."""
        percent = self._cuda_options.resident_percent
        row, kept = add_device_kernel(self._driver, self._board, self._plant, kernel, percent)
        self._kept.extend(kept)
        self._names.append(kernel.name)
        return row

    def add_program_of(self, kernels: Sequence[DeviceKernel]) -> int:
        """The program that runs these kernels in order."""
        return add_program(self._board, [self.add(kernel) for kernel in kernels])

    def capture(self, kernels: Sequence[DeviceKernel]) -> int:
        """The graph of kernels, to be the ``graph`` of one: a program as one launch."""
        return capture_kernels(self._driver, int(self._plant.queues.urgent[0]), kernels)

    def now_ns(self) -> int:
        """The machine's monotonic clock."""
        return now_ns(self._plant)

    def start(self) -> None:
        """Starts the loop on its thread; ``advance`` does so by itself."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=run, args=(self._board, self._plant), name=self.name, daemon=True
            )
            self._thread.start()

    def round(self) -> int:
        """One round of the loop on the calling thread, for tests; the loop is not started."""
        return one_round(self._board, self._plant)

    def advance(self, until_ns: int) -> None:
        """Returns when a task is over or at the given time.

        Raises
        ------
        HostError
            The GPU is lost or stuck; names the call or the kernel.
        """
        self.start()
        while waiting(self._board.outbox) == 0:
            self._refuse_broken()
            left_ns = until_ns - self.now_ns()
            if left_ns <= 0:
                return
            self._news.wait(min(_LOOK_S, left_ns / 1e9))

    def spans(self) -> list[Span]:
        """Nothing: the GPU does not tell where blocks run."""
        return []

    def close(self) -> None:
        """Has what runs leave at its next edge, then gives the context back. Again is harmless."""
        self._plant.state[IS_CLOSING] = 1
        if self._thread is not None:
            self._thread.join(_END_S)
        is_gone = self._thread is None or not self._thread.is_alive()
        if is_gone and self._board.counts.device_state[0] != STUCK:
            self._driver.close()
        else:  # a kernel that never ends holds the context until the process goes
            _left_behind.append((self._driver, self._plant, self._board, self._kept))

    def _compile(self) -> None:
        """Compiles the loop before a thread needs it: entered while closing, it returns at once."""
        self._plant.state[IS_CLOSING] = 1
        run(self._board, self._plant)
        self._plant.state[:] = 0

    def _refuse_broken(self) -> None:
        state = self._board.counts.device_state[0]
        if state == HEALTHY:
            return
        if state == STUCK:
            launch = int(self._board.counts.stuck_launch[0])
            kernel = self._names[self._board.launches.kernel[launch]]
            raise HostError(
                f"{self.name} is stuck: kernel {kernel!r} runs longer than twice its limit and "
                "cannot be stopped; end the process to free the GPU",
                is_retryable=False,
            )
        call = CALL_NAMES[self._plant.state[TROUBLE_CALL]]
        raise self._driver.error(call, int(self._plant.state[TROUBLE_CODE]))


def _device(driver: Driver, level: int) -> Device:
    gpu = driver.gpu
    return Device(
        level=min(level or BLOCK_EDGE_LEVEL, BLOCK_EDGE_LEVEL),
        can_kill=0,
        multiprocessors=gpu.multiprocessors,
        blocks_per_multiprocessor=gpu.blocks,
        threads_per_multiprocessor=gpu.threads,
        registers_per_multiprocessor=gpu.registers,
        shared_bytes_per_multiprocessor=gpu.shared_bytes,
    )
