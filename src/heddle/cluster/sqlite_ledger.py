"""A ledger in a SQLite file: what is written survives a kill and a power cut.

The only module that knows SQLite; its errors are translated here. Every entry carries
a checksum over itself and the checksum before it, and the last one stands once more in
a row of its own, so that an edit, a hole and a missing end are found when the file is
opened. A file that is refused is left as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from heddle.cluster.ledger import Entry, encoded_entry
from heddle.errors import InputError, Location

#: "hedl", in the header of the file.
APPLICATION_ID = 0x6865646C
VERSION = 1
#: How long to wait for another process that is only looking at the file.
_PATIENCE_S = 0.5
_SCHEMA = """
BEGIN;
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    members TEXT NOT NULL,
    checksum TEXT NOT NULL
);
CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER, checksum TEXT);
INSERT INTO head VALUES (1, 0, '');
COMMIT;
"""
_SELECT = "SELECT number, kind, members, checksum FROM entries WHERE number > ? ORDER BY number"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNWRITABLE = {
    sqlite3.SQLITE_READONLY: "permission denied",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk does not take it",
}


class _Head(NamedTuple):
    """The number and the checksum of the last entry; 0 and nothing before the first."""

    number: int = 0
    checksum: str = ""


class SqliteLedger:
    """A :class:`heddle.cluster.ledger.Ledger` in a file, which is made when it is missing.

    Threads of one process may share it.

    Raises
    ------
    InputError
        The file is no ledger, is damaged, belongs to a later version, is open in
        another process, or cannot be written. Nothing in it was changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        if not _exists(path):
            _make(path)
        with _translated(path, _reading_error):
            verified = _verified_head(path)
        # SQLite keeps its log beside the file; it would blame the disk.
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            raise InputError("cannot write this ledger: permission denied", Location(path))
        with _translated(path):
            self._connection: sqlite3.Connection | None = _opened_for_writing(path)
            self._head = _read_head(self._connection)
        if self._head != verified:
            self.close()
            raise _busy(path)

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self._path)

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        """Add an entry and return it; it is on disk when this returns."""
        text = encoded_entry(kind, members)
        with self._lock:
            connection = self._open()
            number = self._head.number + 1
            head = _Head(number, _checksum(self._head.checksum, number, kind, text))
            with _translated(self._path), _transaction(connection):
                row = (number, kind, text, head.checksum)
                connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
                connection.execute("UPDATE head SET number = ?, checksum = ?", head)
            self._head = head
        return Entry(number, kind, json.loads(text))

    def entries(self, after: int = 0) -> Sequence[Entry]:
        """Return the entries with a number above ``after``, in order."""
        with self._lock, _translated(self._path):
            rows = self._open().execute(_SELECT, (after,)).fetchall()
        return [Entry(number, kind, json.loads(text)) for number, kind, text, _ in rows]

    def close(self) -> None:
        """Close the file, so that another process may open it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("this ledger is closed")
        return self._connection


def _exists(path: Path) -> bool:
    try:
        if path.is_dir():
            raise InputError("this is a folder, not a ledger; name a file", Location(path))
        return path.exists()
    except OSError as error:
        _refuse_writing(path, error)


def _make(path: Path) -> None:
    """Write an empty ledger beside the path and link it there: never half a header."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(descriptor)
    except OSError as error:
        _refuse_writing(path, error)
    temporary = Path(name)
    try:
        with _translated(path), contextlib.closing(_connected(temporary)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executescript(_SCHEMA)
        temporary.chmod(0o644)
        # If another process was faster, its file stands and is opened.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
        _sync_folder(path.parent)
    except OSError as error:
        _refuse_writing(path, error)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connected(path: Path, mode: str = "rw") -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{'immutable=1' if mode == 'immutable' else f'mode={mode}'}"
    # The ledger's own lock orders the threads of a process.
    return sqlite3.connect(
        uri, uri=True, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
    )


def _opened_for_writing(path: Path) -> sqlite3.Connection:
    """Return a connection that keeps every other process out until it is closed."""
    connection = _connected(path)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with _transaction(connection):
            pass
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _verified_head(path: Path) -> _Head:
    """Read the whole file without changing it and return its head; InputError if it is wrong."""
    # Without a log beside it nobody is writing: then it can be read without a trace.
    has_log = path.with_name(path.name + "-wal").exists()
    if path.stat().st_size == 0:
        _refuse(path, "it is empty (0 bytes)")
    with contextlib.closing(_connected(path, "ro" if has_log else "immutable")) as connection:
        _check_header(path, connection)
        head = _Head()
        for number, kind, text, checksum in connection.execute(_SELECT, (0,)):
            if number != head.number + 1:
                _refuse(path, f"entry {head.number + 1} is missing")
            if checksum != _checksum(head.checksum, number, kind, text):
                _refuse(path, f"entry {number} was changed: its checksum is wrong")
            head = _Head(number, checksum)
        last = _read_head(connection)
    if last != head:
        _refuse(path, f"it should end with entry {last.number}, and ends with entry {head.number}")
    return head


def _check_header(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        _refuse(path, "it is a SQLite file of another application")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        _refuse(path, f"it has version {version}, and this heddle reads version {VERSION}")


def _read_head(connection: sqlite3.Connection) -> _Head:
    row = connection.execute("SELECT number, checksum FROM head").fetchone()
    return _Head(-1) if row is None else _Head(*row)


def _checksum(before: str, number: int, kind: str, text: str) -> str:
    return sha256(f"{before}\n{number}\n{kind}\n{text}".encode()).hexdigest()


def _writing_error(path: Path, error: sqlite3.Error) -> InputError:
    code = _primary_code(error)
    if code in _BUSY:
        return _busy(path)
    if code in _UNWRITABLE:
        return InputError(f"cannot write this ledger: {_UNWRITABLE[code]}", Location(path))
    return _unusable(path, str(error))


def _reading_error(path: Path, error: sqlite3.Error) -> InputError:
    code = _primary_code(error)
    if code in _BUSY:
        return _busy(path)
    if code == sqlite3.SQLITE_CANTOPEN:
        return InputError("cannot read this ledger: it cannot be opened", Location(path))
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL):
        # Reading beside a log needs room too; the file itself may well be whole.
        return InputError(
            f"cannot read this ledger: {error}; is the disk full? It was left as it is",
            Location(path),
        )
    return _unusable(path, str(error))


@contextlib.contextmanager
def _translated(
    path: Path, error_of: Callable[[Path, sqlite3.Error], InputError] = _writing_error
) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise error_of(path, error) from error


def _primary_code(error: sqlite3.Error) -> int:
    """Return the kind of error: the low byte of SQLite's code, the rest says more about it."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _busy(path: Path) -> InputError:
    return InputError(
        "another process has this ledger open; let it end, or name another file", Location(path)
    )


def _unusable(path: Path, what: str) -> InputError:
    return InputError(
        f"this is not a whole ledger: {what}. It was left as it is; to start over, "
        "name another file or move this one away",
        Location(path),
    )


def _refuse(path: Path, what: str) -> NoReturn:
    raise _unusable(path, what)


def _refuse_writing(path: Path, error: OSError) -> NoReturn:
    reason = (error.strerror or str(error)).lower()
    raise InputError(f"cannot write this ledger: {reason}", Location(path)) from error
