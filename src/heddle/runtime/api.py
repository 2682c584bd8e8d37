"""The runtime as a library: three lines submit real-time and best-effort work to one device.

``with Runtime("cpu") as runtime: runtime.submit("resnet-small", priority="rt").wait()``. Work is a
network's name, a bound network, or kernels. Answers are completed by a thread of their own, which
is not on the way of real-time work; that way is ``core`` and the device.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np

from heddle.errors import HostError, InputError
from heddle.runtime.core.backend import Backend, BackendOptions
from heddle.runtime.core.constants import BE, CANCELLED, FAILED, FINISHED, RT
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.registration import QueueFullError, add_queue, cancel, release, submit
from heddle.runtime.core.rings import take, waiting
from heddle.runtime.library.bound_kernel import BoundKernel
from heddle.runtime.library.networks import build
from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.replay.backends import open_backend
from heddle.runtime.workers.backend import CpuBackend

#: What can be submitted.
Work = str | BoundNetwork | BoundKernel | Kernel | Sequence[Kernel]

_KINDS: Final = {"rt": RT, "be": BE}
_COPIES = 8  # of a network that are made for tasks that wait at the same time
_LOOK_NS = 200_000_000
_NS: Final = 1e9


@dataclass
class _Program:
    """A program of the board, and the network whose arrays it uses."""

    row: int
    work: Work  # kept alive
    network: BoundNetwork | None = None
    is_busy: bool = False


@dataclass
class Answer:
    """What becomes of one task.

    Parameters
    ----------
    name
        Of the work, for people.
    """

    name: str
    program: _Program = field(repr=False)
    _cancel: Callable[[], None] = field(repr=False)
    _over: threading.Event = field(default_factory=threading.Event, repr=False)
    _error: HostError | None = field(default=None, repr=False)
    _output: Any = field(default=None, repr=False)
    latency_ms: float = 0.0
    evictions: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it finished, failed or was cancelled."""
        return self._over.is_set()

    def wait(self, limit_s: float | None = None) -> Answer:
        """Waits until it is over and returns it.

        Raises
        ------
        HostError
            A kernel failed, the task was cancelled, the device is stuck or closed, or ``limit_s``
            seconds went by first (then trying again helps).
        """
        if not self._over.wait(limit_s):
            raise HostError(f"{self.name} was not done in {limit_s:g} s", is_retryable=True)
        if self._error is not None:
            raise self._error
        return self

    @property
    def output(self) -> np.ndarray:
        """A copy of the network's output; InputError for kernels, whose arrays are the caller's."""
        self.wait()
        if self._output is None:
            raise InputError(f"{self.name} is made of kernels; read the arrays they were bound to")
        output: np.ndarray = self._output
        return output

    def cancel(self) -> None:
        """Nobody wants it any more: it leaves at the next block edge."""
        self._cancel()

    def end(self, error: HostError | None = None, output: Any = None) -> None:
        """The runtime says what became of it; waiters go on."""
        self._error, self._output = error, output
        self._over.set()


