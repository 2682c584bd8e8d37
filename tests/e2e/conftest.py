"""The command line, called within the process of the test."""

from __future__ import annotations

import pytest

from command_line import Answer, Heddle
from heddle.cli.main import main


@pytest.fixture
def heddle(capsys: pytest.CaptureFixture[str]) -> Heddle:
    """Return a function that runs a command line and returns its exit code and output."""

    def run(*words: object) -> Answer:
        capsys.readouterr()
        try:
            exit_code = main([str(word) for word in words])
        except SystemExit as end:
            exit_code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Answer(exit_code, out, err)

    return run
