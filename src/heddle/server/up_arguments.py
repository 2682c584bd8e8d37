"""The options that ``heddle up`` and the daemon's process share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from heddle.errors import InputError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_MAX_DEVICES = 64
_DEVICE = re.compile(r"cpu|cuda:[0-9]{1,4}|sim:[A-Za-z0-9-]{1,32}")


def add_up_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--port",
        type=_port,
        default=8765,
        metavar="PORT",
        help="of the API and the dashboard (default: 8765; 0: any that is free)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="HOST",
        help="where to listen; anything but loopback asks for the token (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--device",
        choices=["cpu", "nvidia"],
        default="cpu",
        help="what is cut: this machine's processors, or its NVIDIA GPUs (default: cpu)",
    )
    parser.add_argument(
        "--cpu-devices",
        type=_num_devices,
        default=1,
        metavar="N",
        help="cut the processors into so many GPUs of type CPU-8 (default: 1)",
    )
    parser.add_argument(
        "--runtime",
        type=_runtime,
        metavar="DEVICE",
        help="offer a device of heddle run, such as cpu, to other processes on a local socket",
    )
    parser.add_argument(
        "--require-token", action="store_true", help="ask for the token on loopback too"
    )
    parser.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="speak TLS with this certificate (PEM)"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")


def require_consistent(arguments: argparse.Namespace) -> None:
    """Raise InputError for options that do not go together."""
    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        raise InputError("--tls-cert and --tls-key go together")
    for path in (arguments.tls_cert, arguments.tls_key):
        if path is not None and not path.is_file():
            raise InputError(f"there is no file {str(path)!r}")


def words_of(arguments: argparse.Namespace) -> list[str]:
    """Return the options as words of a command line."""
    words = ["--port", str(arguments.port), "--host", arguments.host]
    words += ["--device", arguments.device, "--cpu-devices", str(arguments.cpu_devices)]
    if arguments.runtime:
        words += ["--runtime", arguments.runtime]
    if arguments.require_token:
        words.append("--require-token")
    for option in ("tls_cert", "tls_key"):
        path = getattr(arguments, option)
        if path is not None:
            words += [f"--{option.replace('_', '-')}", str(path.absolute())]
    return words


def _port(word: str) -> int:
    return _whole(word, 0, 65_535)


def _num_devices(word: str) -> int:
    return _whole(word, 1, _MAX_DEVICES)


def _runtime(word: str) -> str:
    if not _DEVICE.fullmatch(word):
        raise argparse.ArgumentTypeError(
            f"expected cpu, cuda:INDEX or sim:TYPE such as sim:MI50, found {word!r}"
        )
    return word


def _whole(word: str, least: int, most: int) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 9 and least <= int(word) <= most):
        raise argparse.ArgumentTypeError(
            f"expected a whole number from {least} to {most}, found {word!r}"
        )
    return int(word)
