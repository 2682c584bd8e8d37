"""The log of an instance: its standard error."""

from __future__ import annotations

import sys


def say(sentence: str) -> None:
    """Write a line to the log."""
    print(sentence, file=sys.stderr, flush=True)
