"""Which requests go together, and when."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from heddle.serving.batching.bounded_queue import BoundedQueue, Due
from heddle.serving.batching.job import Job, NotExecutedError, Refusal

LOOP = asyncio.new_event_loop()
LOOP.close()


def job(arrived_s: float, num_rows: int = 1, width: int = 2, outputs: str = "y") -> Job:
    x = np.zeros((num_rows, width), dtype=np.float32)
    return Job({"x": x}, (outputs,), num_rows, arrived_s, asyncio.Future(loop=LOOP))


def queue_of(*jobs: Job, max_jobs: int = 100, batch: int = 4) -> BoundedQueue:
    made = BoundedQueue(max_jobs, batch)
    for one in jobs:
        made.push(one)
    return made


def test_a_full_batch_goes_at_once() -> None:
    jobs = [job(0.0) for _ in range(5)]
    queue = queue_of(*jobs)

    assert queue.next_batch(0.0, patience_s=9.0) == jobs[:4]
    assert len(queue) == 1


def test_less_than_a_batch_goes_when_the_oldest_has_waited() -> None:
    jobs = [job(1.0), job(1.5)]
    queue = queue_of(*jobs)

    assert queue.next_batch(1.9, patience_s=1.0) == Due(2.0)
    assert queue.next_batch(2.0, patience_s=1.0) == jobs


def test_a_request_that_does_not_fit_any_more_waits_for_the_next_batch() -> None:
    first, second = job(0.0, num_rows=3), job(0.0, num_rows=2)
    queue = queue_of(first, second)

    assert queue.next_batch(0.0, patience_s=9.0) == [first]
    assert queue.next_batch(0.0, patience_s=9.0) == Due(9.0)


def test_a_request_larger_than_a_batch_goes_alone() -> None:
    large, small = job(0.0, num_rows=9), job(0.0)
    queue = queue_of(large, small)

    assert queue.next_batch(0.0, patience_s=9.0) == [large]
    assert queue.next_batch(0.0, patience_s=0.0) == [small]


@pytest.mark.parametrize("other", [job(0.5, width=3), job(0.5, outputs="z")])
def test_requests_of_other_shapes_or_outputs_are_not_joined(other: Job) -> None:
    first, last = job(0.0), job(1.0)
    queue = queue_of(first, other, last)

    assert queue.next_batch(9.0, patience_s=0.0) == [first, last]
    assert queue.next_batch(9.0, patience_s=0.0) == [other]


def test_a_full_batch_does_not_wait_for_an_older_one_that_is_not() -> None:
    old, young = job(0.0, width=3), [job(1.0) for _ in range(4)]
    queue = queue_of(old, *young)

    assert queue.next_batch(1.0, patience_s=5.0) == young
    assert queue.next_batch(1.0, patience_s=5.0) == Due(5.0)


def test_of_batches_that_may_go_the_one_with_the_oldest_request_does() -> None:
    old, young = [job(0.0, width=3) for _ in range(4)], [job(1.0) for _ in range(4)]
    queue = queue_of(*young, *old)

    assert queue.next_batch(2.0, patience_s=9.0) == old


def test_more_than_there_is_room_for_is_refused_as_not_executed() -> None:
    queue = queue_of(job(0.0), job(0.0), max_jobs=2)

    with pytest.raises(NotExecutedError, match="2 requests wait here") as caught:
        queue.push(job(0.0))
    assert caught.value.refusal is Refusal.FULL
    assert len(queue) == 2


def test_a_full_queue_waits_for_no_company() -> None:
    jobs = [job(0.0), job(0.0)]

    assert queue_of(*jobs, max_jobs=2).next_batch(0.0, patience_s=9.0) == jobs


def test_what_is_taken_out_is_gone_and_makes_room() -> None:
    first, second = job(0.0), job(0.0)
    queue = queue_of(first, second, max_jobs=2)

    assert queue.discard(first)
    assert not queue.discard(first)
    assert queue.next_batch(0.0, patience_s=0.0) == [second]
    assert queue.next_batch(0.0, patience_s=0.0) is None
    assert not queue.discard(second)
