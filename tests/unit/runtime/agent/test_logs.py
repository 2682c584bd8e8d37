"""Logs of instances: where they are, how they end, how many are kept."""

from __future__ import annotations

import os
from pathlib import Path

from heddle.runtime.agent.logs import MAX_KEPT, Logs, last_lines, quoted_end


def written(logs: Logs, service: str, name: str, text: str, at_s: int) -> Path:
    path = logs.path(service, name)
    path.write_text(text)
    os.utime(path, (at_s, at_s))
    return path


def test_only_the_last_lines_are_read_without_what_would_upset_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n" + b"x" * (2 << 20) + b"\nred \x1b[31m\xff end\nlast \x7f\n")
    lines = last_lines(path, 2)
    assert lines == ["red  [31m� end", "last  "]


def test_a_log_that_is_missing_or_empty_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none", 5) == []
    (tmp_path / "empty").touch()
    assert "it wrote nothing" in quoted_end(tmp_path / "empty")


def test_the_end_of_a_log_is_quoted_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\n\n  b  \n" + "y" * 5000)
    quoted = quoted_end(path)
    assert "\n" not in quoted
    assert len(quoted) < 2000
    path.write_text("a\n\n  b  \n")
    assert quoted_end(path) == f"its last lines: a | b (all in {path})"


def test_names_of_services_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs")
    for service in ("../../etc", "..", ".", "a/b", "a%2fb", "naïve"):
        assert logs.path(service, "cpu-0.0-1").parent.parent == tmp_path / "logs"
    assert len({logs.where(name, "x") for name in ("a/b", "a%2fb", "a_b")}) == 3


def test_the_latest_log_of_a_service_and_that_of_an_instance_are_found(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    old = written(logs, "chat", "cpu-0.0-1", "old", 100)
    new = written(logs, "chat", "cpu-0.0-2", "new", 200)
    assert logs.latest("chat") == new
    assert logs.of_instance("cpu-0.0-1") == old
    assert logs.latest("search") is None
    assert logs.of_instance("../chat/cpu-0.0-1") is None


def test_only_the_newest_logs_are_kept(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    for number in range(MAX_KEPT + 5):
        written(logs, "chat", f"cpu-0.0-{number}", "x", 100 + number)
    other = written(logs, "search", "cpu-0.1-9", "x", 1)
    logs.prune("chat")
    kept = {path.stem for path in (tmp_path / "chat").iterdir()}
    assert kept == {f"cpu-0.0-{number}" for number in range(5, MAX_KEPT + 5)}
    assert other.exists()
