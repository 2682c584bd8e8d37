"""What the surroundings say."""

from __future__ import annotations

import io
import sys

import pytest

from heddle.settings import Settings, load_settings


class Stream(io.StringIO):
    """A stderr that is a terminal, or not."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


PLACES = {
    "a terminal": (True, {"TERM": "xterm"}, Settings(is_interactive=True)),
    "a terminal that cannot go back in a line": (
        True,
        {"TERM": "dumb"},
        Settings(is_interactive=False),
    ),
    "a file": (False, {"TERM": "xterm"}, Settings(is_interactive=False)),
}


@pytest.mark.parametrize("place", PLACES)
def test_progress_in_place_needs_a_terminal(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_terminal, environment, settings = PLACES[place]
    monkeypatch.setattr(sys, "stderr", Stream(is_terminal=is_terminal))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
