"""Which part of a run is worth a picture: one real-time request, from just before it comes.

Chosen before the run, since only that part is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from heddle.workload.disb.arrivals import due_times, phase_shifts
from heddle.workload.disb.workload import DisbWorkload

_NS_PER_MS = 1_000_000
#: Best-effort work has filled the device by then.
_SETTLED_NS = 15 * _NS_PER_MS
#: So long before a request that preempts there is no real-time work.
_QUIET_NS = _NS_PER_MS
_LOOKED_AT = 2000
_LEAST_NS = 300_000
_MOST_NS = 8 * _NS_PER_MS
#: What is shown before and after the request, as parts of its latency alone.
_BEFORE, _AFTER = 0.15, 0.35


class Window(NamedTuple):
    """Nanoseconds since the start of the run."""

    from_ns: int
    until_ns: int


def window_of(
    workload: DisbWorkload, latency_ms: Mapping[str, float], seed: int, duration_s: float
) -> Window:
    """The window around a real-time request that should preempt, once the start has settled.

    ``latency_ms`` is the latency alone by client. Without a schedule of real-time requests it is a
    few milliseconds once things have settled.
    """
    alone_ns = {name: round(found * _NS_PER_MS) for name, found in latency_ms.items()}
    shifts = phase_shifts(workload, alone_ns)
    settled_ns = min(_SETTLED_NS, round(duration_s * 1e9) // 3)
    found: list[tuple[int, int]] = []
    for client in workload.real_time():
        times = due_times(client, duration_s, seed, shifts.get(client.id, 0))
        found += [(int(time), alone_ns.get(client.id, _LEAST_NS)) for time in times[:_LOOKED_AT]]
    due_ns, length_ns = _chosen(sorted(found), settled_ns)
    length_ns = min(max(length_ns, _LEAST_NS), _MOST_NS)
    from_ns = max(0, due_ns - round(_BEFORE * length_ns))
    return Window(from_ns, due_ns + round((1 + _AFTER) * length_ns))


def _chosen(requests: list[tuple[int, int]], settled_ns: int) -> tuple[int, int]:
    """The first request that finds no real-time work on the device: it preempts."""
    settled = [request for request in requests if request[0] >= settled_ns]
    busy_ns = 0
    for due_ns, length_ns in requests:
        if due_ns >= settled_ns and due_ns > busy_ns + _QUIET_NS:
            return due_ns, length_ns
        busy_ns = max(busy_ns, due_ns) + length_ns
    return settled[0] if settled else (settled_ns, 5 * _NS_PER_MS)
