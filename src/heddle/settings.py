"""The only module that reads the environment."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surroundings say about how to run.

    Attributes
    ----------
    is_interactive
        Progress is drawn in place; otherwise it is printed as occasional lines.
    """

    is_interactive: bool


def load_settings() -> Settings:
    """Return the settings of this process."""
    is_terminal = sys.stderr.isatty()
    return Settings(is_interactive=is_terminal and os.environ.get("TERM") != "dumb")
