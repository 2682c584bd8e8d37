"""Requests that wait for a worker: a bounded number, in their order, by what can be joined.

Pure: no clock and no event loop. ``batcher`` asks it with the time and how long a request
may wait for company.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from heddle.serving.batching.job import Job, JobKey, NotExecutedError, Refusal


class Due(NamedTuple):
    """Nothing goes before this time, unless more arrives."""

    at_s: float


class _Group:
    """Requests that may be joined, the oldest first."""

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.num_rows = 0


class BoundedQueue:
    """Waiting requests.

    Parameters
    ----------
    max_jobs
        More than this are refused.
    batch
        Rows that a worker takes at a time, at least 1.
    """

    def __init__(self, max_jobs: int, batch: int) -> None:
        self._max_jobs = max_jobs
        self._batch = batch
        self._groups: dict[JobKey, _Group] = {}
        self._num_jobs = 0

    def __len__(self) -> int:
        return self._num_jobs

    def push(self, job: Job) -> None:
        """Let a request wait; NotExecutedError when there are too many."""
        if self._num_jobs >= self._max_jobs:
            message = f"the queue is full: {self._max_jobs} requests wait here; try again later"
            raise NotExecutedError(Refusal.FULL, message)
        group = self._groups.setdefault(job.key(), _Group())
        group.jobs.append(job)
        group.num_rows += job.num_rows
        self._num_jobs += 1

    def discard(self, job: Job) -> bool:
        """Take one request out; False when it does not wait (any more)."""
        group = self._groups.get(job.key())
        if group is None or job not in group.jobs:
            return False
        group.jobs.remove(job)
        self._left(job, group)
        return True

    def next_batch(self, now_s: float, patience_s: float) -> list[Job] | Due | None:
        """Return the batch that goes now, or when one will, or None when nothing waits.

        A batch goes when it is full or its oldest request has waited for ``patience_s``, or
        when the queue has no room for company. The one with the oldest request goes first.
        A request larger than a batch goes alone.
        """
        if self._num_jobs >= self._max_jobs:
            patience_s = 0.0
        first: tuple[float, _Group] | None = None
        due_s = float("inf")
        for group in self._groups.values():
            arrived_s = group.jobs[0].arrived_s
            if group.num_rows < self._batch and arrived_s + patience_s > now_s:
                due_s = min(due_s, arrived_s + patience_s)
            elif first is None or arrived_s < first[0]:
                first = arrived_s, group
        if first is not None:
            return self._taken(first[1])
        return Due(due_s) if self._groups else None

    def _taken(self, group: _Group) -> list[Job]:
        jobs: list[Job] = []
        num_rows = 0
        while group.jobs and (not jobs or num_rows + group.jobs[0].num_rows <= self._batch):
            job = group.jobs.popleft()
            self._left(job, group)
            jobs.append(job)
            num_rows += job.num_rows
        return jobs

    def _left(self, job: Job, group: _Group) -> None:
        group.num_rows -= job.num_rows
        self._num_jobs -= 1
        if not group.jobs:
            del self._groups[job.key()]
