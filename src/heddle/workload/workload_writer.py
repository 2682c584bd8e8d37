"""Writes workload files and performance tables as text that reads back the same.

Called by the importers and by the generator of synthetic workloads, which hand the
text to ``atomic_file.write_text``; read again by ``files`` and ``performance_file``.
The text depends on its input alone: equal input, equal bytes.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from heddle.workload.fleet import DEFAULT_PER_NODE, DEFAULT_PRICE_PER_HOUR, GpuPool
from heddle.workload.performance import OperatingPoint
from heddle.workload.service import Priority, Service

#: The options of a service that ``defaults`` may hold, in the order they are written.
DEFAULTED = ("headroom", "latency_fraction", "percentile", "min_replicas", "max_share_per_gpu")

_POINT_COLUMNS = ("gpu", "profile", "model", "batch", "processes", "rate_rps", "latency_ms")
_OPTIONAL_COLUMNS = ("percentile", "memory_mib")
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def performance_csv(points: Iterable[OperatingPoint], comments: Sequence[str] = ()) -> str:
    """Return operating points as a performance table, one row each, in their order.

    Parameters
    ----------
    points
        Measured points; rates with at most 6 decimals read back as they are, more
        are rounded down by the reader. ``percentile`` and ``memory_mib`` become
        columns when at least one point has them.
    comments
        Lines to stand above the header, without the ``#``.

    Raises
    ------
    ValueError
        A point is fitted: a performance table holds measurements.
    """
    rows = list(points)
    if any(point.is_fitted for point in rows):
        raise ValueError("a fitted point is not a measurement and is not written to a table")
    used = [
        column
        for column in _OPTIONAL_COLUMNS
        if any(getattr(point, column) is not None for point in rows)
    ]
    columns = (*_POINT_COLUMNS, *used)
    stream = io.StringIO()
    stream.write(_comment_lines(comments))
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for point in rows:
        writer.writerow([_csv_cell(getattr(point, column)) for column in columns])
    return stream.getvalue()


def workload_yaml(
    fleet: Sequence[GpuPool],
    performance: Sequence[str],
    services: Sequence[Service],
    comments: Sequence[str] = (),
    gpu_types: Sequence[str] = (),
) -> str:
    """Return a workload file of version 1, one line a service.

    Parameters
    ----------
    fleet, services
        At least one of each, in the order they are to be written. The most frequent
        value of each option becomes its default; a service writes what differs.
    performance, gpu_types
        Paths of performance tables and of the user's GPU types, relative to where
        the file will stand.
    comments
        Lines to stand at the top, without the ``#``.
    """
    defaults = _frequent_options(services)
    lines = [_comment_lines(comments) + "version: 1"]
    if gpu_types:
        lines.append(f"gpu_types: {_yaml_list(gpu_types)}")
    lines += ["gpus:", *(f"  - {_yaml_mapping(_pool_entries(pool))}" for pool in fleet)]
    lines.append(f"performance: {_yaml_list(performance)}")
    lines.append(f"defaults: {_yaml_mapping(defaults)}")
    lines.append("services:")
    lines += [f"  - {_yaml_mapping(_service_entries(s, defaults))}" for s in services]
    return "\n".join(lines) + "\n"


def number_text(number: float) -> str:
    """Return the shortest decimal of a finite number without an exponent: 1200, 0.05."""
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _comment_lines(comments: Sequence[str]) -> str:
    every = [line for comment in comments for line in comment.splitlines() or [""]]
    return "".join(f"# {line}".rstrip() + "\n" for line in every)


def _csv_cell(cell: str | float | None) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else number_text(cell)


def _frequent_options(services: Sequence[Service]) -> dict[str, object]:
    """Return the most frequent value of each option, the first seen among equals."""
    return {
        option: Counter(getattr(service, option) for service in services).most_common(1)[0][0]
        for option in DEFAULTED
    }


def _pool_entries(pool: GpuPool) -> dict[str, object]:
    entries: dict[str, object] = {"type": pool.gpu_type.name}
    if pool.count is not None:
        entries["count"] = pool.count
    if pool.per_node != DEFAULT_PER_NODE:
        entries["per_node"] = pool.per_node
    if pool.price_per_hour != DEFAULT_PRICE_PER_HOUR:
        entries["price_per_hour"] = pool.price_per_hour
    return entries


def _service_entries(service: Service, defaults: dict[str, object]) -> dict[str, object]:
    entries: dict[str, object] = {
        "name": service.name,
        "model": service.model,
        "rate_rps": service.rate_rps,
        "latency_ms": service.latency_ms,
    }
    own = DEFAULTED[:3] if service.priority is Priority.BE else DEFAULTED
    for option in own:
        if getattr(service, option) != defaults[option]:
            entries[option] = getattr(service, option)
    if service.spread is not None:
        entries["spread"] = service.spread.value
    for option in ("profiles", "gpu_types"):
        if getattr(service, option) is not None:
            entries[option] = getattr(service, option)
    if service.keep_apart:
        entries["keep_apart"] = service.keep_apart
    if service.priority is Priority.BE:
        entries["priority"] = service.priority.value
    if service.beside is not None:
        entries["beside"] = service.beside
    return entries


def _yaml_mapping(entries: dict[str, object]) -> str:
    return "{" + ", ".join(f"{key}: {_yaml_value(value)}" for key, value in entries.items()) + "}"


def _yaml_list(words: Iterable[str]) -> str:
    return "[" + ", ".join(_yaml_text(word) for word in words) + "]"


def _yaml_value(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return _yaml_text(value)
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, tuple):
        return _yaml_list(value)
    raise TypeError(f"a workload file holds no {type(value).__name__}")


def _yaml_text(text: str) -> str:
    """Return text plain where YAML reads it as text in any place, else in double quotes."""
    if _PLAIN_TEXT.fullmatch(text) and text.casefold() not in _YAML_WORDS:
        return text
    return '"' + "".join(_yaml_character(character) for character in text) + '"'


def _yaml_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
