"""The process of the daemon: ``python -m heddle.server --state DIR …``; ``heddle up`` runs it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from heddle.errors import HeddleError
from heddle.server.running import serve
from heddle.server.up_arguments import add_up_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, Ctrl-C or a shutdown; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m heddle.server")
    parser.add_argument("--state", type=Path, required=True)
    add_up_arguments(parser)
    try:
        return asyncio.run(serve(parser.parse_args(argv)))
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
