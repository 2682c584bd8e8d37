"""Control groups of version 2 as plain folders: what the kernel does to its files, done by hand.

Processes really enter, by writing to ``cgroup.procs``; which ones are inside follows from
their sessions, as the kernel keeps children inside.
"""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress
from pathlib import Path

from heddle.runtime.cpu.group_version import VersionTwo
from heddle.runtime.process import identify

_CPU_FILES = {"cpu.max": "max 100000\n", "cpu.max.burst": "0\n", "cpu.weight": "100\n"}
_FILES = {
    "cgroup.controllers": "cpu\n",
    "cgroup.kill": "",
    "cgroup.procs": "",
    "cgroup.subtree_control": "",
}


class FakeVersionTwo(VersionTwo):
    """Below a folder made with :func:`fake_root`."""

    def make(self, group: Path) -> None:
        if group.exists():
            return
        super().make(group)
        _fill(group, has_cpu="cpu" in (group.parent / "cgroup.subtree_control").read_text())

    def open_to_children(self, group: Path) -> None:
        """Enable the controller, unless processes are in the group itself."""
        if self.pids(group):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        super().open_to_children(group)
        (group / "cgroup.subtree_control").write_text("cpu\n")

    def remove(self, group: Path) -> None:
        """Remove the folder with its files, unless processes or groups are inside."""
        if self.pids(group) or any(path.is_dir() for path in group.iterdir()):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        for file in group.iterdir():
            file.unlink()
        group.rmdir()

    def pids(self, group: Path) -> list[int]:
        entered = set(super().pids(group))
        return [pid for pid in _all_pids() if _session(pid) in entered and identify(pid)]

    def kill(self, group: Path) -> bool:
        inside = self.pids(group)
        is_known = super().kill(group)
        for pid in inside:
            os.kill(pid, signal.SIGKILL)
        return is_known


def fake_root(folder: Path) -> Path:
    """Return a folder that looks like the top of a version 2 hierarchy."""
    folder.mkdir(parents=True)
    _fill(folder, has_cpu=False)
    return folder


def _fill(group: Path, *, has_cpu: bool) -> None:
    for name, content in {**_FILES, **(_CPU_FILES if has_cpu else {})}.items():
        (group / name).write_text(content)


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _session(pid: int) -> int:
    with suppress(ProcessLookupError):
        return os.getsid(pid)
    return 0
