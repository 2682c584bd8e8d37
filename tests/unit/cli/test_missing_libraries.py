"""A verb whose optional library is not installed says how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Runs a verb as if one library were not installed.
PROGRAM = """\
import sys
sys.modules[sys.argv[1]] = None
from heddle.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("library", ["fastapi", "pydantic", "uvicorn"])
def test_up_without_a_library_of_the_server_names_the_extra(library: str) -> None:
    words = [sys.executable, "-c", PROGRAM, library, "up", "--help"]
    ended = subprocess.run(words, capture_output=True, check=False, encoding="utf-8")
    assert ended.returncode == 2
    assert ended.stderr == (
        f"heddle: heddle up needs {library}, which is not installed: "
        "pip install 'heddle-gpu[server]'\n"
    )


def test_verbs_that_need_no_server_work_without_it() -> None:
    words = [sys.executable, "-c", PROGRAM, "fastapi", "gpus", "--help"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
