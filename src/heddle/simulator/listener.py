"""Serves a simulated cluster on a unix socket, to one controller at a time.

``heddle simulate`` runs one, in a process of its own: a controller that is killed
loses nothing but itself. ``socket_driver`` is the other end.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import stat
from pathlib import Path

from heddle.cluster.node_wire import MAX_REQUEST_BYTES
from heddle.errors import HostError, InputError, Location
from heddle.simulator.answers import Answers

_CHUNK_BYTES = 1 << 16
#: How long a controller may leave a reply unread before it is taken for dead.
_UNREAD_S = 10.0
_AT_ONCE_S = 0.0
#: The system's own limit on the path of a socket, less the byte that ends it.
_MAX_PATH_BYTES = 107


class _Controller:
    """The connection to a controller, and what it has said of its next request."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.said = bytearray()


class Listener:
    """Listens from the moment it is made; :meth:`close` removes the socket.

    Raises
    ------
    InputError
        Another process listens there, or the path cannot be a socket.
    """

    def __init__(self, path: Path, answers: Answers) -> None:
        self._answers = answers
        self._path = path
        self._controller: _Controller | None = None
        self._is_stopped = False
        self._socket = _bound(path)
        self._inode = path.stat().st_ino
        self._waker, self._alarm = socket.socketpair()
        for end in (self._waker, self._alarm, self._socket):
            end.settimeout(_AT_ONCE_S)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._selector.register(self._socket, selectors.EVENT_READ)

    def serve(self) -> None:
        """Answer controllers until :meth:`stop`, or until one asks for the end."""
        while not self._is_over:
            ready = {key.fileobj for key, _ in self._selector.select()}
            # What a controller said before it died comes before the next controller.
            if self._controller is not None and self._controller.connection in ready:
                self._hear(self._controller)
            if self._socket in ready and not self._is_over:
                self._accept()

    def stop(self) -> None:
        """Let :meth:`serve` return; may be called while a signal is received."""
        self._is_stopped = True
        with contextlib.suppress(OSError):
            self._waker.send(b"!")

    def close(self) -> None:
        """Hang up and remove the socket; may be called again."""
        self._hang_up()
        self._selector.close()
        for end in (self._waker, self._alarm, self._socket):
            end.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    @property
    def _is_over(self) -> bool:
        return self._is_stopped or self._answers.is_ending

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return  # it went away before it was heard
        controller = _Controller(connection)
        if self._controller is not None:
            message = "another controller is connected; one at a time"
            self._send(controller, self._answers.refusal(message))
            connection.close()
            return
        connection.settimeout(_AT_ONCE_S)
        self._controller = controller
        self._selector.register(connection, selectors.EVENT_READ)

    def _hear(self, controller: _Controller) -> None:
        """Answer all that a controller has said until now."""
        while self._controller is controller and not self._is_over:
            try:
                chunk = controller.connection.recv(_CHUNK_BYTES)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            if not chunk:
                self._hang_up()
                return
            controller.said += chunk
            self._answer_lines(controller)

    def _answer_lines(self, controller: _Controller) -> None:
        *lines, rest = controller.said.split(b"\n")
        controller.said = rest
        for line in lines:
            is_sent = self._send(controller, self._answers.reply(bytes(line)))
            if not is_sent or self._is_over:
                self._hang_up()
                return
        if len(rest) > MAX_REQUEST_BYTES:
            message = f"a request has at most {MAX_REQUEST_BYTES} bytes; this one goes on"
            self._send(controller, self._answers.refusal(message))
            self._hang_up()

    def _send(self, controller: _Controller, line: bytes) -> bool:
        """Send a reply; False when there is nobody to read it."""
        connection = controller.connection
        try:
            connection.settimeout(_UNREAD_S)
            connection.sendall(line)
            connection.settimeout(_AT_ONCE_S)
        except OSError:
            return False
        return True

    def _hang_up(self) -> None:
        if self._controller is not None:
            self._selector.unregister(self._controller.connection)
            self._controller.connection.close()
            self._controller = None


def connect(path: Path) -> socket.socket:
    """Return a connection to the process that listens at a path.

    Raises
    ------
    HostError
        Nobody listens there.
    """
    address = _address(path)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(address)
    except OSError as error:
        connection.close()
        reason = (error.strerror or str(error)).lower()
        raise HostError(
            f"{path}: no cluster listens here ({reason}); start one with "
            f"heddle simulate … --listen {path}"
        ) from error
    return connection


def _bound(path: Path) -> socket.socket:
    """Return a socket that listens at the path; what a dead process left is replaced."""
    address = _address(path)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(address)
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        listening.listen(8)
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot listen here: {reason}", Location(path)) from error
    return listening


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot listen here: {reason}", Location(path)) from error
    if not stat.S_ISSOCK(mode):
        raise InputError("cannot listen here: there is a file of that name", Location(path))
    try:
        connect(path).close()
    except HostError:
        path.unlink(missing_ok=True)
        return
    raise InputError("another process listens here; end it, or choose another path", Location(path))


def _address(path: Path) -> str:
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        message = f"the path of a socket has at most {_MAX_PATH_BYTES} bytes; choose a shorter one"
        raise InputError(message, Location(path))
    return str(path)
