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
    has_colour
        Tables may use colour (``NO_COLOR`` turns it off, https://no-color.org).
    """

    is_interactive: bool
    has_colour: bool


def load_settings() -> Settings:
    """Return the settings of this process."""
    is_terminal = sys.stderr.isatty()
    return Settings(
        is_interactive=is_terminal and os.environ.get("TERM") != "dumb",
        has_colour=is_terminal and not os.environ.get("NO_COLOR"),
    )
