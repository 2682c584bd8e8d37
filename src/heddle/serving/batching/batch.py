"""Runs some requests as one batch, and gives each what is its own.

``worker`` calls :func:`run_jobs` in the thread of an engine. A request that makes the
batch fail must not take the others with it: then each runs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heddle.clock import Clock
from heddle.errors import HeddleError, HostError
from heddle.serving.batching.job import Answer, Job
from heddle.serving.engines.engine import InferenceEngine, Tensors


class Ran(NamedTuple):
    """What became of a batch: an answer or an error for each request, in their order.

    ``duration_s`` is the time in the engine.
    """

    ends: list[Answer | HeddleError]
    duration_s: float


def run_jobs(engine: InferenceEngine, jobs: Sequence[Job], clock: Clock) -> Ran:
    """Run requests that share a key on an engine; blocks, and raises nothing of the engine's."""
    begin_s = clock.now_s()
    try:
        outputs = _run(engine, jobs)
        duration_s = clock.now_s() - begin_s
        shares = _shares(outputs, [job.num_rows for job in jobs])
    except HeddleError as error:
        if len(jobs) == 1:
            return Ran([error], clock.now_s() - begin_s)
        alone = [run_jobs(engine, [job], clock) for job in jobs]
        return Ran([ran.ends[0] for ran in alone], clock.now_s() - begin_s)
    batch_ms = duration_s * 1e3
    return Ran([Answer(share, batch_ms, len(jobs)) for share in shares], duration_s)


def _run(engine: InferenceEngine, jobs: Sequence[Job]) -> Tensors:
    """Return the outputs of all rows; whatever goes wrong becomes a HeddleError."""
    try:
        return engine.run(_joined([job.inputs for job in jobs]), jobs[0].outputs)
    except HeddleError:
        raise
    except MemoryError as error:
        raise HostError("no memory for a batch of these inputs", is_retryable=True) from error
    except Exception as error:  # a defect must leave neither the worker nor its requests hanging
        raise HostError(f"the engine failed: {type(error).__name__}: {error}") from error


def _joined(inputs: Sequence[Tensors]) -> Tensors:
    if len(inputs) == 1:
        return inputs[0]
    return {name: np.concatenate([one[name] for one in inputs]) for name in inputs[0]}


def _shares(outputs: Tensors, num_rows: Sequence[int]) -> list[Tensors]:
    """Return each request's rows of the outputs; HostError when there are others."""
    if len(num_rows) == 1:
        return [outputs]
    total = sum(num_rows)
    for name, tensor in outputs.items():
        if tensor.shape[:1] != (total,):
            raise HostError(
                f"output {name!r} of {total} rows has the shape {list(tensor.shape)}: it cannot "
                "be divided among requests"
            )
    ends = np.cumsum(num_rows)
    pieces: dict[str, list[NDArray[Any]]] = {
        name: np.split(tensor, ends[:-1]) for name, tensor in outputs.items()
    }
    return [
        {name: piece[index] for name, piece in pieces.items()} for index in range(len(num_rows))
    ]
