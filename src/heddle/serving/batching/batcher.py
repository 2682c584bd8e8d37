"""From a request to its answer: wait for a worker, run in a batch, come back.

``instance.application`` calls :meth:`Batcher.submit`. The rules are elsewhere: who waits
in ``bounded_queue``, how long in ``patience``, how a batch runs in ``batch``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from heddle.clock import Clock
from heddle.serving.batching.batch import Ran
from heddle.serving.batching.bounded_queue import BoundedQueue, Due
from heddle.serving.batching.job import Answer, Job, NotExecutedError, Refusal
from heddle.serving.batching.patience import Patience
from heddle.serving.batching.worker import Worker
from heddle.serving.engines.engine import Tensors

#: What an event loop cannot time is not waited for.
_GRAIN_S = 0.001


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The operating point of an instance.

    Attributes
    ----------
    batch
        Rows that a worker takes at a time, at least 1.
    max_queue
        Requests that may wait; more are refused.
    slo_ms
        What a request may take.
    batch_ms
        What a batch is planned to take.
    """

    batch: int
    max_queue: int
    slo_ms: float
    batch_ms: float


class Batcher:
    """Requests of one instance; lives on one event loop.

    Parameters
    ----------
    plan
        How large batches are, and how many requests may wait.
    workers
        Each runs one batch at a time.
    clock
        Deadlines and waits are on it.
    note
        Is told of each batch how many requests it had and what it took, seconds.
    """

    def __init__(
        self,
        plan: BatchPlan,
        workers: Sequence[Worker],
        clock: Clock,
        note: Callable[[int, float], None],
    ) -> None:
        self._queue = BoundedQueue(plan.max_queue, plan.batch)
        self._patience = Patience(plan.slo_ms, plan.batch_ms)
        self._workers = tuple(workers)
        self._idle = list(workers)
        self._clock = clock
        self._note = note
        self._num_running = 0
        self._is_dispatching = False
        self._is_draining = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def num_waiting(self) -> int:
        """How many requests wait for a worker."""
        return len(self._queue)

    @property
    def num_running(self) -> int:
        """How many requests are in an engine."""
        return self._num_running

    def drain(self) -> None:
        """Refuse requests from now on; those that wait go at once, and all are answered."""
        self._is_draining = True
        self._dispatch()

    def close(self) -> None:
        """Let the workers end; may be called again."""
        for worker in self._workers:
            worker.close()
        self._workers = ()

    def submit(
        self,
        inputs: Tensors,
        outputs: tuple[str, ...],
        num_rows: int,
        deadline_s: float = math.inf,
    ) -> asyncio.Future[Answer]:
        """Return the answer to come to one request; to cancel it gives its place away.

        It ends with an InputError or a HostError as the engine has them, or with a
        NotExecutedError when the deadline passes.

        Parameters
        ----------
        inputs, outputs
            Tensors that fit the engine, and the outputs asked for.
        num_rows
            Axis 0 of the inputs.
        deadline_s
            On the batcher's clock: if it has not begun by then, it is not executed.

        Raises
        ------
        NotExecutedError
            The queue is full, the instance drains, or the deadline has passed.
        """
        if self._is_draining:
            raise NotExecutedError(Refusal.DRAINING, "this instance is about to stop")
        now_s = self._clock.now_s()
        if now_s >= deadline_s:
            raise _too_late()
        job = Job(inputs, outputs, num_rows, now_s, self._loop.create_future(), deadline_s)
        self._queue.push(job)
        self._patience.note_arrival(now_s)
        self._dispatch()
        if not job.ended.done():
            self._watch(job)
        return job.ended

    def _watch(self, job: Job) -> None:
        """See to it that a request leaves the queue when it is late or given up."""
        timer = None
        if job.deadline_s < math.inf:
            within_s = max(0.0, job.deadline_s - self._clock.now_s())
            timer = self._loop.call_later(within_s, self._expire, job)

        def leave(ended: asyncio.Future[Answer]) -> None:
            if timer is not None:
                timer.cancel()
            if ended.cancelled():
                self._queue.discard(job)

        job.ended.add_done_callback(leave)

    def _expire(self, job: Job) -> None:
        if self._queue.discard(job) and not job.ended.done():
            job.ended.set_exception(_too_late())

    def _dispatch(self) -> None:
        """Give batches to idle workers as long as there are both."""
        if self._is_dispatching:
            return
        self._is_dispatching = True
        try:
            self._dispatch_all()
        finally:
            self._is_dispatching = False

    def _dispatch_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            now_s = self._clock.now_s()
            patience_s = 0.0 if self._is_draining else self._patience.wait_s()
            # 1. What goes now, or when?
            found = self._queue.next_batch(now_s + _GRAIN_S, patience_s)
            if found is None:
                return
            if isinstance(found, Due):
                self._timer = self._loop.call_later(found.at_s - now_s, self._dispatch)
                return
            # 2. Who is too late is told; the others go to a worker, which is idle again at
            #    once when it has no thread.
            jobs = [job for job in found if not self._is_late(job, now_s)]
            if jobs:
                worker = self._idle.pop()
                self._num_running += len(jobs)
                worker.run(jobs, partial(self._finish, worker, jobs))

    def _is_late(self, job: Job, now_s: float) -> bool:
        """Whether its deadline has passed; then it is ended."""
        if now_s < job.deadline_s:
            return False
        if not job.ended.done():
            job.ended.set_exception(_too_late())
        return True

    def _finish(self, worker: Worker, jobs: Sequence[Job], ran: Ran) -> None:
        self._num_running -= len(jobs)
        self._idle.append(worker)
        self._patience.note_run(ran.duration_s)
        self._note(len(jobs), ran.duration_s)
        for job, end in zip(jobs, ran.ends, strict=True):
            if job.ended.done():
                continue  # the client is gone
            if isinstance(end, Answer):
                job.ended.set_result(end)
            else:
                job.ended.set_exception(end)
        self._dispatch()


def _too_late() -> NotExecutedError:
    message = "the deadline passed before the request could be executed"
    return NotExecutedError(Refusal.TOO_LATE, message)
