"""When the requests of a client are due, made before the first of them is sent.

The runner submits them ahead, so that no late answer delays a later request (an open loop). Closed
loops and dependent clients have no such times: the runner sees to them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heddle.errors import InputError
from heddle.workload.disb.workload import DisbClient, DisbWorkload, Periodic, Poisson, Trace

Times = NDArray[np.int64]

#: More would be a mistake in a unit.
MAX_REQUESTS = 20_000_000
_NS = 1_000_000_000
_NS_PER_MS = 1_000_000


def due_times(client: DisbClient, duration_s: float, seed: int, shift_ns: int = 0) -> Times:
    """When requests are due, nanoseconds since the start, sorted, before ``duration_s``.

    ``shift_ns`` (see :func:`phase_shifts`) moves a periodic client only. The seed and the client's
    id draw Poisson arrivals: two clients do not arrive together, and one keeps its arrivals when
    others come or go. Empty for closed loops and dependent clients.

    Raises
    ------
    InputError
        There would be more than :data:`MAX_REQUESTS`.
    """
    end_ns = round(duration_s * _NS)
    load = client.load
    if isinstance(load, Periodic):
        return _periodic(load.rate_rps, shift_ns, end_ns)
    if isinstance(load, Poisson):
        return _poisson(load.rate_rps, end_ns, _generator(client.id, seed))
    if isinstance(load, Trace):
        times = np.round(np.array(load.at_ms, dtype=float) * _NS_PER_MS).astype(np.int64)
        return times[times < end_ns]
    return np.empty(0, dtype=np.int64)


def phase_shifts(workload: DisbWorkload, alone_ns: Mapping[str, int]) -> dict[str, int]:
    """How far each client is moved, nanoseconds by id, so that equal periods do not collide.

    DISB's rule: a periodic client of priority 0 starts later by the standalone latencies
    (``alone_ns``, by id) of those of the same frequency that stand before it in the file.
    """
    shifts: dict[str, int] = {}
    behind: dict[float, int] = {}
    for client in workload.clients:
        load = client.load
        if isinstance(load, Periodic) and load.priority == 0:
            shifts[client.id] = behind.get(load.rate_rps, 0)
            behind[load.rate_rps] = shifts[client.id] + alone_ns.get(client.id, 0)
    return shifts


def newest_due(times: Times, first: int, now_ns: int) -> int:
    """The index of the request that is taken at ``now_ns``, when those from ``first`` on are open.

    DISB's rule for a client that is late: the newest that is due, as a camera's newest frame; the
    next one where none is due yet.
    """
    return max(first, int(np.searchsorted(times, now_ns, side="right")) - 1)


def _periodic(rate_rps: float, shift_ns: int, end_ns: int) -> Times:
    count = max(0, int(np.ceil((end_ns - shift_ns) * rate_rps / _NS - 1e-9)))
    _require_few(count)
    return shift_ns + np.round(np.arange(count) * (_NS / rate_rps)).astype(np.int64)


def _poisson(rate_rps: float, end_ns: int, generator: np.random.Generator) -> Times:
    expected = rate_rps * end_ns / _NS
    _require_few(expected)
    count = int(generator.poisson(expected))
    return np.sort(generator.integers(0, end_ns, count, dtype=np.int64))


def _generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])


def _require_few(num_requests: float) -> None:
    if num_requests > MAX_REQUESTS:
        raise InputError(
            f"{num_requests:,.0f} requests of one client are more than {MAX_REQUESTS:,}; "
            "ask for a lower rate or a shorter time"
        )
