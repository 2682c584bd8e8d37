"""Every kind of device that runs kernels, opened the same way, for the conformance suite.

A new device adds one row to ``RIGS``; the laws are in ``tests/contract/test_backends.py``.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from cpu_kernels import Bodies
from heddle.runtime.compiled import HAS_COMPILER
from heddle.runtime.core import constants as c
from heddle.runtime.core.backend import Backend, BackendOptions
from heddle.runtime.core.board import Sizes
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.policies import POLICIES, needs_kill
from heddle.runtime.core.registration import add_kernel, add_program, add_queue, release, submit
from heddle.runtime.core.rings import take, waiting
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.device_kernel import DeviceKernel, Functions, word
from heddle.runtime.cuda.fake_driver import FakeDriver, FakeHardware
from heddle.runtime.cuda.fake_gpu import FakeKernel
from heddle.runtime.simulated.gpu import SimulatedGpu
from heddle.runtime.workers.backend import CpuBackend

SIZES = Sizes(
    kernels=256,
    program_kernels=512,
    programs=64,
    queues=8,
    tasks=12_000,
    queue_capacity=12_000,
    window=1024,
    launches=2048,
    preemptions=4096,
)
#: However slow the machine: a device that has not done its work by then has lost something.
LIMIT_NS = 60_000_000_000
_OVER = frozenset({c.FINISHED, c.FAILED, c.CANCELLED})


class Rig(Protocol):
    """How a kind of device is opened, and what it runs."""

    name: str

    def open(self, options: BackendOptions) -> Backend:
        """Opens it."""

    def kernel(self, blocks: int, *, contract: int = c.EXACT_RESUME, spins: int = 50) -> Kernel:
        """A kernel of that many blocks, some microseconds each; ``spins`` makes them longer."""


@dataclass
class SimulatedRig:
    """A simulated GPU; its blocks take time and compute nothing."""

    name: str

    def open(self, options: BackendOptions) -> Backend:
        return SimulatedGpu(self.name, options)

    def kernel(self, blocks: int, *, contract: int = c.EXACT_RESUME, spins: int = 50) -> Kernel:
        wave_ns = tuple(100 * spins + 500 * place for place in range(4))
        return Kernel(
            f"k{blocks}", blocks, 64, 16, contract=contract, occupancy=4, wave_ns=wave_ns,
            duration_ns=wave_ns[0] * (blocks // 200 + 1),
        )  # fmt: skip


@dataclass
class CpuRig:
    """The cpu device with one worker; its blocks count how often they ran."""

    name: str = "cpu"
    bodies: Bodies = field(default_factory=Bodies)

    def open(self, options: BackendOptions) -> Backend:
        if not HAS_COMPILER:
            pytest.skip("needs numba: pip install 'heddle-gpu[runtime]'")
        if len(os.sched_getaffinity(0)) < 2:
            pytest.skip("needs two cores: one for the dispatcher, one for a worker")
        return CpuBackend(options, num_workers=1)

    def kernel(self, blocks: int, *, contract: int = c.EXACT_RESUME, spins: int = 50) -> Kernel:
        return self.bodies.counted(blocks, spins, contract=contract)[0]


@dataclass
class FakeCudaRig:
    """The cuda device on the fake driver, whose GPU does a random piece of work at every query.

    ``arguments`` of a kernel is the number under which its blocks are counted.
    """

    name: str = "cuda"
    ran: Counter[tuple[int, int]] = field(default_factory=Counter)
    made: list[Kernel] = field(default_factory=list)
    drivers: list[FakeDriver] = field(default_factory=list)

    def open(self, options: BackendOptions) -> Backend:
        if not HAS_COMPILER:
            pytest.skip("needs numba: pip install 'heddle-gpu[runtime]'")
        self.drivers.append(FakeDriver([FakeKernel("work", self._count, 1)], FakeHardware(seed=3)))
        return CudaBackend.open(0, options, None, self.drivers[-1].table)

    def kernel(self, blocks: int, *, contract: int = c.EXACT_RESUME, spins: int = 50) -> Kernel:
        del contract, spins
        number = len(self.made)
        self.made.append(Kernel(f"k{number}", blocks, arguments=number))
        return self.made[-1]

    def _count(self, block: int, parameters: tuple[int, ...]) -> None:
        self.ran[parameters[0], block] += 1

    def add_program(self, backend: Backend, kernels: Sequence[Kernel]) -> int:
        assert isinstance(backend, CudaBackend)
        return backend.add_program_of([_on_device(backend, kernel) for kernel in kernels])

    def how_often(self) -> dict[tuple[int, int], Counter[int]]:
        """Of every run and kernel its blocks; the fake GPU does not tell tasks apart."""
        runs: dict[tuple[int, int], Counter[int]] = {}
        for kernel in self.made:
            counts = {self.ran[kernel.arguments, block] for block in range(kernel.blocks)}
            assert len(counts) <= 1, f"blocks of {kernel.name} ran {sorted(counts)} times"
            for run in range(max(counts, default=0)):
                runs[run, kernel.arguments] = Counter(range(kernel.blocks))
        return runs


def _on_device(backend: CudaBackend, kernel: Kernel) -> DeviceKernel:
    codes = (b"plain", b"heddle_control", b"heddle_control $heddle_next")
    driver = backend.driver
    functions = Functions(*(driver.function(driver.load(code), "work") for code in codes))
    grid = (kernel.blocks, 1, 1)
    return DeviceKernel(kernel.name, functions, grid, parameters=(word(kernel.arguments),))


RIGS: dict[str, Callable[[], Rig]] = {
    "sim:MI50": lambda: SimulatedRig("sim:MI50"),
    "sim:H200": lambda: SimulatedRig("sim:H200"),
    "cpu": CpuRig,
    "cuda": FakeCudaRig,
}


def policies_of(rig: str) -> list[str]:
    """The policies that a device can run."""
    return [name for name in POLICIES if rig == "sim:MI50" or not needs_kill(name)]


@dataclass
class Bench:
    """An open device with its clients: submits, waits, and looks at what came out."""

    backend: Backend
    rig: Rig | None = None
    ended: list[int] = field(default_factory=list)
    programs: dict[int, int] = field(default_factory=dict)  # blocks of a program

    def program(self, kernels: Sequence[Kernel]) -> int:
        if isinstance(self.rig, FakeCudaRig):
            row = self.rig.add_program(self.backend, kernels)
        else:
            rows = [add_kernel(self.backend.board, kernel) for kernel in kernels]
            row = add_program(self.backend.board, rows)
        self.programs[row] = sum(kernel.blocks for kernel in kernels)
        return row

    def queue(self, kind: int, **more: int) -> int:
        return add_queue(self.backend.board, QueueSpec(kind, **more))

    def submit(self, queue: int, program: int, in_ns: int = 0) -> int:
        return submit(self.backend.board, queue, program, self.backend.now_ns() + in_ns)

    def wait(self, tasks: Sequence[int]) -> None:
        """Until all of them are over."""
        limit_ns = self.backend.now_ns() + LIMIT_NS
        wanted = set(tasks)
        while wanted - set(self.ended):
            assert self.backend.now_ns() < limit_ns, f"{len(wanted)} tasks never ended"
            self.backend.advance(limit_ns)
            self.ended += self._taken()

    def states(self, tasks: Sequence[int]) -> list[int]:
        return [int(self.backend.board.tasks.state[task]) for task in tasks]

    def release(self, tasks: Sequence[int]) -> None:
        for task in tasks:
            release(self.backend.board, task)
        self.ended = [task for task in self.ended if task not in set(tasks)]

    def blocks_of(self, tasks: Sequence[int]) -> int:
        return sum(self.programs[int(self.backend.board.tasks.program[task])] for task in tasks)

    def how_often(self) -> dict[tuple[int, int], Counter[int]]:
        """Of every task and kernel, how often each block ran whole, from the recorded spans."""
        if isinstance(self.rig, FakeCudaRig):
            return self.rig.how_often()
        ran: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        for span in self.backend.spans():
            if not span.is_lost:
                blocks = range(span.first_block, span.first_block + span.blocks)
                ran[span.task, span.kernel].update(blocks)
        return ran

    def _taken(self) -> list[int]:
        outbox = self.backend.board.outbox
        return [int(take(outbox)) for _ in range(waiting(outbox))]
