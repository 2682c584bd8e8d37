"""Values as JSON text, one entry a line: files that can be compared line by line."""

from __future__ import annotations

import json

#: Compact JSON; a number that is NaN or infinite is refused with ValueError.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def lines(entries: list[str]) -> str:
    """Return the entries one a line, or nothing for none."""
    return "\n" + ",\n".join(entries) + "\n" if entries else ""


def number(value: float) -> float:
    """Return whole numbers as such: 1200, not 1200.0."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
