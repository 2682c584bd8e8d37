"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from heddle.atomic_file import make_folder, require_writable, write_text
from heddle.errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_holds_the_text_in_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "new", "größe\n≈\r\n")
    assert (tmp_path / "new").read_bytes() == "größe\n≈\r\n".encode()
    assert names(tmp_path) == ["new"]


def test_an_old_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_can_be_read_by_others(tmp_path: Path) -> None:
    write_text(tmp_path / "new", "text")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644


def test_a_text_that_cannot_be_encoded_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half a surrogate pair: \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["old"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failure_on_the_way_leaves_the_old_file_and_nothing_else(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "old"
    path.write_text("old", encoding="utf-8")
    owner = os if failing == "fsync" else Path
    monkeypatch.setattr(owner, failing, fail)
    with pytest.raises(InputError, match="cannot write this file: no space left on device"):
        write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["old"]


def test_the_target_never_holds_half_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just before the rename the old text stands, and the new one lies whole beside it."""
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    seen: list[tuple[str, str]] = []
    rename = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append((path.read_text(encoding="utf-8"), self.read_text(encoding="utf-8")))
        assert self.parent == path.parent
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_text(path, "new" * 100_000)
    assert seen == [("old", "new" * 100_000)]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or directory"):
        write_text(tmp_path / "none" / "file", "text")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "it is a folder"),
        ("none/file", "there is no folder"),
        ("file/below", "there is no folder"),
        ("x" * 300, "file name too long"),
    ],
)
def test_what_cannot_be_written_is_known_beforehand(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        require_writable(None, tmp_path / name)
    assert names(tmp_path) == ["file"]


def test_what_can_be_written_is_left_alone(tmp_path: Path) -> None:
    require_writable(None, tmp_path / "new")
    assert names(tmp_path) == []


def test_folders_are_made_with_those_above_them(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with pytest.raises(InputError, match="cannot make this folder"):
        make_folder(tmp_path / "file" / "c")
