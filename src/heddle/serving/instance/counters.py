"""What an instance counts, and how Prometheus reads it.

``application`` counts; ``GET /metrics`` shows the text (the exposition format 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_STATUSES = "heddle_instance_requests_total"
_REQUESTS = "heddle_instance_request_seconds"
_BATCHES = "heddle_instance_batch_seconds"
_BATCHED = "heddle_instance_batched_requests_total"
#: More figures of a service: a meaning and a value by name.
Gauges = Mapping[str, tuple[str, float]]
_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Durations by size, seconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self._sum_s = 0.0

    def add(self, duration_s: float) -> None:
        """Count one."""
        self._counts[bisect_left(_BOUNDS_S, duration_s)] += 1
        self._sum_s += duration_s

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """Yield its lines of the exposition format."""
        total = 0
        for bound_s, count in zip((*map(str, _BOUNDS_S), "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound_s}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self._sum_s:.6f}"
        yield f"{name}_count{{{labels}}} {total}"


class Counters:
    """Counts of one instance since its start.

    Parameters
    ----------
    instance, service
        The labels of every line.
    """

    def __init__(self, instance: str, service: str) -> None:
        self._labels = f'instance="{_escaped(instance)}",service="{_escaped(service)}"'
        self._by_status: Counter[int] = Counter()
        self._requests = Histogram()
        self._batches = Histogram()
        self._num_batched = 0

    def note_request(self, status: int, duration_s: float) -> None:
        """An inference was replied to."""
        self._by_status[status] += 1
        if status == 200:
            self._requests.add(duration_s)

    def note_batch(self, num_requests: int, duration_s: float) -> None:
        """A batch has run."""
        self._num_batched += num_requests
        self._batches.add(duration_s)

    def status_lines(self) -> Iterator[str]:
        """Yield inferences by HTTP status."""
        for status, count in sorted(self._by_status.items()):
            yield f'{_STATUSES}{{{self._labels},code="{status}"}} {count}'

    def request_lines(self) -> Iterator[str]:
        """Yield how long requests took."""
        yield from self._requests.lines(_REQUESTS, self._labels)

    def batch_lines(self) -> Iterator[str]:
        """Yield how long batches took."""
        yield from self._batches.lines(_BATCHES, self._labels)

    def batched_lines(self) -> Iterator[str]:
        """Yield how many requests ran in batches."""
        yield f"{_BATCHED}{{{self._labels}}} {self._num_batched}"

    def gauge_line(self, name: str, value: float) -> str:
        """Return a figure of the moment."""
        return f"{name}{{{self._labels}}} {value:g}"


def exposition(served: Sequence[tuple[Counters, Gauges]]) -> str:
    """Return the counts and gauges of all services of an instance, at least one, by metric."""
    counters = [each for each, _ in served]
    lines = _heading(_STATUSES, "counter", "Inferences by HTTP status.")
    lines += [line for each in counters for line in each.status_lines()]
    lines += _heading(_REQUESTS, "histogram", "Inferences answered, from arrival to answer.")
    lines += [line for each in counters for line in each.request_lines()]
    lines += _heading(_BATCHES, "histogram", "Batches, time in the engine.")
    lines += [line for each in counters for line in each.batch_lines()]
    lines += _heading(_BATCHED, "counter", "Requests that ran in batches.")
    lines += [line for each in counters for line in each.batched_lines()]
    for name, (meaning, _) in served[0][1].items():
        lines += _heading(name, "gauge", meaning)
        lines += [each.gauge_line(name, gauges[name][1]) for each, gauges in served]
    return "\n".join(lines) + "\n"


def _heading(name: str, kind: str, meaning: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
