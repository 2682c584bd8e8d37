"""A worker: one engine that runs one batch at a time.

An engine that takes its time has a thread; while it computes, the event loop goes on.
ONNX Runtime lets go of the interpreter then, so threads are as good as processes and need
no copies between them (``docs/decisions/0016-serving-libraries.md`` has the figures).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from heddle.clock import Clock
from heddle.serving.batching.batch import Ran, run_jobs
from heddle.serving.batching.job import Job
from heddle.serving.engines.engine import InferenceEngine

#: Is called on the event loop, or within ``run`` itself.
Done = Callable[[Ran], None]


class Worker(Protocol):
    """Runs batches, one at a time."""

    def run(self, jobs: Sequence[Job], done: Done) -> None:
        """Run a batch; ``done`` is told what became of it."""
        ...

    def close(self) -> None:
        """Let it end once it has nothing to do."""
        ...


class InlineWorker:
    """Runs an engine that takes no time, on the event loop."""

    def __init__(self, engine: InferenceEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def run(self, jobs: Sequence[Job], done: Done) -> None:
        """Run a batch and tell at once."""
        done(run_jobs(self._engine, jobs, self._clock))

    def close(self) -> None:
        """Nothing is to be ended."""


class ThreadWorker:
    """Runs an engine in a thread of its own.

    The thread is a daemon: a process that is to end does not wait for a network that
    is being loaded or computed.
    """

    def __init__(self, engine: InferenceEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._todo: queue.SimpleQueue[tuple[Sequence[Job], Done] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    def run(self, jobs: Sequence[Job], done: Done) -> None:
        """Run a batch in the thread; ``done`` is called on the event loop."""
        self._todo.put((jobs, done))

    def close(self) -> None:
        """Let the thread end once it has nothing to do."""
        self._todo.put(None)

    def _work(self) -> None:
        while (todo := self._todo.get()) is not None:
            jobs, done = todo
            ran = run_jobs(self._engine, jobs, self._clock)
            try:
                self._loop.call_soon_threadsafe(done, ran)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more


def worker_of(engine: InferenceEngine, clock: Clock) -> Worker:
    """Return the worker that suits an engine; call it on the event loop."""
    return InlineWorker(engine, clock) if engine.is_instant else ThreadWorker(engine, clock)
