"""The ``cpu`` device: a backend whose blocks are run by pinned threads of this process.

Opened by the runner, the conformance suite, the library API and the local service. It is real: its
times are measured, on however many cores there are. A block cannot be stopped from outside, so it
has no power to kill; a block that never ends leaves its thread behind when the device closes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from heddle.errors import HostError, InputError
from heddle.runtime.compiled import require_compiler
from heddle.runtime.core import registration, rings
from heddle.runtime.core.backend import BackendOptions, Span
from heddle.runtime.core.board import Board, Device, Limits, Sizes, new_board
from heddle.runtime.core.constants import BLOCK_EDGE_LEVEL, PENDING_LEVEL, STUCK
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.core.policies import limits_of
from heddle.runtime.library.networks import build, network_names
from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.workers.dispatcher import run_dispatcher
from heddle.runtime.workers.news import read_clock, read_word, write_word
from heddle.runtime.workers.threads import Crew, Places, places_on
from heddle.runtime.workers.wires import Wires
from heddle.runtime.workers.worker import run_worker
from heddle.runtime.workers.workshop import (
    IS_CLOSING,
    IS_DISPATCHER_ASLEEP,
    IS_SOMEBODY_WAITING,
    LINE,
    NUM_ENTERED,
    USUAL_PATIENCE,
    Workshop,
    new_workshop,
)

_SPANS = 200_000  # a worker, when recording
_MS = 1e6
#: What has not begun leaves at once here, so best-effort work may be launched so far ahead that the
#: workers have enough while the dispatcher's core does something else for a time slice.
_BE_WINDOW = 16
_LONGEST_WAIT_MS = 200.0

#: What threads that never end may still touch.
_left_behind: list[object] = []


class CpuBackend:
    """The cpu device, open.

    Parameters
    ----------
    options
        Policy, level and recording.
    num_workers
        On how many cores; 0 for all that this process may use but one, the dispatcher's.
    places
        Which core each thread has, where that is already decided; two may share one.

    Raises
    ------
    InputError
        The policy is unknown, or needs a power that this device has not, or the level is unknown.
    HostError
        numba is missing, or there are too few cores.
    """

    name = "cpu"
    label = "measured"

    def __init__(
        self,
        options: BackendOptions | None = None,
        num_workers: int = 0,
        places: Places | None = None,
    ) -> None:
        require_compiler()
        options = options or BackendOptions()
        places = places or places_on(frozenset(os.sched_getaffinity(0)), num_workers)
        self.num_workers = len(places.workers)
        sizes = options.sizes or Sizes()
        device = _device(self.num_workers, options.level)
        self._board = new_board(device, _limits(options.policy, device), sizes)
        self._wires = Wires(self.num_workers)
        self.shop = new_workshop(
            sizes,
            self.num_workers,
            self._wires.calls,
            USUAL_PATIENCE,
            _SPANS if options.is_recording else 0,
        )
        self.shop.wakers[:] = self._wires.wakers
        if options.is_recording:
            self.record(options.record_from_ns, options.record_until_ns or 1 << 62)
        self._kernels: list[Kernel] = []
        self._held: list[object] = []
        self._is_open = True
        self._is_interrupted = False
        self.num_left_behind = 0
        _compile(self._board, self.shop)
        self._crew = Crew(self._dispatch, self._work, places)
        self._wait_until_entered()

    @classmethod
    def open(cls, options: BackendOptions | None = None) -> CpuBackend:
        """Opens it, as every kind of device is opened by name."""
        return cls(options)

    @property
    def board(self) -> Board:
        """The control block."""
        return self._board

    def networks(self) -> tuple[str, ...]:
        """The networks of ``runtime.library``."""
        return network_names()

    def add_network(self, name: str) -> int:
        """A program for one client, with buffers of its own."""
        return self.add_bound_network(build(name))

    def add_bound_network(self, network: BoundNetwork) -> int:
        """A program that runs a network; the device holds on to it."""
        self._held.append(network)
        return self.add_kernels(network.kernels)

    def add_kernels(
        self, kernels: Sequence[Kernel], faults: Sequence[np.ndarray | None] = ()
    ) -> int:
        """A program of kernels, whose ``handle`` is the address of a block body.

        Parameters
        ----------
        kernels
            In their order; what their ``arguments`` point to must live as long as the device.
        faults
            For each kernel, where it may say that it failed: an array of one ``int64`` word that is
            not 0 after such a block. None, or nothing, for kernels that cannot fail.
        """
        rows = []
        for place, kernel in enumerate(kernels):
            row = registration.add_kernel(self._board, kernel)
            fault = faults[place] if place < len(faults) else None
            self.shop.faults[row] = 0 if fault is None else fault.ctypes.data
            self._held.append(fault)
            self._kernels.append(kernel)
            rows.append(row)
        return registration.add_program(self._board, rows)

    def now_ns(self) -> int:
        """The machine's monotonic clock."""
        return int(read_clock(self.shop))

    def advance(self, until_ns: int) -> None:
        """Waits until a task is over or the time is reached.

        Raises
        ------
        HostError
            The device is stuck in a kernel that does not end.
        """
        self.poke()
        while self._is_open and rings.waiting(self._board.outbox) == 0:
            self.refuse_if_stuck()
            left_ms = (until_ns - self.now_ns()) / _MS
            if left_ms <= 0 or self._is_interrupted:
                break
            write_word(self.shop.state, IS_SOMEBODY_WAITING, 1)
            if rings.waiting(self._board.outbox) == 0:
                self._wires.wait_for_end(min(left_ms, _LONGEST_WAIT_MS))
        self._is_interrupted = False

    def interrupt(self) -> None:
        """Lets ``advance`` return now, also when it is called next; from any thread."""
        self._is_interrupted = True
        self._wires.wake_client()

    def poke(self) -> None:
        """Wakes the dispatcher if it sleeps: for after ``submit`` where no ``advance`` follows."""
        if read_word(self.shop.state, IS_DISPATCHER_ASLEEP) == 1:
            self._wires.wake_dispatcher()

    def record(self, from_ns: int, until_ns: int) -> None:
        """Records runs of blocks that begin between these times of its clock.

        The device must have been opened for recording, which makes room for them.
        """
        write_word(self.shop.record, 0, from_ns)
        write_word(self.shop.record, 1, until_ns)

    def spans(self) -> list[Span]:
        """What was recorded so far, by start."""
        found = []
        for worker in range(self.num_workers):
            count = int(self.shop.num_spans[worker * LINE])
            for row in self.shop.spans[worker, :count].tolist():
                start, end, queue, task, kernel, first, blocks, _ = row
                found.append(Span(start, end, worker, 0, queue, task, kernel, first, blocks))
        return sorted(found)

    def close(self) -> None:
        """Ends the threads at the next block edge; one that is stuck in a block is left behind."""
        if not self._is_open:
            return
        self._is_open = False
        write_word(self.shop.state, IS_CLOSING, 1)
        write_word(self.shop.news, 0, -1)
        self._wires.wake_everybody()
        self.num_left_behind = self._crew.join()
        if self.num_left_behind == 0:
            self._wires.close()
        else:
            _left_behind.append((self._board, self.shop, self._wires, self._held))

    def stuck_kernel(self) -> str | None:
        """The name of the kernel that does not end, or None while the device is healthy."""
        counts = self._board.counts
        if counts.device_state[0] != STUCK:
            return None
        launch = int(counts.stuck_launch[0])
        return self._kernels[int(self._board.launches.kernel[launch])].name

    def refuse_if_stuck(self) -> None:
        """Raises the HostError that names the kernel where the device is stuck in one."""
        kernel = self.stuck_kernel()
        if kernel is not None:
            raise HostError(
                f"the cpu device is stuck: a block of kernel {kernel!r} does not end and cannot be "
                "stopped; close the device",
                is_retryable=False,
            )

    def _wait_until_entered(self) -> None:
        """Until no thread needs the interpreter lock any more: another may hold it for long."""
        while read_word(self.shop.state, NUM_ENTERED) <= self.num_workers:
            self._wires.wait_for_end(_LONGEST_WAIT_MS)

    def _dispatch(self) -> None:
        run_dispatcher(self._board, self.shop)

    def _work(self, number: int) -> None:
        run_worker(self._board, self.shop, number)


def _device(num_workers: int, level: int) -> Device:
    if not 0 <= level <= BLOCK_EDGE_LEVEL:
        raise InputError(
            f"level {level}; 1 to {BLOCK_EDGE_LEVEL} are possible, and 0 for the device's own"
        )
    return Device(
        level=level or BLOCK_EDGE_LEVEL,
        can_kill=0,
        multiprocessors=num_workers,
        blocks_per_multiprocessor=1,
        threads_per_multiprocessor=1,
        registers_per_multiprocessor=1,
        shared_bytes_per_multiprocessor=1,
    )


def _limits(policy: str, device: Device) -> Limits:
    limits = limits_of(policy, device)
    if device.level == PENDING_LEVEL:
        return limits
    return limits._replace(be_window=max(limits.be_window, _BE_WINDOW))


def _compile(board: Board, shop: Workshop) -> None:
    """Compiles the loops before a thread needs them: entered while closing, they return at once."""
    shop.state[IS_CLOSING] = 1
    run_dispatcher(board, shop)
    run_worker(board, shop, 0)
    shop.state[IS_CLOSING] = shop.state[NUM_ENTERED] = 0
