"""The only module that reads the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surroundings say about how to run.

    Attributes
    ----------
    is_interactive
        Progress is drawn in place; otherwise it is printed as occasional lines.
    """

    is_interactive: bool


def child_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with more variables, for a process that it starts."""
    return {**os.environ, **more}


def has_cuda_devices() -> bool:
    """Whether this process was given a GPU: a device to which it is bound names it."""
    return bool(os.environ.get("CUDA_VISIBLE_DEVICES"))


def default_state_folder() -> Path:
    """Return where the daemon keeps its state unless told: ``$XDG_STATE_HOME/heddle``."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "heddle"


def cache_folder() -> Path:
    """Return where what can be made again is kept: ``$XDG_CACHE_HOME/heddle``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "heddle"


def load_settings() -> Settings:
    """Return the settings of this process."""
    is_terminal = sys.stderr.isatty()
    return Settings(is_interactive=is_terminal and os.environ.get("TERM") != "dumb")
