"""The process that plans: a question on standard input, an answer on standard output.

Started by the daemon for every plan, so that solvers and their memory are gone when it
is done. Errors are part of the answer: the daemon passes them on as they are.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from heddle.cluster.json_object import parse_json
from heddle.cluster.json_text import encode
from heddle.errors import HeddleError
from heddle.server.plan_message import question_of
from heddle.server.planning import answer


def _make_machine_code() -> None:
    """Make the machine code of shared devices, once a machine: here it holds nobody up.

    It takes tens of seconds the first time; inside an instance, its service would wait. What
    fails here fails there again, where it is told as the reason why a guest is not served.
    """
    with contextlib.suppress(Exception):
        from heddle.server.sharing import open_shared_device  # noqa: PLC0415 (few need it)

        open_shared_device().close()


def main() -> int:
    """Read, plan, write; return 0 whatever the answer is."""
    question = parse_json(sys.stdin.buffer.read().decode(), Path("question"))
    members: dict[str, Any]
    try:
        found = answer(question_of(question))
        members = found.members()
        if found.lodgings:
            _make_machine_code()
    except HeddleError as error:
        members = {"error": str(error), "exit_code": error.exit_code}
    sys.stdout.write(encode(members))
    return 0


if __name__ == "__main__":
    sys.exit(main())
