"""``python -m heddle.serving.instance FOLDER/instance.json``: one instance of a service.

Its standard error is its log. It takes no guests: ``heddle.server.shared_instance`` is the same
with a device to share. It exits with 0 after a drain, with 2 when the order or the network is
wrong, and with 1 when its port is taken.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from heddle.errors import HeddleError, InputError
from heddle.serving.engines.sharing import SharedDevice
from heddle.serving.instance.order import GUESTS_FILE_NAME, load_order
from heddle.serving.instance.running import run


def main(words: list[str], new_device: Callable[[], SharedDevice] | None = None) -> int:
    """Run the instance that a file describes; return the exit code."""
    try:
        if len(words) != 1:
            raise InputError("usage: python -m heddle.serving.instance FOLDER/instance.json")
        path = Path(words[0])
        run(load_order(path), path.with_name(GUESTS_FILE_NAME), new_device)
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def leave(exit_code: int) -> NoReturn:
    """End the process, whatever its threads do."""
    sys.stdout.flush()
    sys.stderr.flush()
    # A network may be loading in a thread, which has no way of being interrupted.
    os._exit(exit_code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
