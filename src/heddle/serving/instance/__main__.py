"""``python -m heddle.serving.instance FOLDER/instance.json``: one instance of a service.

Its standard error is its log. It exits with 0 after a drain, with 2 when the order or the
network is wrong, and with 1 when its port is taken.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from heddle.errors import HeddleError, InputError
from heddle.serving.instance.order import load_order
from heddle.serving.instance.running import run


def main(words: list[str]) -> int:
    """Run the instance that a file describes; return the exit code."""
    try:
        if len(words) != 1:
            raise InputError("usage: python -m heddle.serving.instance FOLDER/instance.json")
        run(load_order(Path(words[0])))
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # A network may be loading in a thread, which has no way of being interrupted.
    os._exit(exit_code)
