"""The two versions of control groups: how groups are made, limited, listed and killed.

``control_groups`` uses them without knowing which it has; ``discovery`` chooses. All
methods raise OSError, which ``control_groups`` translates. Files and ranges: cgroups(7),
``Documentation/scheduler/sched-bwc.rst`` and ``admin-guide/cgroup-v2.rst`` of the kernel.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Protocol


class GroupVersion(Protocol):
    """What the kernel offers for groups. Groups are folders."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def make(self, group: Path) -> None:
        """Make a group, if there is none, below one that is open to children."""
        ...

    def open_to_children(self, group: Path) -> None:
        """Let the groups in this one have quotas."""
        ...

    def remove(self, group: Path) -> None:
        """Remove a group without processes and without groups in it."""
        ...

    def set_quota(self, group: Path, quota_us: int, period_us: int) -> None:
        """Limit the processor time in every period, both in microseconds.

        What one period leaves may be used in later ones, up to one quota more, where the
        kernel can (Linux 5.14).
        """
        ...

    def set_weight(self, group: Path, cores: float) -> None:
        """Make it count as much as processes that want this many cores, against its siblings."""
        ...

    def set_idle(self, group: Path) -> None:
        """Lift its quota and give it the least weight: it gets what nobody else wants."""
        ...

    def pids(self, group: Path) -> list[int]:
        """Return its processes, without those of groups in it; none when it is gone."""
        ...

    def kill(self, group: Path) -> bool:
        """Kill all that is inside at one blow; False where the kernel cannot."""
        ...


class VersionOne:
    """The hierarchy of the ``cpu`` controller alone."""

    name = "cgroup v1"

    def make(self, group: Path) -> None:
        """Make a folder."""
        group.mkdir(exist_ok=True)

    def open_to_children(self, group: Path) -> None:
        """Do nothing: every group has the controller."""
        del group

    def remove(self, group: Path) -> None:
        """Remove the folder."""
        group.rmdir()

    def set_quota(self, group: Path, quota_us: int, period_us: int) -> None:
        """Lift the limit, then set it anew: the kernel refuses pairs that do not fit."""
        burst = group / "cpu.cfs_burst_us"
        _write_if_there(burst, "0")
        _write(group / "cpu.cfs_quota_us", "-1")
        _write(group / "cpu.cfs_period_us", str(period_us))
        _write(group / "cpu.cfs_quota_us", str(quota_us))
        _write_if_there(burst, str(quota_us))

    def set_weight(self, group: Path, cores: float) -> None:
        """Write shares; a process has 1,024."""
        _write(group / "cpu.shares", str(min(262_144, max(2, round(1024 * cores)))))

    def set_idle(self, group: Path) -> None:
        """Write the least shares and no quota."""
        _write(group / "cpu.shares", "2")
        _write_if_there(group / "cpu.cfs_burst_us", "0")
        _write(group / "cpu.cfs_quota_us", "-1")

    def pids(self, group: Path) -> list[int]:
        """Read ``cgroup.procs``."""
        return _read_pids(group)

    def kill(self, group: Path) -> bool:
        """Return False."""
        del group
        return False


class VersionTwo:
    """The unified hierarchy."""

    name = "cgroup v2"

    def make(self, group: Path) -> None:
        """Make a folder."""
        group.mkdir(exist_ok=True)

    def open_to_children(self, group: Path) -> None:
        """Enable the controller; the kernel refuses where a group has processes itself."""
        control = group / "cgroup.subtree_control"
        if "cpu" not in control.read_text(encoding="ascii").split():
            _write(control, "+cpu")

    def remove(self, group: Path) -> None:
        """Remove the folder."""
        group.rmdir()

    def set_quota(self, group: Path, quota_us: int, period_us: int) -> None:
        """Write both at once; the kernel takes no quota below the burst in force."""
        burst = group / "cpu.max.burst"
        _write_if_there(burst, "0")
        _write(group / "cpu.max", f"{quota_us} {period_us}")
        _write_if_there(burst, str(quota_us))

    def set_weight(self, group: Path, cores: float) -> None:
        """Write the weight; a process has 100."""
        _write(group / "cpu.weight", str(min(10_000, max(1, round(100 * cores)))))

    def set_idle(self, group: Path) -> None:
        """Write the least weight and no quota."""
        _write(group / "cpu.weight", "1")
        _write_if_there(group / "cpu.max.burst", "0")
        _write(group / "cpu.max", "max")

    def pids(self, group: Path) -> list[int]:
        """Read ``cgroup.procs``."""
        return _read_pids(group)

    def kill(self, group: Path) -> bool:
        """Write to ``cgroup.kill``, which Linux has since 5.14."""
        try:
            _write(group / "cgroup.kill", "1")
        except FileNotFoundError:
            return not group.exists()
        return True


def _write(file: Path, text: str) -> None:
    """Write to a file that must be there: the kernel makes them, nobody else."""
    with file.open("r+", encoding="ascii") as opened:
        opened.write(text)


def _write_if_there(file: Path, text: str) -> None:
    if file.exists():
        _write(file, text)


def _read_pids(group: Path) -> list[int]:
    """Return the ids; 0 is a process that this container cannot see."""
    try:
        text = (group / "cgroup.procs").read_text(encoding="ascii")
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return []
        raise
    return [pid for pid in map(int, text.split()) if pid]
