"""Turns itself into another program that is bound to an instance; the last step of ``spawn``.

A process has to be in its control group, and on its processors, before its program
begins, and changing a child between fork and exec is not safe in a process with
threads. So ``process.spawn`` starts this file with the bare interpreter: it enters,
then replaces itself, keeping its id. Nothing of heddle is imported here: that keeps
it to some milliseconds, and those are not charged to the instance.

Standard input holds counted lists of words, each ended by a zero byte: folder, entry
files, processors, environment, arguments. Descriptor 3 takes ``stage``, ``errno`` and a
message, separated by zero bytes, when it fails; it closes by itself when the program
begins.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

_REPORT = 3
#: Exit code when the program could not be started; what shells use.
NOT_STARTED = 127


def main() -> None:
    """Enter and become the program."""
    stage = "read"
    try:
        words = iter(_everything(0).split(b"\0"))
        lists = [_counted(words) for _ in range(5)]
        folders, entry_files, cores, environment, arguments = lists
        _leave_the_parent()
        stage = "folder"
        for folder in folders:
            os.chdir(folder)
        stage = "bind"
        if cores:
            os.sched_setaffinity(0, {int(core) for core in cores})
        for path in entry_files:
            _enter(path)
        stage = "program"
        variables = dict(entry.split(b"=", 1) for entry in environment)
        os.execvpe(arguments[0], arguments, variables)  # noqa: S606 (no shell is meant)
    except OSError as error:
        report = (stage, str(error.errno or 0), error.strerror or str(error))
        os.write(_REPORT, "\0".join(report).encode())
    except ValueError as error:
        os.write(_REPORT, f"{stage}\0000\0{error}".encode())
    sys.exit(NOT_STARTED)


def _leave_the_parent() -> None:
    """Read nothing, and keep nothing open but the log and, until the program begins, 3."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.set_inheritable(_REPORT, False)  # noqa: FBT003 (has no name)
    os.closerange(_REPORT + 1, os.sysconf("SC_OPEN_MAX"))


def _enter(path: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, b"%d\n" % os.getpid())
    os.close(descriptor)


def _everything(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0)


def _counted(words: Iterator[bytes]) -> list[bytes]:
    return [next(words) for _ in range(int(next(words)))]


if __name__ == "__main__":
    main()
