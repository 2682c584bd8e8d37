"""Every error heddle raises on purpose.

    HeddleError                     exit code, and whether trying again helps
    ├── InputError            (2)   something the user wrote; file, line and key
    ├── UnsupportedError      (2)   a solver was asked for an option it does not have
    ├── NoPlanError           (1)   the honest answer is no: no plan exists or was found
    ├── InterruptedRunError (130)   stopped before there was any plan to show
    ├── SolverError           (1)   the LP/MIP library failed
    └── HostError             (1)   what carries out commands is gone or not understood

Foreign errors are translated where the library is fenced: YAML and CSV in
``workload``, HiGHS in ``linear_program``. The CLI prints the message without a
traceback and exits with the code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the user's input something was found. ``line`` counts from 1."""

    file: Path | None = None
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        place = str(self.file) if self.file else ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        return ": ".join(part for part in (place, self.key) if part)


class HeddleError(Exception):
    """The root of the tree. ``exit_code`` is what the CLI returns for it."""

    exit_code = 1
    is_retryable = False


class InputError(HeddleError):
    """Something in the user's input is wrong; nothing was written."""

    exit_code = 2

    def __init__(self, message: str, location: Location | None = None) -> None:
        self.location = location or Location()
        self.message = message
        place = str(self.location)
        super().__init__(f"{place}: {message}" if place else message)


class UnsupportedError(HeddleError):
    """A solver was asked for an option that it does not have; another one may."""

    exit_code = 2


class NoPlanError(HeddleError):
    """No plan exists, or the solver found none within its limits."""


class InterruptedRunError(HeddleError):
    """The run was stopped before it had a plan."""

    exit_code = 130
    is_retryable = True


class SolverError(HeddleError):
    """The LP/MIP library ended in a state that is neither an answer nor a limit."""


class HostError(HeddleError):
    """The host that should carry out commands is gone, or cannot be understood.

    ``is_retryable`` says whether the same may succeed later.
    """

    def __init__(self, message: str, *, is_retryable: bool = False) -> None:
        self.is_retryable = is_retryable
        super().__init__(message)


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest allowed word, or ``""``."""
    by_folded = {candidate.casefold(): candidate for candidate in sorted(allowed, reverse=True)}
    longer = [candidate for candidate in by_folded if candidate.startswith(word.casefold())]
    if longer and word:
        shortest = min(longer, key=lambda candidate: (len(candidate), candidate))
        return f" (did you mean {by_folded[shortest]!r}?)"
    matches = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.5)
    return f" (did you mean {by_folded[matches[0]]!r}?)" if matches else ""


def listed(words: Iterable[str], limit: int = 12) -> str:
    """Return the words as ``a, b, c`` with at most ``limit`` of them spelled out."""
    every = list(words)
    shown = ", ".join(every[:limit])
    return shown if len(every) <= limit else f"{shown}, … ({len(every)} in all)"
