"""Enclosures that are whole processors, for machines where control groups are not permitted.

Processes are bound when they begin and could bind themselves otherwise; caches and
memory are shared. The system keeps no book of this, so the enclosures are files in the
state folder, and a process is known to be inside by a variable of its environment, which
its children inherit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from heddle.errors import HostError
from heddle.runtime.cpu.cores import Lot
from heddle.runtime.device import Binding, Isolation
from heddle.runtime.process import kill_all, with_variable

#: The variable that says in which enclosure a process is.
ENCLOSURE_VARIABLE = "HEDDLE_ENCLOSURE"


class Affinity:
    """The enclosures of one device.

    Parameters
    ----------
    folder
        Takes one empty file for each; made when missing, and read after a restart.
    reason
        Why there is nothing better, for people; the end of a sentence.

    Raises
    ------
    HostError
        The folder cannot be made.
    """

    def __init__(self, folder: Path, reason: str) -> None:
        self._folder = folder
        self._reason = reason
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _host_error(folder, error) from error

    @property
    def isolation(self) -> Isolation:
        """Whole processors."""
        return Isolation.AFFINITY

    @property
    def description(self) -> str:
        """What binds, and why nothing better does."""
        return f"each instance is bound to whole cores, because {self._reason}"

    def refusal(self, lot: Lot) -> str | None:
        """Return why less than a core is not possible."""
        if lot.processors:
            return None
        return (
            f"it is worth {lot.cores:.4g} cores, and {self._reason}, so that only whole ones can "
            "be given; use a larger profile or fewer CPU devices, or permit control groups"
        )

    def names(self) -> Sequence[str]:
        """Return the files."""
        try:
            return [path.name for path in self._folder.iterdir()]
        except OSError as error:
            raise _host_error(self._folder, error) from error

    def set(self, name: str, lot: Lot) -> None:
        """Make the file."""
        del lot
        try:
            (self._folder / name).touch()
        except OSError as error:
            raise _host_error(self._folder / name, error) from error

    def loosen(self, name: str) -> None:
        """Do nothing: other cores are others'."""
        del name

    def remove(self, name: str) -> None:
        """Remove the file."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise _host_error(self._folder / name, error) from error

    def binding(self, name: str, lot: Lot) -> Binding:
        """Return the processors, and the variable by which the process is found again."""
        return Binding(
            {ENCLOSURE_VARIABLE: str(self._folder / name)},
            cores=lot.processors,
            num_threads=len(lot.processors),
        )

    def processes(self, name: str) -> Sequence[int]:
        """Return the processes that have the variable."""
        return with_variable(ENCLOSURE_VARIABLE, str(self._folder / name))

    def kill(self, name: str) -> None:
        """Kill all that is inside, also what it starts meanwhile."""
        seen: set[int] = set()
        while fresh := set(self.processes(name)) - seen:
            kill_all(fresh)
            seen |= fresh

    def close(self) -> None:
        """Remove the folder when it is empty."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def _host_error(path: Path, error: OSError) -> HostError:
    return HostError(f"{path}: {(error.strerror or str(error)).lower()}")
