"""Engines and workers that do what a test tells them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from heddle.clock import ManualClock
from heddle.errors import HostError
from heddle.serving.batching.batch import run_jobs
from heddle.serving.batching.job import Job
from heddle.serving.batching.worker import Done
from heddle.serving.engines.engine import OPEN, InferenceEngine, Signature, Tensors, TensorSpec

#: A value that fails every batch that it is in; and one for which the engine has a defect.
POISON = -1.0
DEFECT = -2.0


class ScriptedEngine:
    """``y = 2 x + 1``; keeps the number of rows of every run."""

    def __init__(self, delay: Callable[[], object] = lambda: None) -> None:
        self.rows: list[int] = []
        self._delay = delay

    @property
    def signature(self) -> Signature:
        spec = TensorSpec("x", "FP32", (OPEN, OPEN))
        return Signature("scripted", (spec,), (spec._replace(name="y"),), is_batched=True)

    @property
    def is_instant(self) -> bool:
        return False

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        x = inputs["x"]
        self.rows.append(x.shape[0])
        self._delay()
        if (x == POISON).any():
            raise HostError("the network failed on these inputs")
        if (x == DEFECT).any():
            raise ZeroDivisionError("a defect")
        return dict.fromkeys(outputs, 2 * x + np.float32(1))


class HeldWorker:
    """Runs a batch when the test says so."""

    def __init__(self, engine: InferenceEngine) -> None:
        self._engine = engine
        self.held: tuple[Sequence[Job], Done] | None = None

    def run(self, jobs: Sequence[Job], done: Done) -> None:
        assert self.held is None, "a worker runs one batch at a time"
        self.held = jobs, done

    def release(self) -> None:
        """Run what it holds, if anything."""
        if self.held is not None:
            (jobs, done), self.held = self.held, None
            done(run_jobs(self._engine, jobs, ManualClock()))

    def close(self) -> None:
        return
