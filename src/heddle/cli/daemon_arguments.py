"""How verbs find the daemon they talk to: by its state folder, or by its URL."""

from __future__ import annotations

import argparse
from pathlib import Path

from heddle.errors import InputError
from heddle.server.client import DaemonClient, client_of
from heddle.settings import default_state_folder


def add_state_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--state``."""
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="the daemon's folder (default: $XDG_STATE_HOME/heddle, ~/.local/state/heddle)",
    )


def add_daemon_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--state``, ``--url`` and ``--token-file``."""
    add_state_argument(parser)
    parser.add_argument("--url", metavar="URL", help="instead: the daemon's address")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="with --url: where its token stands"
    )


def state_of(arguments: argparse.Namespace) -> Path:
    """Return the state folder that the arguments mean."""
    found: Path = arguments.state or default_state_folder()
    return found


def daemon_of(arguments: argparse.Namespace) -> DaemonClient:
    """Return a client of the daemon that the arguments mean; HostError when none runs."""
    if arguments.url is None:
        if arguments.token_file is not None:
            raise InputError("--token-file goes with --url")
        return client_of(state_of(arguments))
    if arguments.state is not None:
        raise InputError("name the daemon by --state or by --url, not by both")
    token = ""
    if arguments.token_file is not None:
        try:
            token = arguments.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the token: {error}") from error
    return DaemonClient(arguments.url, token)
