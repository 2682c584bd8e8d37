"""What playing a workload showed: every request, every preemption, and the figures over them.

``runner`` makes it; ``result_file`` writes it, the CLI prints and draws it. Percentiles are nearest
ranks over all requests, so each is a latency that was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heddle.runtime.core.backend import Span

Nanoseconds = NDArray[np.int64]

#: The parts of a preemption, in the order in which they come.
PARTS = ("notice", "flag", "drain", "launch")
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Requests that were answered: times since the start of the run, and rows of the board."""

    due_ns: Nanoseconds
    begun_ns: Nanoseconds
    ended_ns: Nanoseconds
    task: Nanoseconds

    @property
    def latency_ns(self) -> Nanoseconds:
        """From when a request was due to its end."""
        return self.ended_ns - self.due_ns


@dataclass(frozen=True, slots=True, eq=False)
class Preemptions:
    """Preemptions whose times were kept, one element each; ``count`` counts all there were.

    ``marks_ns`` has the columns arrived, noticed, flagged, drained, started, since the start of the
    run. A request that came while real-time work was on the device arrived when that was over; it
    was due at ``due_ns``. ``task`` is the row of the real-time task.
    """

    count: int
    task: Nanoseconds
    due_ns: Nanoseconds
    marks_ns: Nanoseconds

    @property
    def total_ns(self) -> Nanoseconds:
        """From the arrival of the real-time task to its first block."""
        return self.marks_ns[:, 4] - self.marks_ns[:, 0]

    def parts_ns(self) -> dict[str, Nanoseconds]:
        """Each part of every preemption.

        Real-time blocks may begin before the last best-effort block has left: then launch counts
        from the flag, runs beside drain, and the parts are longer than the whole.
        """
        arrived, noticed, flagged, drained, started = self.marks_ns.T
        ready = np.where(drained <= started, np.maximum(drained, flagged), flagged)
        parts = (noticed - arrived, flagged - noticed, drained - flagged, started - ready)
        return {name: np.maximum(part, 0) for name, part in zip(PARTS, parts, strict=True)}


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks that ran, that were killed after they had begun, that had to run again."""

    run: int
    lost: int
    repeated: int


@dataclass(frozen=True, slots=True, eq=False)
class ClientResult:
    """One client: its requests, and its latency alone on the device (None: not measured)."""

    id: str
    network: str
    is_real_time: bool
    requests: Requests
    alone_ms: float | None
    num_unfinished: int
    num_failed: int = 0
    num_skipped: int = 0

    @property
    def num_completed(self) -> int:
        """Requests that were answered within the run."""
        return len(self.requests.ended_ns)

    def latency_ms(self) -> dict[str, float | None]:
        """Mean and percentiles, milliseconds; None without a request."""
        return figures(self.requests.latency_ns, ("mean", "p50", "p95", "p99"), 1e6)

    def over_alone(self) -> float | None:
        """The increase of the mean latency, as a part of that alone on the device."""
        return self._increase(self.alone_ms)

    def over_shared(self) -> float | None:
        """The same increase as a part of the shared latency: how DISB writes it."""
        return self._increase(self.latency_ms()["mean"])

    def _increase(self, base_ms: float | None) -> float | None:
        mean_ms = self.latency_ms()["mean"]
        if mean_ms is None or not self.alone_ms or not base_ms:
            return None
        return (mean_ms - self.alone_ms) / base_ms


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """A workload played on a device.

    ``label`` is what the device's times are worth: measured, simulated or extrapolated. ``remarks``
    are sentences that whoever reads the figures must know. ``spans`` were recorded on the device's
    clock, which stood at ``start_ns`` when the run began; ``queues`` names their clients.
    """

    device: str
    label: str
    policy: str
    workload: str
    seconds: float
    seed: int
    clients: tuple[ClientResult, ...]
    preemptions: Preemptions
    blocks: Blocks
    remarks: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    queues: Mapping[int, str] = field(default_factory=dict)
    start_ns: int = 0

    def rate_rps(self, client: ClientResult) -> float:
        """Requests of a client that were answered, a second."""
        return client.num_completed / self.seconds if self.seconds else 0.0


def figures(values: Nanoseconds, names: tuple[str, ...], unit_ns: float) -> dict[str, float | None]:
    """Return ``mean`` and percentiles such as ``p99`` in the unit; None without values."""
    if not len(values):
        return dict.fromkeys(names)
    found: dict[str, float | None] = {}
    for name in names:
        value = (
            values.mean()
            if name == "mean"
            else np.percentile(values, float(name[1:]), method="inverted_cdf")
        )
        found[name] = float(value) / unit_ns
    return found


def phases_of(client: ClientResult, preemptions: Preemptions) -> dict[str, dict[str, float | None]]:
    """The phases of a client's requests, means in milliseconds and how many were preempting.

    ``queued`` is the wait apart from a preemption that the request caused, ``preempt`` has the
    parts of those (means over the requests that caused one), ``run`` is from the first block to
    the end.
    """
    requests = client.requests
    mine = _keys(requests.task, requests.due_ns)
    theirs = _keys(preemptions.task, preemptions.due_ns)
    _, by_request, caused = np.intersect1d(mine, theirs, return_indices=True)
    queued_ns = requests.begun_ns - requests.due_ns
    queued_ns[by_request] -= preemptions.total_ns[caused]
    parts: dict[str, float | None] = {"count": len(caused)}
    for name, part_ns in preemptions.parts_ns().items():
        parts[f"{name}_us"] = figures(part_ns[caused], ("mean",), 1e3)["mean"]
    return {
        "queued_ms": figures(queued_ns, ("mean", "p50", "p99"), 1e6),
        "preempt": parts,
        "run_ms": figures(requests.ended_ns - requests.begun_ns, ("mean", "p50", "p99"), 1e6),
    }


def _keys(task: Nanoseconds, due_ns: Nanoseconds) -> Nanoseconds:
    """One number for a task's row and its due time: rows are used again, times are not."""
    return due_ns * (1 << 16) + task
