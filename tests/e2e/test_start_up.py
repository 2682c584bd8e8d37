"""Starting costs little: nothing is imported that is not needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from command_line import Heddle
from heddle import __version__
from heddle.cli.main import VERBS

THIRD_PARTIES = {"numpy", "highspy", "yaml"}


def imported_by(code: str) -> set[str]:
    """Return the top-level modules that a process has after running the code."""
    report = "import json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return {name.partition(".")[0] for name in json.loads(ended.stdout.splitlines()[-1])}


def calling(*words: str) -> str:
    return (
        "import contextlib\n"
        "from heddle.cli.main import main\n"
        f"with contextlib.suppress(SystemExit): main({list(words)!r})"
    )


def test_the_package_imports_no_third_party() -> None:
    assert imported_by("import heddle").isdisjoint(THIRD_PARTIES)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["plann"]], ids=" ".join)
def test_the_help_of_the_root_imports_no_third_party(words: list[str]) -> None:
    modules = imported_by(calling(*words))
    assert "heddle" in modules
    assert modules.isdisjoint(THIRD_PARTIES)


def test_the_help_of_a_verb_that_draws_gpus_needs_no_solver() -> None:
    assert "highspy" not in imported_by(calling("gpus", "A100-80GB"))


def test_the_help_lists_every_verb(heddle: Heddle) -> None:
    answer = heddle("--help")
    assert answer.exit_code == 0
    for verb in VERBS:
        assert f"\n    {verb.name} " in answer.out
    assert "0 done; 1 the answer is no" in " ".join(answer.out.split())


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_has_help(verb: str, heddle: Heddle) -> None:
    answer = heddle(verb, "--help")
    assert answer.exit_code == 0
    assert answer.out.startswith(f"usage: heddle {verb} ")
    assert answer.err == ""


def test_the_version_is_that_of_the_package(heddle: Heddle) -> None:
    assert heddle("--version").out == f"heddle {__version__}\n"
