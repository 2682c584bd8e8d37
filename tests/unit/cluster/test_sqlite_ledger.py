"""A ledger on disk: it survives a kill, has one writer, and a damaged one is refused whole."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from heddle.cluster.sqlite_ledger import APPLICATION_ID, SqliteLedger
from heddle.errors import InputError

#: A writer that is killed, or that waits with the file open.
WRITER = """
import os, signal, sys
from pathlib import Path
from heddle.cluster.sqlite_ledger import SqliteLedger
ledger = SqliteLedger(Path(sys.argv[1]))
for i in range(int(sys.argv[2])):
    ledger.append("step.ended", {"i": i})
print("written", flush=True)
if sys.argv[3] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day to night?.journal"


def written(path: Path, count: int = 5) -> Path:
    """Return the path of a closed ledger with some entries."""
    with contextlib.closing(SqliteLedger(path)) as ledger:
        for i in range(count):
            ledger.append("step.ended", {"i": i, "note": "x" * 900})
    return path


def killed(path: Path, count: int = 5) -> Path:
    """Return the path of a ledger whose writer was killed."""
    writer = subprocess.run(
        [sys.executable, "-c", WRITER, path, str(count), "kill"], check=False, capture_output=True
    )
    assert writer.returncode == -signal.SIGKILL, writer.stderr
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        SqliteLedger(path)
    assert caught.value.exit_code == 2
    assert caught.value.location.file == path
    return str(caught.value)


