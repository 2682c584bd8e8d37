"""The law of batching: every answer is that of its own request, whatever happens around it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.clock import ManualClock
from heddle.errors import HeddleError
from heddle.serving.batching.batcher import Batcher, BatchPlan
from heddle.serving.batching.job import Answer, NotExecutedError, Refusal
from scripted_engine import DEFECT, POISON, HeldWorker, ScriptedEngine

_NUM_STEPS = 60
Step = tuple[str, int] | tuple[str, int, int, float, int | None]


def script(seed: int) -> list[Step]:
    """Return steps that fill batches, which lists of hypothesis's own seldom do."""
    generator = np.random.default_rng(seed)
    return [_step(generator) for _ in range(_NUM_STEPS)]


def _step(generator: np.random.Generator) -> Step:
    kind = generator.choice(["submit", "release", "cancel", "pass"], p=[0.7, 0.15, 0.1, 0.05])
    if kind != "submit":
        return str(kind), int(generator.integers(0, 40))
    # Requests of different widths are not joined.
    rows, width = generator.choice([1, 1, 1, 2, 5]), generator.choice([1, 1, 1, 2])
    mark = generator.choice([0.0] * 8 + [POISON, DEFECT])
    within_s = int(generator.integers(0, 3)) if generator.random() < 0.1 else None
    return "submit", int(rows), int(width), float(mark), within_s


@dataclass
class Course:
    """One run of a script."""

    batch: int
    max_queue: int
    num_workers: int
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    clock: ManualClock = field(default_factory=ManualClock)
    asked: list[tuple[np.ndarray, float, asyncio.Future[Answer]]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    are_refusals_right: bool = True

    def begin(self) -> None:
        self.workers = [HeldWorker(self.engine) for _ in range(self.num_workers)]
        plan = BatchPlan(self.batch, self.max_queue, slo_ms=100.0, batch_ms=10.0)
        self.batcher = Batcher(
            plan, self.workers, self.clock, lambda number, _: self.batches.append(number)
        )

    def submit(self, rows: int, width: int, mark: float, within: int | None) -> None:
        number = len(self.asked)
        x = (1000.0 * (number + 1) + np.arange(rows * width)).reshape(rows, width)
        x = x.astype(np.float32)
        if mark:
            x[-1, -1] = mark
        deadline_s = float("inf") if within is None else self.clock.now_s() + within
        is_room = self.batcher.num_waiting < self.max_queue
        try:
            answer = self.batcher.submit({"x": x}, ("y",), rows, deadline_s)
        except NotExecutedError as error:
            is_expected = error.refusal is Refusal.TOO_LATE if within == 0 else not is_room
            self.are_refusals_right &= is_expected
            return
        self.asked.append((x, mark, answer))

    async def take(self, step: Step) -> None:
        match step:
            case ("submit", int(rows), int(width), float(mark), within):
                self.submit(rows, width, mark, within)
            case ("release", int(index)):
                self.workers[index % self.num_workers].release()
            case ("cancel", int(index)) if index < len(self.asked):
                self.asked[index][2].cancel()
                await asyncio.sleep(0)
            case ("pass", int(seconds)):
                self.clock.advance(1.0 + seconds % 2)
            case _:
                return

    def end(self) -> None:
        while any(worker.held is not None for worker in self.workers):
            for worker in self.workers:
                worker.release()


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 12), st.integers(1, 2))
@settings(max_examples=150, deadline=None)
def test_every_answer_is_that_of_its_own_request(
    seed: int, batch: int, max_queue: int, num_workers: int
) -> None:
    async def run() -> Course:
        course = Course(batch, max_queue, num_workers)
        course.begin()
        for step in script(seed):
            await course.take(step)
        course.batcher.drain()
        course.end()
        return course

    course = asyncio.run(run())
    assert course.are_refusals_right
    for x, mark, answer in course.asked:
        assert answer.done(), "no request is forgotten"
        if answer.cancelled():
            continue
        error = answer.exception()
        if error is None:
            assert not mark
            assert np.array_equal(answer.result().outputs["y"], 2 * x + 1)
        else:
            assert isinstance(error, HeddleError)
            assert mark or isinstance(error, NotExecutedError), "only the guilty fail"
    assert (course.batcher.num_waiting, course.batcher.num_running) == (0, 0)
    assert all(rows <= max(batch, 5) for rows in course.engine.rows)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_no_batch_of_several_requests_is_larger_than_planned(rows: list[int], batch: int) -> None:
    async def run() -> Course:
        course = Course(batch, max_queue=100, num_workers=1)
        course.begin()
        for count in rows:
            course.submit(count, 1, 0.0, None)
        course.end()
        return course

    course = asyncio.run(run())
    assert sum(course.engine.rows) == sum(rows)
    for run_rows, requests in zip(course.engine.rows, course.batches, strict=True):
        assert requests == 1 or run_rows <= batch
