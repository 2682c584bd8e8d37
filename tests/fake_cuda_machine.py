"""A cuda device on the fake driver, small enough that a test sees every block of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.board import Sizes
from heddle.runtime.core.constants import BE, CANCELLED, FAILED, FINISHED, RT
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.core.registration import add_queue, submit
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.device_kernel import DeviceKernel, Functions, word
from heddle.runtime.cuda.fake_driver import FakeDriver, FakeHardware
from heddle.runtime.cuda.fake_gpu import FakeKernel, KernelFaultError
from heddle.runtime.cuda.options import CudaOptions

SIZES = Sizes(
    kernels=64,
    program_kernels=64,
    programs=16,
    queues=4,
    tasks=64,
    queue_capacity=32,
    window=16,
    launches=32,
    preemptions=64,
)
PLAIN_CODE = b"plain"
CHECKED_CODE = b"heddle_control"
PERSISTENT_CODE = b"heddle_control $heddle_next"
OVER = (FINISHED, FAILED, CANCELLED)


class FakeMachine:
    """The device, the driver under it, and how often each block of each kernel ran."""

    def __init__(
        self,
        policy: str = "block-edge-padding",
        hardware: FakeHardware | None = None,
        choices: CudaOptions | None = None,
        level: int = 0,
    ) -> None:
        self.ran: Counter[tuple[int, int]] = Counter()
        self.driver = FakeDriver(
            [
                FakeKernel("work", self._count, 1),
                FakeKernel("fault", _fault, 1),
                FakeKernel("endless", self._count, 1, is_endless=True),
            ],
            hardware,
        )
        options = BackendOptions(policy=policy, level=level, sizes=SIZES)
        self.device = CudaBackend.open(0, options, choices, self.driver.table)
        self.board = self.device.board
        self.rt = add_queue(self.board, QueueSpec(RT))
        self.be = add_queue(self.board, QueueSpec(BE))

    def kernel(self, number: int, blocks: int, entry: str = "work", **more: int) -> DeviceKernel:
        """A kernel whose blocks are counted under its number."""
        limit_ns = more.get("limit_ns", 0)
        return DeviceKernel(
            name=f"{entry}-{number}",
            functions=self.functions(entry, is_rewritten=bool(more.get("is_rewritten", 1))),
            grid=(blocks, 1, 1),
            threads=(128, 1, 1),
            parameters=(word(number),),
            limit_ns=limit_ns,
            is_short=bool(more.get("is_short", 0)),
        )

    def functions(self, entry: str, *, is_rewritten: bool = True) -> Functions:
        """The forms of a kernel of the fake driver."""
        plain = self._function(PLAIN_CODE, entry)
        if not is_rewritten:
            return Functions(plain=plain)
        return Functions(
            plain, self._function(CHECKED_CODE, entry), self._function(PERSISTENT_CODE, entry)
        )

    def submit(self, queue: int, *kernels: DeviceKernel) -> int:
        """A task that has arrived; its row."""
        program = self.device.add_program_of(kernels)
        return submit(self.board, queue, program, self.device.now_ns())

    def run(self, *tasks: int, most_rounds: int = 5000) -> None:
        """Takes rounds until the tasks are over."""
        for _ in range(most_rounds):
            if all(self.board.tasks.state[task] in OVER for task in tasks):
                return
            self.device.round()
        raise AssertionError(f"not over after {most_rounds} rounds: {self.states(*tasks)}")

    def states(self, *tasks: int) -> list[int]:
        """The states of tasks."""
        return [int(self.board.tasks.state[task]) for task in tasks]

    def _function(self, code: bytes, entry: str) -> int:
        return self.device.driver.function(self.device.driver.load(code), entry)

    def _count(self, block: int, parameters: tuple[int, ...]) -> None:
        self.ran[parameters[0], block] += 1


def _fault(_block: int, _parameters: tuple[int, ...]) -> None:
    raise KernelFaultError


@contextmanager
def fake_machine(
    policy: str = "block-edge-padding",
    *,
    seed: int = 0,
    faults: Mapping[str, Mapping[int, int]] | None = None,
    choices: CudaOptions | None = None,
    level: int = 0,
) -> Iterator[FakeMachine]:
    """A machine that is closed at the end, and must have given everything back by then."""
    machine = FakeMachine(policy, FakeHardware(seed=seed, faults=faults or {}), choices, level)
    try:
        yield machine
    finally:
        machine.device.close()
    assert machine.driver.num_allocations() == 0
