"""Identical GPUs of a deployment as one group, so that hundreds fit a page.

Shared by the picture (``gpu_panel``) and the table (``plan_text``) of a plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from heddle.cluster.deployment import Deployment, PlannedInstance

_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d*)")
_MAX_RANGES = 12


@dataclass(frozen=True, slots=True)
class GpuGroup:
    """GPUs of one type with the same instances at the same starts.

    Attributes
    ----------
    gpus
        Their ids, in the order of the deployment.
    reasons
        The distinct reasons given for them, in that order.
    """

    gpu_type: str
    instances: tuple[PlannedInstance, ...]
    gpus: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many GPUs it has."""
        return len(self.gpus)


def gpu_groups(deployment: Deployment) -> tuple[GpuGroup, ...]:
    """Return the groups: GPU types as they first appear, large groups first, then as they appear.

    Every GPU of the deployment is in exactly one group.
    """
    gpus: dict[tuple[str, tuple[PlannedInstance, ...]], list[str]] = {}
    reasons: dict[tuple[str, tuple[PlannedInstance, ...]], dict[str, None]] = {}
    for configuration in deployment.configurations:
        key = (configuration.gpu_type, configuration.instances)
        gpus.setdefault(key, []).append(configuration.gpu)
        reasons.setdefault(key, {})[configuration.reason] = None
    groups = [
        GpuGroup(key[0], key[1], tuple(ids), tuple(reason for reason in reasons[key] if reason))
        for key, ids in gpus.items()
    ]
    rank = {name: i for i, name in enumerate(dict.fromkeys(g.gpu_type for g in groups))}
    return tuple(sorted(groups, key=lambda g: (rank[g.gpu_type], -g.count)))


def id_ranges(ids: Iterable[str], max_ranges: int = _MAX_RANGES) -> str:
    """Return ids with runs of consecutive numbers joined: ``gpu-0 to gpu-36, gpu-40``."""
    runs: list[list[str]] = []
    expected = None
    for name in ids:
        if name == expected:
            runs[-1].append(name)
        else:
            runs.append([name])
        expected = _next_id(name)
    parts = [_run_text(run) for run in runs[:max_ranges]]
    if len(runs) > max_ranges:
        parts.append(f"… and {sum(map(len, runs[max_ranges:])):,} more")
    return ", ".join(parts)


def _next_id(name: str) -> str | None:
    matched = _NUMBERED.fullmatch(name)
    return f"{matched[1]}{int(matched[2]) + 1}" if matched else None


def _run_text(run: list[str]) -> str:
    if len(run) == 1:
        return run[0]
    if len(run) == 2:
        return f"{run[0]}, {run[1]}"
    return f"{run[0]} to {run[-1]}"
