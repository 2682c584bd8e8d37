"""When requests are due: constant, Poisson, or along a file.

A schedule is made before the first request is sent and does not wait for answers
(open loop), so a slow server does not get fewer requests.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heddle.errors import InputError, Location
from heddle.workload.table_file import Row, Table

Times = NDArray[np.float64]

#: More would be a mistake in a unit, and take gigabytes.
MAX_REQUESTS = 50_000_000
_AT = "at_s"
_RATE = "rate_rps"
_MOST = 1e9


def constant(rate_rps: float, duration_s: float) -> Times:
    """Return times at equal distances, seconds from the begin, the first at 0."""
    _require_few(rate_rps * duration_s)
    return np.arange(int(np.ceil(rate_rps * duration_s - 1e-9))) / rate_rps


def poisson(rate_rps: float, duration_s: float, generator: np.random.Generator) -> Times:
    """Return the times of a Poisson process, sorted, seconds in ``[0, duration_s)``."""
    _require_few(rate_rps * duration_s)
    count = int(generator.poisson(rate_rps * duration_s))
    times: Times = np.sort(generator.uniform(0.0, duration_s, count))
    return times


def from_trace(path: Path, generator: np.random.Generator) -> Times:
    """Return the times of a CSV file.

    With the column ``at_s`` alone every row is a request. With ``at_s,rate_rps`` a row
    says that from this time on requests come at this rate, as a Poisson process; the
    last row ends the trace.

    Raises
    ------
    InputError
        The file cannot be read, has other columns or too few rows, or its times are
        negative or go back.
    """
    table = Table(path)
    table.allow_only((_AT, _RATE))
    table.require((_AT,))
    rows = list(table)
    times = [_natural(row, _AT) for row in rows]
    _require_order(times, rows, path)
    if _RATE not in table.columns:
        if not rows:
            raise InputError("expected a row for every request, found none", Location(path))
        return np.array(times)
    if len(rows) < 2:
        raise InputError(
            "expected at least two rows: a rate, and a time at which it ends", Location(path)
        )
    rates = [*(_natural(row, _RATE) for row in rows[:-1]), 0.0]
    return from_rates(list(zip(times, rates, strict=True)), generator)


def from_rates(changes: Sequence[tuple[float, float]], generator: np.random.Generator) -> Times:
    """Return Poisson arrivals of a rate that changes: times (seconds) and rates from then on.

    The last change ends them; its rate is not used.
    """
    spans = [
        (begin_s, end_s - begin_s, rate_rps)
        for (begin_s, rate_rps), (end_s, _) in itertools.pairwise(changes)
    ]
    _require_few(sum(length_s * rate_rps for _, length_s, rate_rps in spans))
    parts = [begin_s + poisson(rate, length_s, generator) for begin_s, length_s, rate in spans]
    return np.concatenate(parts) if parts else np.empty(0)


def _natural(row: Row, column: str) -> float:
    number = float(row.decimal(column))
    if not 0.0 <= number <= _MOST:
        row.fail(column, f"expected a number from 0 to {_MOST:g}, found {row.cells[column]}")
    return number


def _require_order(times: list[float], rows: list[Row], path: Path) -> None:
    for before, after, row in zip(times, times[1:], rows[1:], strict=False):
        if after < before:
            message = f"times must not go back: {after:g} s stands after {before:g} s"
            raise InputError(message, Location(path, row.line, _AT))


def _require_few(num_requests: float) -> None:
    if num_requests > MAX_REQUESTS:
        raise InputError(
            f"{num_requests:,.0f} requests are more than {MAX_REQUESTS:,}; "
            "ask for a lower rate or a shorter time"
        )
