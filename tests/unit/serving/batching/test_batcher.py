"""From a request to its answer, with a worker that the test holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from heddle.clock import ManualClock, WallClock
from heddle.errors import HostError
from heddle.serving.batching.batcher import Batcher, BatchPlan
from heddle.serving.batching.job import Answer, NotExecutedError, Refusal
from heddle.serving.batching.worker import InlineWorker, ThreadWorker
from heddle.serving.engines.sleep import SleepEngine
from scripted_engine import DEFECT, POISON, HeldWorker, ScriptedEngine

_PLAN = BatchPlan(batch=4, max_queue=3, slo_ms=100.0, batch_ms=10.0)


class Bench:
    """A batcher with one worker that the test holds."""

    def __init__(self, plan: BatchPlan = _PLAN) -> None:
        self.clock = ManualClock()
        self.engine = ScriptedEngine()
        self.worker = HeldWorker(self.engine)
        self.noted: list[int] = []
        self.batcher = Batcher(
            plan, [self.worker], self.clock, lambda number, _: self.noted.append(number)
        )

    def submit(self, value: float, deadline_s: float = float("inf")) -> asyncio.Future[Answer]:
        x = np.full((1, 2), value, dtype=np.float32)
        return self.batcher.submit({"x": x}, ("y",), 1, deadline_s)


def on_a_bench(body: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        await body(Bench())

    asyncio.run(run())


def value(answer: asyncio.Future[Answer]) -> float:
    return float(answer.result().outputs["y"][0, 0])


def test_what_arrives_while_a_batch_runs_is_the_next_batch() -> None:
    async def body(bench: Bench) -> None:
        answers = [bench.submit(number) for number in range(4)]
        bench.worker.release()
        bench.worker.release()

        assert [value(answer) for answer in answers] == [1.0, 3.0, 5.0, 7.0]
        assert bench.engine.rows == [1, 3]
        assert [answer.result().batch_size for answer in answers] == [1, 3, 3, 3]
        assert bench.noted == [1, 3]

    on_a_bench(body)


@pytest.mark.parametrize("bad", [POISON, DEFECT])
def test_a_request_that_fails_its_batch_fails_alone(bad: float) -> None:
    async def body(bench: Bench) -> None:
        first, one, guilty, other = (bench.submit(number) for number in (0.0, 1.0, bad, 2.0))
        bench.worker.release()
        bench.worker.release()

        assert [value(answer) for answer in (first, one, other)] == [1.0, 3.0, 5.0]
        with pytest.raises(HostError, match="failed"):
            guilty.result()

    on_a_bench(body)


def test_more_than_may_wait_are_refused() -> None:
    async def body(bench: Bench) -> None:
        for number in range(4):
            bench.submit(number)
        with pytest.raises(NotExecutedError) as caught:
            bench.submit(9.0)

        assert caught.value.refusal is Refusal.FULL
        assert (bench.batcher.num_waiting, bench.batcher.num_running) == (3, 1)

    on_a_bench(body)


def test_a_deadline_that_passes_in_the_queue_ends_the_request_unexecuted() -> None:
    async def body(bench: Bench) -> None:
        bench.submit(0.0)
        late, other = bench.submit(1.0, deadline_s=5.0), bench.submit(2.0)
        bench.clock.advance(5.0)
        bench.worker.release()
        bench.worker.release()

        with pytest.raises(NotExecutedError) as caught:
            late.result()
        assert caught.value.refusal is Refusal.TOO_LATE
        assert value(other) == 5.0
        assert bench.engine.rows == [1, 1]

    on_a_bench(body)


def test_a_deadline_is_kept_while_the_worker_is_busy() -> None:
    async def body(bench: Bench) -> None:
        bench.submit(0.0)
        late = bench.submit(1.0, deadline_s=0.001)

        with pytest.raises(NotExecutedError):
            await asyncio.wait_for(late, 10.0)
        assert bench.batcher.num_waiting == 0

    on_a_bench(body)


def test_a_deadline_that_has_passed_is_refused_at_once() -> None:
    async def body(bench: Bench) -> None:
        bench.clock.advance(2.0)
        with pytest.raises(NotExecutedError):
            bench.submit(0.0, deadline_s=1.0)

    on_a_bench(body)


def test_a_request_that_is_given_up_leaves_the_queue() -> None:
    async def body(bench: Bench) -> None:
        bench.submit(0.0)
        given_up, other = bench.submit(1.0), bench.submit(2.0)
        given_up.cancel()
        await asyncio.sleep(0)
        bench.worker.release()
        bench.worker.release()

        assert bench.engine.rows == [1, 1]
        assert value(other) == 5.0

    on_a_bench(body)


def test_a_request_that_is_given_up_in_its_batch_leaves_the_others_their_answers() -> None:
    async def body(bench: Bench) -> None:
        bench.submit(0.0)
        one, given_up, other = (bench.submit(number) for number in (1.0, 2.0, 3.0))
        bench.worker.release()
        given_up.cancel()
        bench.worker.release()

        assert [value(one), value(other)] == [3.0, 7.0]
        assert bench.engine.rows == [1, 3]

    on_a_bench(body)


def test_a_drain_refuses_new_requests_and_answers_those_that_wait() -> None:
    async def body(bench: Bench) -> None:
        running, waiting = bench.submit(0.0), bench.submit(1.0)
        bench.batcher.drain()
        with pytest.raises(NotExecutedError) as caught:
            bench.submit(2.0)
        bench.worker.release()
        bench.worker.release()

        assert caught.value.refusal is Refusal.DRAINING
        assert [value(running), value(waiting)] == [1.0, 3.0]

    on_a_bench(body)


def test_an_engine_that_takes_no_time_answers_at_once() -> None:
    async def body() -> None:
        clock = WallClock()
        worker = InlineWorker(SleepEngine(0.0), clock)
        batcher = Batcher(_PLAN, [worker], clock, lambda *_: None)
        x = np.ones((1, 3), dtype=np.float32)
        answers = [batcher.submit({"INPUT": x * n}, ("OUTPUT",), 1) for n in range(100)]
        batcher.close()

        assert all(answer.done() for answer in answers)
        assert [answer.result().outputs["OUTPUT"][0, 0] for answer in answers] == list(range(100))

    asyncio.run(body())


def test_a_thread_computes_while_the_event_loop_goes_on() -> None:
    async def body() -> None:
        go = threading.Event()
        engine = ScriptedEngine(delay=lambda: go.wait(10.0))
        clock = WallClock()
        batcher = Batcher(_PLAN, [ThreadWorker(engine, clock)], clock, lambda *_: None)
        x = np.ones((1, 1), dtype=np.float32)
        answers = [batcher.submit({"x": x * n}, ("y",), 1) for n in range(4)]
        await asyncio.sleep(0)
        assert not any(answer.done() for answer in answers)
        go.set()
        async with asyncio.timeout(10.0):
            found = await asyncio.gather(*answers)
        batcher.close()
        batcher.close()

        assert [float(answer.outputs["y"][0, 0]) for answer in found] == [1.0, 3.0, 5.0, 7.0]
        assert engine.rows == [1, 3]

    asyncio.run(body())
