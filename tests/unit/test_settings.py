"""What the surroundings say."""

from __future__ import annotations

import io
import sys

import pytest

from heddle.settings import load_settings


class Stream(io.StringIO):
    """A stderr that is a terminal, or not."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "term", "no_colour", "is_interactive", "has_colour"),
    [
        (True, "xterm", None, True, True),
        (True, "xterm", "", True, True),
        (True, "xterm", "1", True, False),
        (True, "dumb", None, False, True),
        (False, "xterm", None, False, False),
    ],
)
def test_progress_in_place_and_colour_need_a_terminal(
    is_terminal: bool,
    term: str,
    no_colour: str | None,
    is_interactive: bool,
    has_colour: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", Stream(is_terminal=is_terminal))
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_colour is not None:
        monkeypatch.setenv("NO_COLOR", no_colour)
    settings = load_settings()
    assert settings.is_interactive is is_interactive
    assert settings.has_colour is has_colour
