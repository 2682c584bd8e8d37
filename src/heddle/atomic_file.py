"""Write a file whole or not at all.

Every file heddle writes goes through here: the text lands beside its target and
is renamed over it, so a reader never sees half a file and a crash leaves the old one.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from heddle.errors import InputError, Location


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` (UTF-8) atomically; InputError as :func:`write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` atomically.

    Raises
    ------
    InputError
        The folder does not exist or may not be written to; the old file stands.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise _not_writable(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_mode_of(path))
        temporary.replace(path)
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _mode_of(path: Path) -> int:
    """Keep the mode of a file that is replaced; a new one is readable like any other."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o644


def _not_writable(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot write this file: {reason.lower()}", Location(path))


def require_writable(*paths: Path | None) -> None:
    """Raise InputError now if a file could not be written later; None is skipped."""
    for path in paths:
        if path is None:
            continue
        try:
            is_folder = path.is_dir()
        except OSError as error:
            raise _not_writable(path, error) from error
        if is_folder:
            raise InputError("cannot write this file: it is a folder", Location(path))
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {str(path.parent)!r} to write to", Location(path))
        if not os.access(path.parent, os.W_OK):
            raise InputError("cannot write this file: permission denied", Location(path))


def make_folder(path: Path) -> None:
    """Make a folder and those above it; InputError when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot make this folder: {reason}", Location(path)) from error