def edit(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def fingerprint(path: Path) -> dict[str, str]:
    """Return a digest of the file and of its log, if there is one."""
    return {
        file.name: sha256(file.read_bytes()).hexdigest()
        for file in (path, path.with_name(path.name + "-wal"))
        if file.exists()
    }


def test_entries_are_there_when_it_is_opened_again(path: Path) -> None:
    written(path)
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert [entry.members["i"] for entry in ledger.entries()] == [0, 1, 2, 3, 4]
        assert ledger.append("step.ended", {}).number == 6


def test_a_closed_ledger_is_one_file(path: Path) -> None:
    written(path)
    assert list(path.parent.iterdir()) == [path]


def test_nothing_is_lost_when_the_writer_is_killed(path: Path) -> None:
    killed(path)
    assert path.with_name(path.name + "-wal").exists()
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert [entry.members["i"] for entry in ledger.entries()] == [0, 1, 2, 3, 4]
        ledger.append("step.ended", {"i": 5})
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert len(ledger.entries()) == 6


def test_two_kills_in_a_row_lose_nothing(path: Path) -> None:
    killed(path, 3)
    killed(path, 2)
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert [entry.members["i"] for entry in ledger.entries()] == [0, 1, 2, 0, 1]


def test_a_second_writer_is_refused_and_the_first_goes_on(path: Path) -> None:
    with contextlib.closing(SqliteLedger(path)) as first:
        first.append("step.ended", {})
        assert "another process has this ledger open" in refusal(path)
        first.append("step.ended", {})
        assert len(first.entries()) == 2


def test_a_second_process_is_refused_while_the_first_lives(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path, "2", "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        assert "another process has this ledger open; let it end" in refusal(path)
        writer.kill()
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert len(ledger.entries()) == 2


EDITS: dict[str, tuple[tuple[str, ...], str]] = {
    "members": (
        ("UPDATE entries SET members = replace(members, '2', '3') WHERE number = 3",),
        "entry 3 was changed: its checksum is wrong",
    ),
    "kind": (
        ("UPDATE entries SET kind = 'step.begun' WHERE number = 1",),
        "entry 1 was changed: its checksum is wrong",
    ),
    "hole": (("DELETE FROM entries WHERE number = 2",), "entry 2 is missing"),
    "first": (("DELETE FROM entries WHERE number = 1",), "entry 1 is missing"),
    "end": (
        ("DELETE FROM entries WHERE number = 5",),
        "it should end with entry 5, and ends with entry 4",
    ),
    "all": (("DELETE FROM entries",), "it should end with entry 5, and ends with entry 0"),
    "extra": (
        ("INSERT INTO entries SELECT 6, kind, members, checksum FROM entries WHERE number = 5",),
        "entry 6 was changed",
    ),
    "swapped": (
        (
            "UPDATE entries SET number = 9 WHERE number = 2",
            "UPDATE entries SET number = 2 WHERE number = 3",
            "UPDATE entries SET number = 3 WHERE number = 9",
        ),
        "entry 2 was changed",
    ),
    "no text": (
        ("UPDATE entries SET members = x'ff00' WHERE number = 4",),
        "entry 4 was changed",
    ),
    "no head": (("DELETE FROM head",), "it should end with entry -1, and ends with entry 5"),
    "no table": (("DROP TABLE entries",), "no such table"),
    "application": (("PRAGMA application_id = 7",), "a SQLite file of another application"),
    "version": (
        ("PRAGMA user_version = 2",),
        "it has version 2, and this heddle reads version 1",
    ),
}


@pytest.mark.parametrize("name", list(EDITS))
def test_an_edited_ledger_is_refused_and_left_as_it_is(path: Path, name: str) -> None:
    statements, what = EDITS[name]
    edit(written(path), *statements)
    before = fingerprint(path)
    message = refusal(path)
    assert what in message
    assert "It was left as it is; to start over, name another file or move this one away" in message
    assert fingerprint(path) == before


def test_an_edit_is_found_in_the_log_of_a_killed_writer_and_the_log_is_left(path: Path) -> None:
    killed(path)
    log = path.with_name(path.name + "-wal")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as editor:
        editor.execute("UPDATE entries SET members = '{}' WHERE number = 3")
        kept = {file: file.read_bytes() for file in (path, log)}
    # Closing wrote the log into the file; put both back as a kill would have left them.
    for file, content in kept.items():
        file.write_bytes(content)
    before = fingerprint(path)
    assert "entry 3 was changed" in refusal(path)
    assert fingerprint(path) == before


def emptied(content: bytes) -> bytes:
    return content[:0]


def half_a_header(content: bytes) -> bytes:
    return content[:50]


def half_a_file(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_page_less(content: bytes) -> bytes:
    return content[:-4096]


def a_text(content: bytes) -> bytes:
    return b"time,service,rate_rps\n" * 40


def zeroed_in_the_middle(content: bytes) -> bytes:
    return content[:4096] + bytes(4096) + content[8192:]


def one_bit(content: bytes) -> bytes:
    at = content.index(b'{"i":2')
    return content[: at + 5] + bytes([content[at + 5] ^ 1]) + content[at + 6 :]


@pytest.mark.parametrize(
    "damage",
    [emptied, half_a_header, half_a_file, one_page_less, a_text, zeroed_in_the_middle, one_bit],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_file_is_refused_and_left_as_it_is(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    written(path, 20)
    path.write_bytes(damage(path.read_bytes()))
    before = fingerprint(path)
    message = refusal(path)
    assert re.search("not a whole ledger: .+ It was left as it is; to start over", message), message
    assert fingerprint(path) == before


def test_every_flipped_byte_of_an_entry_is_found(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", 1).read_bytes()
    begin = whole.index(b"step.ended")
    end = begin + len(b'step.ended{"i":0,"note":"') + 900 + len('"}') + 64
    for at in range(begin, end, 13):
        flipped = tmp_path / f"flipped-{at}"
        flipped.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert "entry 1 was changed" in refusal(flipped)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    edit(path, "CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('x')")
    before = fingerprint(path)
    assert "a SQLite file of another application" in refusal(path)
    assert fingerprint(path) == before


def test_the_file_says_whose_it_is(path: Path) -> None:
    written(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_folder_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    assert "this is a folder" in refusal(tmp_path)
    assert "no such file or directory" in refusal(tmp_path / "none" / "journal")
    assert "not a directory" in refusal(written(tmp_path / "file") / "journal")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; run the tests as a user")
def test_a_folder_that_is_read_only_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "permission denied" in refusal(tmp_path / "journal")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; run the tests as a user")
def test_a_file_that_is_read_only_is_refused(path: Path) -> None:
    written(path).chmod(0o400)
    assert "permission denied" in refusal(path)


def test_a_full_disk_refuses_the_entry_and_keeps_those_before(path: Path) -> None:
    with contextlib.closing(SqliteLedger(path)) as ledger:
        ledger.append("step.ended", {"i": 0})
        assert ledger._connection is not None
        ledger._connection.execute("PRAGMA max_page_count = 5")
        with pytest.raises(InputError, match="cannot write this ledger: the disk is full"):
            ledger.append("step.ended", {"note": "x" * 50_000})
        assert len(ledger.entries()) == 1
        assert ledger.append("step.ended", {"i": 1}).number == 2
    with contextlib.closing(SqliteLedger(path)) as ledger:
        assert [entry.members["i"] for entry in ledger.entries()] == [0, 1]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import InputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
count = 0
try:
    ledger = SqliteLedger(Path(sys.argv[1]))
    while count < 1000:
        ledger.append("step.ended", {"i": count, "note": "x" * 900})
        count += 1
except InputError as error:
    print(count, error, sep="|")
"""


@pytest.mark.parametrize("limit", [0, 5_000, 10_000, 100_000])
def test_a_disk_that_takes_no_more_is_a_clear_error(path: Path, limit: int) -> None:
    assert resource.RLIMIT_FSIZE is not None
    answer = subprocess.run(
        [sys.executable, "-c", LIMITED, path, str(limit)],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    count, _, message = answer.stdout.partition("|")
    assert "cannot write this ledger: the disk" in message
    if int(count):
        with contextlib.closing(SqliteLedger(path)) as ledger:
            assert len(ledger.entries()) == int(count)
    else:
        assert not path.exists() or SqliteLedger(path).entries() == []
    assert not list(path.parent.glob(".*"))
