"""A synthetic day of demand for the services of a workload, the same for the same seed.

Two peaks, as inference traffic of people has them: one before noon, one in the evening,
shifted from service to service, over a level of the night. The benchmark of a day plans
it; no measured trace stands behind it.

Random numbers are uniform ones, as in ``synthetic``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from heddle.workload.workload import Workload

HOURS = 24
#: When the peaks are on the average, and how far a service's are shifted at most, hours.
_MORNING_H, _EVENING_H = 10.5, 19.5
_MOST_SHIFT_H = 2.0
#: How far from its peak a bump has fallen to 1/e, hours.
_WIDTH_H = 2.75
#: The part of its rate that a service has at night, and at the lower peak.
_NIGHT = (0.2, 0.45)
_LOWER_PEAK = (0.7, 1.0)
#: Every hour is off its curve by at most this part of it, either way.
_NOISE = 0.05
_DECIMALS = 3
_LEAST_RPS = 10.0**-_DECIMALS


def synthetic_day(workload: Workload, seed: int) -> dict[str, tuple[float, ...]]:
    """Return the rate of every hour by service, requests/s, to 3 decimals.

    A service's own rate in the workload is the height of its higher peak before noise;
    each of the two peaks is the higher one for about half of the services.
    """
    rng = np.random.default_rng(seed)
    return {
        service.name: tuple(
            max(_LEAST_RPS, round(service.rate_rps * part, _DECIMALS)) for part in _parts(rng)
        )
        for service in workload.services
    }


def _parts(rng: np.random.Generator) -> list[float]:
    """Return the demand of every hour as a part of the peak."""
    for_shift, for_night, for_lower, for_side = rng.random(4).tolist()
    noise: Sequence[float] = rng.random(HOURS).tolist()
    shift_h = _MOST_SHIFT_H * (2.0 * for_shift - 1.0)
    night, lower = _within(_NIGHT, for_night), _within(_LOWER_PEAK, for_lower)
    morning, evening = (1.0, lower) if for_side < 0.5 else (lower, 1.0)
    parts = []
    for hour in range(HOURS):
        bump = max(
            morning * _bump(hour - _MORNING_H - shift_h),
            evening * _bump(hour - _EVENING_H - shift_h),
        )
        level = night + (1.0 - night) * bump
        parts.append(level * (1.0 + _NOISE * (2.0 * noise[hour] - 1.0)))
    return parts


def _within(ends: tuple[float, float], uniform: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * uniform


def _bump(from_peak_h: float) -> float:
    """Return 1 at the peak, falling to both sides; the day is a circle."""
    distance_h = abs((from_peak_h + HOURS / 2) % HOURS - HOURS / 2)
    return math.exp(-((distance_h / _WIDTH_H) ** 2))
