"""The daemon's folder: made once, its secret kept, who runs on it known."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from heddle.cluster.line_server import MAX_PATH_BYTES
from heddle.errors import InputError
from heddle.runtime.process import ProcessId, identify
from heddle.server.state_folder import RunningDaemon, StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "s")
    made.prepare()
    return made


def me() -> ProcessId:
    own = identify(os.getpid())
    assert own is not None
    return own


def test_preparing_again_keeps_the_token(folder: StateFolder) -> None:
    token = folder.token()
    folder.prepare()
    assert folder.token() == token
    assert len(token) >= 32


def test_nobody_else_may_read_folder_and_token(folder: StateFolder) -> None:
    assert folder.path.stat().st_mode & 0o077 == 0
    assert folder.token_file.stat().st_mode & 0o777 == 0o600


def test_two_folders_have_different_tokens(tmp_path: Path, folder: StateFolder) -> None:
    other = StateFolder(tmp_path / "o")
    other.prepare()
    assert other.token() != folder.token()


def test_a_token_that_is_gone_is_said_with_its_place(folder: StateFolder) -> None:
    folder.token_file.unlink()
    with pytest.raises(InputError, match="cannot read the token") as caught:
        folder.token()
    assert str(folder.token_file) in str(caught.value)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("")
    with pytest.raises(InputError, match="cannot keep state here"):
        StateFolder(tmp_path / "s").prepare()


def test_a_path_too_long_for_sockets_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    path = tmp_path / ("n" * MAX_PATH_BYTES)
    with pytest.raises(InputError, match="choose a shorter folder"):
        StateFolder(path).prepare()
    assert not path.exists()


def test_a_daemon_that_lives_is_found_and_one_that_is_forgotten_is_not(folder: StateFolder) -> None:
    assert folder.daemon() is None
    assert not folder.was_running()
    running = RunningDaemon(me(), "https://127.0.0.1:1", "/t", Path("/c.pem"))
    folder.write_daemon(running)
    assert folder.daemon() == running
    assert folder.was_running()
    folder.forget_daemon()
    folder.forget_daemon()
    assert folder.daemon() is None
    assert not folder.was_running()


def test_a_process_with_the_number_of_a_dead_daemon_is_not_it(folder: StateFolder) -> None:
    another = me()._replace(start_ticks=me().start_ticks + 1)
    folder.write_daemon(RunningDaemon(another, "http://127.0.0.1:1", ""))
    assert folder.daemon() is None
    assert folder.was_running()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "1"}', '{"pid": -1}', "\0"])
def test_a_broken_note_names_no_daemon(folder: StateFolder, text: str) -> None:
    (folder.path / "daemon.json").write_text(text)
    assert folder.daemon() is None


def test_the_agents_options_are_read_again_and_a_broken_note_has_none(folder: StateFolder) -> None:
    assert folder.agent_options() == []
    folder.keep_agent_options(["--device", "cpu"])
    assert folder.agent_options() == ["--device", "cpu"]
    (folder.path / "agent.json").write_text(json.dumps({"words": 3}))
    assert folder.agent_options() == []
