"""One request on its way through the batcher, and what can become of it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from heddle.errors import HeddleError
from heddle.serving.engines.engine import Tensors

#: Requests of one key may be joined: the same inputs, types and shapes beyond axis 0, and
#: the same outputs.
JobKey = tuple[tuple[str, ...], tuple[tuple[str, str, tuple[int, ...]], ...]]


class Refusal(Enum):
    """Why a request was certainly not executed."""

    FULL = "full"
    DRAINING = "draining"
    TOO_LATE = "too late"
    UNREADY = "unready"


class NotExecutedError(HeddleError):
    """The request was not executed, and never will be here; elsewhere it may."""

    is_retryable = True

    def __init__(self, refusal: Refusal, message: str) -> None:
        self.refusal = refusal
        super().__init__(message)


class Answer(NamedTuple):
    """The outputs of one request, and the batch that they came from.

    ``batch_ms`` is what the engine took for it, ``batch_size`` how many requests were in it.
    """

    outputs: Tensors
    batch_ms: float
    batch_size: int


@dataclass(eq=False, slots=True)
class Job:
    """A request that waits or runs.

    Attributes
    ----------
    inputs, outputs
        Tensors that fit the engine, and the names of the outputs that are asked for.
    num_rows
        Axis 0 of its inputs, at least 1.
    arrived_s
        On the batcher's clock.
    ended
        Its answer or its error.
    deadline_s
        If it has not begun by then, it never does; on the batcher's clock.
    """

    inputs: Tensors
    outputs: tuple[str, ...]
    num_rows: int
    arrived_s: float
    ended: asyncio.Future[Answer]
    deadline_s: float = math.inf

    def key(self) -> JobKey:
        """Return what it shares with the requests that it may be joined with."""
        shapes = ((name, one.dtype.str, one.shape[1:]) for name, one in self.inputs.items())
        return self.outputs, tuple(sorted(shapes))
