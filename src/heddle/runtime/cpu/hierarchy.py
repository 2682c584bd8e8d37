"""Where this machine keeps the control groups of its processors, and where ours may be.

Read from ``/proc/self/mountinfo`` and ``/proc/self/cgroup``, because a machine may have
version 1, version 2, or both with the ``cpu`` controller in one of them. ``discovery``
tries what is found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The mounted hierarchy that can hold the ``cpu`` controller.

    Attributes
    ----------
    version
        1 or 2.
    mount
        Its topmost group that can be seen.
    own
        The group of this process; equal to ``mount`` or below.
    """

    version: int
    mount: Path
    own: Path

    def path(self) -> list[Path]:
        """Return the groups from ``mount`` down to ``own``."""
        parts = self.own.relative_to(self.mount).parts
        return [self.mount.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]

    def limit_cores(self) -> float:
        """Return the tightest quota on the way down, in cores; infinite when there is none."""
        return min((quota_cores(group) for group in self.path()), default=float("inf"))

    def candidates(self) -> list[Path]:
        """Return the groups below which ours may be, best first.

        The topmost one, so that a process started from elsewhere finds the same place; but
        none above a quota that somebody set for this process.
        """
        groups = self.path()
        limited = [depth for depth, group in enumerate(groups) if quota_cores(group) < float("inf")]
        return groups[max(limited, default=0) :]


def quota_cores(group: Path) -> float:
    """Return the quota of a group in cores, of either version; infinite when it has none."""
    try:
        both = group / "cpu.max"
        if both.exists():
            quota, period = both.read_text(encoding="ascii").split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (group / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
    except OSError:
        return float("inf")  # the root of version 2 has no such file
    return float("inf") if quota in ("max", "-1") else int(quota) / int(period)


def find_hierarchies(mountinfo: str, cgroup: str) -> Iterator[Hierarchy]:
    """Yield the hierarchies whose groups can have the ``cpu`` controller.

    Parameters
    ----------
    mountinfo, cgroup
        The text of the two files of ``/proc/self`` (proc(5), cgroups(7)).
    """
    own = dict(_own_groups(cgroup))
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        root, mount = (_unescaped(field) for field in fields.split()[3:5])
        version = 2 if kind == "cgroup2" else 1
        if version == 1 and "cpu" not in options.split(","):
            continue
        group = own.get("" if version == 2 else "cpu")
        if version == 2 and not _offers_cpu(Path(mount)):
            continue
        if group is not None:
            yield Hierarchy(version, Path(mount), Path(mount) / _below(group, root))


def _own_groups(cgroup: str) -> Iterator[tuple[str, str]]:
    """Yield controller and group; version 2 has the controller ``""``."""
    for line in cgroup.splitlines():
        _, controllers, group = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, group


def _offers_cpu(mount: Path) -> bool:
    try:
        offered = (mount / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return False
    return "cpu" in offered


def _below(group: str, root: str) -> str:
    """Return a group's path below the mount; a container may see only a part of the tree."""
    inside = group == root or group.startswith(root.rstrip("/") + "/")
    return group[len(root.rstrip("/")) :].lstrip("/") if inside else ""


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
