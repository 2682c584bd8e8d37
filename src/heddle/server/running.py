"""Runs the daemon in this process: its ledger, its children, its API, until it is told to end.

``heddle up`` calls it in the foreground, ``python -m heddle.server`` in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator

import uvicorn

from heddle.clock import WallClock
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import InputError
from heddle.runtime.process import identify
from heddle.server.api.guard import Access, Guard
from heddle.server.api.routes import make_app
from heddle.server.daemon import Daemon
from heddle.server.state_folder import RunningDaemon, StateFolder
from heddle.server.store import Store
from heddle.server.supervision import HELLO_AGENT, HELLO_ROUTER, Child, Supervision
from heddle.server.up_arguments import LOOPBACK

_BACKLOG = 128


class _Server(uvicorn.Server):
    """A server that leaves signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them as they are."""
        yield


async def serve(arguments: argparse.Namespace) -> int:
    """Serve; InputError when this cannot be the daemon of that folder."""
    folder = StateFolder(arguments.state)
    folder.prepare()
    is_loopback = arguments.host in LOOPBACK
    with contextlib.ExitStack() as opened:
        # 1. Only one daemon: its ledger has one writer, its port one listener.
        ledger = SqliteLedger(folder.ledger)
        opened.callback(ledger.close)
        listening = _bound(arguments.host, arguments.port)
        opened.callback(listening.close)
        scheme = "http" if arguments.tls_cert is None else "https"
        _require_usable(arguments)
        url = f"{scheme}://{arguments.host}:{listening.getsockname()[1]}"
        # 2. Agent and router, the store, the daemon.
        clock = WallClock()
        store = Store(ledger)
        children = _children(folder, arguments)
        supervision = Supervision(children, clock, store.tell)
        daemon = Daemon(folder, store, supervision, clock, url)
        await daemon.begin()
        # 3. The API, and the word that it is there.
        needs_token = arguments.require_token or not is_loopback
        access = Access(folder.token() if needs_token else None, LOOPBACK if is_loopback else None)
        app = make_app(daemon)
        own = identify(os.getpid())
        if own is not None:
            token_file = str(folder.token_file) if needs_token else ""
            certificate = arguments.tls_cert.absolute() if arguments.tls_cert else None
            folder.write_daemon(RunningDaemon(own, url, token_file, certificate))
        print(f"heddle: up at {url}", file=sys.stderr, flush=True)
        await _until_the_end(Guard(app, access, clock), daemon, listening, arguments)
        await daemon.close()
        folder.forget_daemon()
    return 0


async def _until_the_end(
    app: Guard, daemon: Daemon, listening: socket.socket, arguments: argparse.Namespace
) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ssl_certfile=arguments.tls_cert,
        ssl_keyfile=arguments.tls_key,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.is_ending.set)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    ending = asyncio.create_task(daemon.is_ending.wait())
    await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


def _children(folder: StateFolder, arguments: argparse.Namespace) -> list[Child]:
    state = str(folder.path)
    python = sys.executable
    options = ["--device", arguments.device, "--cpu-devices", str(arguments.cpu_devices)]
    # An agent that only clears up has no use for a runtime.
    folder.keep_agent_options(options)
    if arguments.runtime:
        options = [*options, "--runtime", arguments.runtime]
    agent = [python, "-m", "heddle.server.node_agent", "--state", state, *options]
    router = [python, "-m", "heddle.serving.router", "--state", state]
    if arguments.host not in LOOPBACK:
        router += ["--host", arguments.host]
    return [
        Child("router", router, folder.router_socket, HELLO_ROUTER, folder.log("router")),
        Child("agent", agent, folder.agent_socket, HELLO_AGENT, folder.log("agent")),
    ]


def _require_usable(arguments: argparse.Namespace) -> None:
    """Raise InputError for a certificate and key that cannot be served."""
    if arguments.tls_cert is None:
        return
    tried = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password of its own, OpenSSL would ask the terminal for one.
        tried.load_cert_chain(arguments.tls_cert, arguments.tls_key, password="")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"--tls-cert {arguments.tls_cert} and --tls-key {arguments.tls_key} cannot be used: "
            f"{reason.lower()}; needed: a certificate and its key without a password, as PEM"
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens; InputError when the port is taken or the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            f"cannot listen at {host}:{port}: {reason}; choose another with --port"
        ) from error
    return listening
