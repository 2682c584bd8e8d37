"""The error of a compiler that is not there."""

from __future__ import annotations

from heddle.errors import HostError


class SourceUnavailableError(HostError):
    """A corpus kernel cannot be compiled here; the message says what to install."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_retryable=False)
