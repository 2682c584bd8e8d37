"""A workload as a client sends it: its files, kept under the daemon's state folder.

Names are those that the workload file uses, relative to it; none may lead out of the
folder. Networks are not sent: they are found where the client said that they lie, and
linked.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heddle.atomic_file import write_text
from heddle.errors import InputError

MAX_FILES = 100


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a workload.

    Attributes
    ----------
    workload
        The name of the workload file among ``files``.
    files
        Contents by name.
    links
        Absolute paths of networks, by the names that the workload file uses.
    """

    workload: str
    files: Mapping[str, str]
    links: Mapping[str, str]


def keep(bundle: Bundle, folder: Path) -> Path:
    """Write a bundle into a new folder and return the path of its workload file.

    Raises
    ------
    InputError
        A name leads out of the folder, the workload is not among the files, a network
        is not there; or the folder cannot be written.
    """
    if bundle.workload not in bundle.files:
        raise InputError(f"the workload {bundle.workload!r} is not among the files")
    if len(bundle.files) + len(bundle.links) > MAX_FILES:
        raise InputError(f"a workload has at most {MAX_FILES} files")
    try:
        for name, content in bundle.files.items():
            path = _inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, content)
        for name, target in bundle.links.items():
            _link(_inside(folder, name), target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot keep this workload: {reason}") from error
    return _inside(folder, bundle.workload)


def discard(folder: Path) -> None:
    """Remove a kept bundle that nobody wants; networks that it links to stay."""
    shutil.rmtree(folder, ignore_errors=True)


def _inside(folder: Path, name: str) -> Path:
    """Return where a name lies; parts that lead up are counted as folders of their own."""
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or PurePosixPath(name).is_absolute() or ".." in parts:
        raise InputError(f"file name {name!r}: expected a path below the workload's folder")
    return folder.joinpath(*parts)


def _link(path: Path, target: str) -> None:
    if not Path(target).is_absolute() or not Path(target).is_file():
        raise InputError(f"there is no network {target!r} on this machine")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
