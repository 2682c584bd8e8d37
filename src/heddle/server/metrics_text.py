"""The state of the machine in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SERVICE_GAUGES = ("required_rps", "planned_rps", "ready_rps", "arrived_rps", "answered_rps")
_SERVICE_COUNTERS = ("num_arrived", "num_answered", "num_failed", "num_refused", "num_retried")


def metrics_text(status: Mapping[str, Any]) -> str:
    """Return gauges and counters of a status."""
    lines = []
    for name in _SERVICE_GAUGES:
        lines.append(f"# TYPE heddle_service_{name} gauge")
        lines += [_line(f"heddle_service_{name}", one, one[name]) for one in status["services"]]
    for name in _SERVICE_COUNTERS:
        metric = f"heddle_service_{name.removeprefix('num_')}_total"
        lines.append(f"# TYPE {metric} counter")
        lines += [_line(metric, one, one[name]) for one in status["services"]]
    lines.append("# TYPE heddle_instances_ready gauge")
    lines += [_line("heddle_instances_ready", one, one["num_ready"]) for one in status["services"]]
    return "\n".join(lines) + "\n"


def _line(metric: str, service: Mapping[str, Any], value: float) -> str:
    name = service["name"].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    # A counter has all its digits: what is rounded does not move for a while, then jumps.
    number = str(value) if isinstance(value, int) else f"{value:.12g}"
    return f'{metric}{{service="{name}"}} {number}'
