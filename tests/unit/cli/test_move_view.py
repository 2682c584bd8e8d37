"""What a verb says of the transition that it caused, and how it exits."""

from __future__ import annotations

from typing import Any

import pytest

from heddle.cli.move_view import told_move
from heddle.server.client import DaemonClient

ACCEPTED = {"transition": "t2", "sentence": "asked for"}


class ScriptedDaemon(DaemonClient):
    """Says one state of the transition after the other, and the last one for ever."""

    def __init__(self, *states: str, move: str = "t2", message: str = "") -> None:
        super().__init__("http://127.0.0.1:1")
        self._states = list(states)
        self._move = {"id": move, "num_done": 1, "num_steps": 4, "message": message}

    def status(self) -> dict[str, Any]:
        """Return the next state."""
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {"transition": {**self._move, "state": state}}


def test_what_has_to_move_nothing_is_done_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    accepted = {"transition": None, "sentence": "nap is suspended"}
    assert told_move(ScriptedDaemon("running"), accepted, is_waiting=True) == 0
    assert capsys.readouterr().out == "nap is suspended; nothing has to move\n"


def test_who_does_not_wait_is_told_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert told_move(ScriptedDaemon("running"), ACCEPTED, is_waiting=False) == 0
    assert "transition t2 was accepted" in capsys.readouterr().out


def test_who_waits_is_told_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    daemon = ScriptedDaemon("running", "done")
    assert told_move(daemon, ACCEPTED, is_waiting=True) == 0
    said = capsys.readouterr()
    assert said.out.startswith("done: transition t2, 1 steps in ")
    assert said.err == ""


def test_a_transition_that_stopped_fails_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    daemon = ScriptedDaemon("stopped", message="cpu-0 at 0: it is never ready")
    assert told_move(daemon, ACCEPTED, is_waiting=True) == 1
    said = capsys.readouterr()
    assert said.out.startswith("stopped: transition t2")
    assert said.err == "heddle: cpu-0 at 0: it is never ready\n"
