"""Rates and prices as exact integers.

Planning compares sums of measured rates with a required rate. In floating point
``3 * 33.4`` may miss ``100.2``; so rates are whole micro-requests per second and
dual prices are whole nano-GPUs everywhere a comparison decides something.
Called by ``workload`` (reading), ``optimizer`` (planning) and ``verification``.
"""

from __future__ import annotations

import math
from fractions import Fraction

#: Micro-requests per second in one request per second: rates are read to this precision.
MICRO = 1_000_000
#: Nano-units in one unit of the objective (one GPU, or one unit of price per hour).
NANO = 1_000_000_000
#: The largest rate accepted, requests/s: in units that split a micro-request/s by ten
#: thousand (for shares with four decimals) it still fits 64 bits with room for sums.
MAX_RATE_RPS = 1e8


def exact(number: float) -> Fraction:
    """Return the decimal that a float prints as, exactly (0.1 is one tenth)."""
    return Fraction(repr(number))


def micro_floor(rate_rps: float) -> int:
    """Return a measured rate in micro-requests/s, rounded down."""
    return math.floor(exact(rate_rps) * MICRO)


def micro_ceil(rate_rps: float | Fraction) -> int:
    """Return a required rate in micro-requests/s, rounded up."""
    rate = rate_rps if isinstance(rate_rps, Fraction) else exact(rate_rps)
    return math.ceil(rate * MICRO)


def plural(count: int, noun: str) -> str:
    """Return ``"1 GPU"``, ``"2 GPUs"``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
