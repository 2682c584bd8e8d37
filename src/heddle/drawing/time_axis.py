"""Round times for an axis: seconds, minutes or hours, whichever read well.

``gantt_panel`` and ``rate_panel`` share one axis.
"""

from __future__ import annotations

_STEPS_S = (
    *(step * 10.0**power for power in range(-3, 1) for step in (1, 2, 5)),
    *(10.0, 15.0, 30.0),
    *(60.0 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600.0 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 96, 240)),
)


def time_ticks(high_s: float, max_ticks: int = 10) -> list[tuple[float, str]]:
    """Return round times from 0 to at most ``high_s``, with labels, at most so many after 0."""
    step_s = next((step for step in _STEPS_S if high_s / step <= max_ticks), _STEPS_S[-1])
    while high_s / step_s > max_ticks:
        step_s *= 10
    unit_s, unit = _unit(step_s)
    num_steps = int(high_s / step_s + 1e-9)
    labels = [f"{round(i * step_s / unit_s, 3):g} {unit}" for i in range(1, num_steps + 1)]
    return [(0.0, "0"), *((i * step_s, text) for i, text in enumerate(labels, start=1))]


def _unit(step_s: float) -> tuple[float, str]:
    if step_s < 0.5:
        return 0.001, "ms"
    if step_s < 60:
        return 1.0, "s"
    return (60.0, "min") if step_s < 3600 else (3600.0, "h")