class Runtime:
    """One device with a real-time and a best-effort queue.

    Parameters
    ----------
    device
        ``cpu``.
    options
        Policy and level; block edges with padding unless told.

    Raises
    ------
    InputError
        No device or policy is called so.
    HostError
        The device cannot be opened here.
    """

    def __init__(self, device: str = "cpu", options: BackendOptions | None = None) -> None:
        opened = open_backend(device, options or BackendOptions())
        if not isinstance(opened, CpuBackend):
            opened.close()
            raise InputError(f"device {device!r} has no library API; cpu has")
        self._device = opened
        self._queues = {
            name: add_queue(opened.board, QueueSpec(kind)) for name, kind in _KINDS.items()
        }
        self._programs: dict[tuple[object, str], list[_Program]] = {}
        self._answers: dict[int, Answer] = {}
        self._lock = threading.Lock()
        self._is_open, self._is_closed = True, False
        self._waiter = threading.Thread(target=self._complete, name="heddle-answers", daemon=True)
        self._waiter.start()

    @property
    def backend(self) -> Backend:
        """The device, for its board and its spans."""
        return self._device

    def submit(self, work: Work, priority: str = "be", given: Any = None) -> Answer:
        """Puts one task behind those of its priority.

        Parameters
        ----------
        work
            A network's name (copies with buffers of their own are made as needed), a bound network
            (which holds one task at a time), a bound kernel, or kernels, whose arguments the caller
            keeps alive until it is over.
        priority
            ``rt`` or ``be``.
        given
            The network's input, copied; what it holds already where left out.

        Raises
        ------
        InputError
            The priority or the network is unknown, or the input does not fit.
        QueueFullError
            As much waits as can; trying again helps when something is over.
        """
        if priority not in _KINDS:
            raise InputError(f"priority {priority!r}; rt and be are possible")
        with self._lock:
            self._refuse_if_closed()
            program = self._program(work, priority)
            _fill(program, given)
            board, queue = self._device.board, self._queues[priority]
            task = submit(board, queue, program.row, self._device.now_ns())
            program.is_busy = True
            answer = Answer(_name(work), program, lambda: self.cancel(task))
            self._answers[task] = answer
        self._device.poke()
        return answer

    def cancel(self, task: int) -> None:
        """Makes a task leave; ``Answer.cancel`` calls it."""
        with self._lock:
            if task in self._answers:
                cancel(self._device.board, task)
        self._device.poke()

    def close(self) -> None:
        """Ends the device; what is not over fails. Again is harmless."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._lock:
            self._is_open = False
        self._device.interrupt()
        self._waiter.join()
        self._device.close()
        self._fail_all(HostError("the runtime was closed", is_retryable=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse_if_closed(self) -> None:
        self._device.refuse_if_stuck()
        if not self._is_open:
            raise HostError("the runtime was closed; open another", is_retryable=False)

    def _program(self, work: Work, priority: str) -> _Program:
        """A program for this work whose arrays nobody uses."""
        key = (work if isinstance(work, str) else _identity(work), priority)
        programs = self._programs.setdefault(key, [])
        for program in programs:
            if not program.is_busy or program.network is None:
                return program
        most = _COPIES if isinstance(work, str) else 1
        if len(programs) >= most:
            raise QueueFullError(f"{len(programs)} tasks of {_name(work)} wait; {most} may")
        programs.append(self._added(work))
        return programs[-1]

    def _added(self, work: Work) -> _Program:
        if isinstance(work, str):
            work = build(work)
        if isinstance(work, BoundNetwork):
            return _Program(self._device.add_bound_network(work), work, work)
        return _Program(self._device.add_kernels(_kernels(work)), work)

    def _complete(self) -> None:
        """Completes answers until the device is closed."""
        outbox = self._device.board.outbox
        while self._is_open:
            try:
                self._device.advance(self._device.now_ns() + _LOOK_NS)
            except HostError as error:
                self._fail_all(error)
                self._is_open = False
            while waiting(outbox) > 0:
                with self._lock:
                    self._answer(take(outbox))

    def _answer(self, task: int) -> None:
        tasks = self._device.board.tasks
        answer = self._answers.pop(task)
        network = answer.program.network
        answer.latency_ms = float(tasks.ended_ns[task] - tasks.due_ns[task]) / _NS * 1e3
        answer.evictions = int(tasks.evictions[task])
        state = int(tasks.state[task])
        error = None if state == FINISHED else _ERRORS[state](answer.name)
        output = network.output.copy() if network is not None and error is None else None
        answer.program.is_busy = False
        release(self._device.board, task)
        answer.end(error, output)

    def _fail_all(self, error: HostError) -> None:
        with self._lock:
            answers = list(self._answers.values())
            self._answers.clear()
        for answer in answers:
            answer.end(error)


_ERRORS: Final[dict[int, Callable[[str], HostError]]] = {
    FAILED: lambda name: HostError(f"a kernel of {name} failed", is_retryable=False),
    CANCELLED: lambda name: HostError(f"{name} was cancelled", is_retryable=False),
}


def _fill(program: _Program, given: Any) -> None:
    if given is None:
        return
    if program.network is None:
        raise InputError("kernels take no input; write to the arrays they were bound to")
    try:
        program.network.input[...] = given
    except (ValueError, TypeError) as error:
        raise InputError(
            f"an input of shape {np.shape(given)}; {program.network.name} takes "
            f"{program.network.input.shape}"
        ) from error


def _identity(work: BoundNetwork | BoundKernel | Kernel | Sequence[Kernel]) -> object:
    """What tells work apart: itself for a network, its kernels otherwise."""
    return id(work) if isinstance(work, BoundNetwork) else _kernels(work)


def _kernels(work: BoundKernel | Kernel | Sequence[Kernel]) -> tuple[Kernel, ...]:
    if isinstance(work, BoundKernel):
        return (work.kernel,)
    return (work,) if isinstance(work, Kernel) else tuple(work)


def _name(work: Work) -> str:
    if isinstance(work, str):
        return work
    if isinstance(work, BoundNetwork):
        return work.name
    return ", ".join(kernel.name for kernel in _kernels(work))
