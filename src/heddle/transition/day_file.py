"""Reads a day of demand from a CSV file: ``time,service,rate_rps``.

Each row says that a service has this rate from this time on. Called by ``heddle
replan``; the format is described in ``docs/reference/day-csv.md``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heddle.errors import InputError, Location, listed, nearest
from heddle.transition.day import DAY_S, Day, Interval, clock_text
from heddle.units import MAX_RATE_RPS
from heddle.workload.table_file import Row, Table

COLUMNS = ("time", "service", "rate_rps")
#: One a minute. Each interval is planned, so more of them are a recording of demand
#: and not a day to plan by.
MAX_INTERVALS = 1_440

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Change:
    """From this time on, this rate; ``line`` is where it stands."""

    at_s: int
    rate_rps: float
    line: int


def load_day(path: Path, services: Sequence[str]) -> Day:
    """Return the day that a file describes for the services of a workload.

    It begins at the first time of the file, when every service must have a rate, and
    ends at 24:00.

    Raises
    ------
    InputError
        The file cannot be read, has other columns or no rows, names an unknown
        service, or has a time or rate that cannot be; with file and line.
    """
    table = Table(path)
    table.allow_only(COLUMNS)
    table.require(COLUMNS)
    changes = _changes(table, services)
    times = sorted({change.at_s for own in changes.values() for change in own})
    if not times:
        raise InputError("expected rows below the header, found none", Location(path))
    if len(times) > MAX_INTERVALS:
        raise InputError(
            f"found {len(times):,} different times, at most {MAX_INTERVALS:,} are planned; "
            "give the highest rate of every few minutes",
            Location(path),
        )
    for service in services:
        _require_start(service, changes[service], times[0], path)
    return Day(tuple(_intervals(changes, times)))


def _changes(table: Table, services: Sequence[str]) -> dict[str, list[_Change]]:
    changes: dict[str, list[_Change]] = {service: [] for service in services}
    for row in table:
        service = row.text("service")
        if service not in changes:
            row.fail(
                "service",
                f"the workload has no service {service!r}{nearest(service, services)}; "
                f"it has {listed(services)}",
            )
        change = _Change(_time_s(row), _rate_rps(row), row.line)
        _require_order(row, change, changes[service])
        changes[service].append(change)
    return changes


def _time_s(row: Row) -> int:
    cell = row.text("time")
    clock = _CLOCK.fullmatch(cell)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if minutes > 59 or seconds > 59:
            row.fail("time", f"expected at most 59 minutes and seconds, found {cell}")
        at_s = (hours * 60 + minutes) * 60 + seconds
    elif _SECONDS.fullmatch(cell):
        at_s = int(cell)
    else:
        row.fail(
            "time",
            f"expected HH:MM, HH:MM:SS or whole seconds since midnight, found {cell[:40]!r}",
        )
    if at_s >= DAY_S:
        row.fail("time", f"expected a time before 24:00 ({DAY_S} s), found {cell}")
    return at_s


def _rate_rps(row: Row) -> float:
    rate_rps = row.decimal("rate_rps")
    if rate_rps < 0:
        row.fail("rate_rps", f"expected a rate of at least 0, found {row.cells['rate_rps']}")
    if rate_rps > MAX_RATE_RPS:
        row.fail(
            "rate_rps",
            f"expected at most {MAX_RATE_RPS:g} requests/s, found {row.cells['rate_rps']}; "
            "is a unit wrong?",
        )
    return float(rate_rps)


def _require_order(row: Row, change: _Change, earlier: Sequence[_Change]) -> None:
    if not earlier or change.at_s > earlier[-1].at_s:
        return
    service, last = row.cells["service"], earlier[-1]
    if change.at_s == last.at_s:
        row.fail(
            "time",
            f"service {service!r} has a rate from {clock_text(change.at_s)} on already, in "
            f"line {last.line}; give one of them",
        )
    row.fail(
        "time",
        f"{clock_text(change.at_s)} comes after {clock_text(last.at_s)} of service {service!r} "
        f"in line {last.line}; order the rows of a service by time",
    )


def _require_start(service: str, own: Sequence[_Change], begin_s: int, path: Path) -> None:
    if own and own[0].at_s == begin_s:
        return
    line = own[0].line if own else None
    found = f"its first row is at {clock_text(own[0].at_s)}" if own else "it has no row"
    raise InputError(
        f"service {service!r} has no rate when the day begins, at {clock_text(begin_s)}: {found}; "
        "add a row, with a rate of 0 if it is suspended then",
        Location(path, line),
    )


def _intervals(changes: dict[str, list[_Change]], times: Sequence[int]) -> list[Interval]:
    by_time: dict[int, list[tuple[str, float]]] = {at_s: [] for at_s in times}
    for service, own in changes.items():
        for change in own:
            by_time[change.at_s].append((service, change.rate_rps))
    rates_rps = dict.fromkeys(changes, 0.0)
    intervals = []
    for begin_s, end_s in zip(times, [*times[1:], DAY_S], strict=True):
        rates_rps = {**rates_rps, **dict(by_time[begin_s])}
        intervals.append(Interval(begin_s, end_s, rates_rps))
    return intervals
