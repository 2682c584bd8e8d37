"""Enclosures that are control groups with a quota of processor time.

One group for the installation, in it one for each device, in that one for each instance.
The kernel stops what is inside when it has used its quota, until the next period begins;
the weight keeps it from being crowded out before that. ``discovery`` finds the place of
the first; what differs between the versions of control groups is in ``group_version``.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heddle.clock import sleep_s
from heddle.errors import HostError
from heddle.runtime.cpu.cores import Lot
from heddle.runtime.cpu.group_version import GroupVersion
from heddle.runtime.device import Binding, Isolation
from heddle.runtime.process import kill_all

#: In which a quota is used up and given anew, microseconds. Why: docs/decisions/0013.
DEFAULT_PERIOD_US = 20_000

_NUM_RETRIES = 25
_BETWEEN_TRIES_S = 0.02


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the groups of an installation are.

    Attributes
    ----------
    installation
        Its group; made when missing, in one that exists.
    version
        How groups are handled here.
    cores
        What all devices have together; the weight against everything else.
    """

    installation: Path
    version: GroupVersion
    cores: float

    def open(self) -> None:
        """Make the installation's group; HostError when that is not permitted."""
        _open(self.installation, self.version, self.cores)


class ControlGroups:
    """The groups of one device.

    Parameters
    ----------
    ground
        Where they are.
    device
        Name of the device's group.
    period_us
        Of the quota, microseconds; 1,000 to 1,000,000.
    cores
        What all instances of the device have together; the weight against other devices.

    Raises
    ------
    HostError
        The group cannot be made.
    """

    def __init__(self, ground: Ground, device: str, period_us: int, cores: float) -> None:
        self._ground = ground
        self._folder = ground.installation / device
        self._version = ground.version
        self._period_us = period_us
        self._cores = cores
        self._open()

    @property
    def isolation(self) -> Isolation:
        """A quota of processor time."""
        return Isolation.QUOTA

    @property
    def description(self) -> str:
        """The kind of group and its period."""
        return (
            f"{self._version.name} holds each instance to its quota in every "
            f"{self._period_us / 1000:g} ms"
        )

    def refusal(self, lot: Lot) -> str | None:
        """Return None: the least quota was checked when the machine was divided."""
        del lot
        return None

    def names(self) -> Sequence[str]:
        """Return the groups that exist."""
        if not self._folder.is_dir():
            return []
        with _translated(self._folder, "list"):
            return [path.name for path in self._folder.iterdir() if path.is_dir()]

    def set(self, name: str, lot: Lot) -> None:
        """Make a group, or give the one that is there this lot."""
        group = self._folder / name
        if not self._folder.is_dir():
            self._open()
        with _translated(group, "make"):
            self._version.open_to_children(self._folder)
            self._version.make(group)
            self._version.set_quota(group, round(lot.cores * self._period_us), self._period_us)
            self._version.set_weight(group, lot.cores)

    def loosen(self, name: str) -> None:
        """Let a group use what nobody else wants, without a quota, until it is set again."""
        group = self._folder / name
        with _translated(group, "loosen"):
            self._version.set_idle(group)

    def remove(self, name: str) -> None:
        """Remove a group and those that its processes made in it.

        A process that has ended may keep the group busy for an instant.
        """
        group = self._folder / name
        for is_last in (*[False] * _NUM_RETRIES, True):
            try:
                with _translated(group, "remove"):
                    self._remove_tree(group)
            except HostError as error:
                if is_last or not error.is_retryable or self.processes(name):
                    raise
                sleep_s(_BETWEEN_TRIES_S)
            else:
                return

    def binding(self, name: str, lot: Lot) -> Binding:
        """Return the file through which a process enters the group."""
        entry_file = str(self._folder / name / "cgroup.procs")
        return Binding({}, (entry_file,), num_threads=lot.num_threads)

    def processes(self, name: str) -> Sequence[int]:
        """Return the processes of the group and of those in it."""
        group = self._folder / name
        with _translated(group, "read"):
            return sorted({pid for each in _tree(group) for pid in self._version.pids(each)})

    def kill(self, name: str) -> None:
        """Kill all that is inside, also what it starts meanwhile."""
        group = self._folder / name
        with _translated(group, "kill"):
            if self._version.kill(group):
                return
        seen: set[int] = set()
        while fresh := set(self.processes(name)) - seen:
            kill_all(fresh)
            seen |= fresh

    def close(self) -> None:
        """Remove the groups of the device and of the installation when they are empty."""
        for group in (self._folder, self._ground.installation):
            with contextlib.suppress(OSError):
                self._version.remove(group)

    def _remove_tree(self, group: Path) -> None:
        for each in reversed(list(_tree(group))):
            with contextlib.suppress(FileNotFoundError):
                self._version.remove(each)

    def _open(self) -> None:
        self._ground.open()
        _open(self._folder, self._version, self._cores)


def _open(group: Path, version: GroupVersion, cores: float) -> None:
    with _translated(group, "make"):
        version.open_to_children(group.parent)
        version.make(group)
        version.set_weight(group, cores)


def _tree(group: Path) -> Iterator[Path]:
    """Yield a group and all in it, parents first; nothing when it is gone."""
    if group.is_dir():
        yield group
        with contextlib.suppress(FileNotFoundError):
            for child in sorted(group.iterdir()):
                yield from _tree(child)


@contextlib.contextmanager
def _translated(group: Path, verb: str) -> Iterator[None]:
    """Turn what the kernel says into a HostError."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        is_retryable = error.errno in (errno.EBUSY, errno.EAGAIN, errno.ENOMEM, errno.EINTR)
        message = f"cannot {verb} the control group {group}: {reason}"
        raise HostError(message, is_retryable=is_retryable) from error
