"""A closed loop: so many requests are under way at any time, until it is told to stop.

More are under way than fit into the running batches, so the next batch is always full.
``measurement`` runs it; ``serving.load`` has the connections and makes the requests.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence

from heddle.serving.load.connection import BROKEN, Address, Answer, ConnectionPool
from heddle.serving.load.requests import Request, in_turn
from heddle.serving.profiler.bench import CannotServeError
from heddle.serving.profiler.samples import Sample

_PATIENCE_S = 60.0
_POLL_S = 0.02
_SHOWN = 200


async def drive(
    address: Address,
    requests: Sequence[Request],
    num_in_flight: int,
    tell: Callable[[Sample], None],
    is_enough: Callable[[], bool],
) -> None:
    """Ask until it is enough; ``tell`` hears of every answer as it comes.

    Raises
    ------
    CannotServeError
        An answer was not a 200 with the headers of our instances, or none came.
    """
    pool = ConnectionPool(address, num_in_flight)
    loop = asyncio.get_running_loop()
    numbers = itertools.count()
    is_over = False

    async def ask() -> None:
        while not is_over:
            answer = await pool.ask(in_turn(requests, next(numbers)).wire, _PATIENCE_S)
            tell(_sample(answer, loop.time()))

    try:
        async with asyncio.TaskGroup() as together:
            for _ in range(num_in_flight):
                together.create_task(ask())
            while not is_enough():
                await asyncio.sleep(_POLL_S)
            is_over = True
    except* CannotServeError as group:
        raise _first(group) from None
    finally:
        pool.close()


def _sample(answer: Answer, now_s: float) -> Sample:
    said = answer.body[:_SHOWN].decode("utf-8", "replace")
    if answer.status == BROKEN:
        raise CannotServeError(f"the instance broke off in the middle: {said}")
    if answer.status != 200:
        raise CannotServeError(f"the instance answered with status {answer.status}: {said}")
    headers: Mapping[str, str] = dict(answer.headers)
    try:
        return Sample(now_s, float(headers["heddle-batch-ms"]), int(headers["heddle-batch-size"]))
    except (KeyError, ValueError) as error:
        raise CannotServeError(
            "the answers do not say how long their batch took (heddle-batch-ms); only the "
            "onnx and sleep engines can be profiled"
        ) from error


def _first(group: BaseExceptionGroup[CannotServeError]) -> CannotServeError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, CannotServeError) else CannotServeError(str(error))
