"""Errors: places, exit codes, and the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle import errors
from heddle.errors import HeddleError, InputError, Location, listed, nearest

EXIT_CODES = {
    "InputError": 2,
    "UnsupportedError": 2,
    "NoPlanError": 1,
    "InterruptedRunError": 130,
    "SolverError": 1,
    "HostError": 1,
}


def test_every_error_of_the_tree_has_its_exit_code() -> None:
    tree = {
        name: member.exit_code
        for name, member in vars(errors).items()
        if isinstance(member, type) and issubclass(member, HeddleError)
    }
    assert tree == {"HeddleError": 1, **EXIT_CODES}


def test_the_drawing_of_the_tree_shows_every_error_with_its_code() -> None:
    assert errors.__doc__ is not None
    for name, code in EXIT_CODES.items():
        line = next(line for line in errors.__doc__.splitlines() if f"── {name} " in line)
        assert f"({code})" in line


def test_only_an_interrupted_run_is_worth_trying_again() -> None:
    retryable = {name for name in EXIT_CODES if getattr(errors, name).is_retryable}
    assert retryable == {"InterruptedRunError"}


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location(), "wrong"),
        (Location(Path("w.yaml")), "w.yaml: wrong"),
        (Location(Path("w.yaml"), 7), "w.yaml:7: wrong"),
        (Location(Path("w.yaml"), 7, "gpus[0]"), "w.yaml:7: gpus[0]: wrong"),
        (Location(None, 7), "line 7: wrong"),
        (Location(None, None, "gpus[0]"), "gpus[0]: wrong"),
    ],
)
def test_a_message_begins_with_its_place(location: Location, text: str) -> None:
    error = InputError("wrong", location)
    assert str(error) == text
    assert error.message == "wrong"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("exat", "exact"),
        ("EXACT", "exact"),
        ("cms", "cms-log"),
        ("cms-s", "cms-scheme"),
        ("cms-schema", "cms-scheme"),
        ("greedi", "greedy"),
    ],
)
def test_the_nearest_word_is_proposed(word: str, hint: str) -> None:
    allowed = ["exact", "greedy", "cms-scheme", "cms-log"]
    assert nearest(word, allowed) == f" (did you mean {hint!r}?)"


@pytest.mark.parametrize("word", ["", "zzzzzz", "42"])
def test_no_word_is_proposed_when_none_is_near(word: str) -> None:
    assert nearest(word, ["exact", "greedy"]) == ""
    assert nearest(word, []) == ""


def test_the_proposal_keeps_the_spelling_of_the_allowed_word() -> None:
    assert nearest("a100-80g", ["A100-80GB"]) == " (did you mean 'A100-80GB'?)"


def test_ties_do_not_depend_on_the_order() -> None:
    words = ["abcx", "abcy", "abcz"]
    assert len({nearest("abcw", order) for order in (words, words[::-1])}) == 1


def test_a_long_list_is_cut_and_counted() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([]) == ""
    assert listed("abc", limit=3) == "a, b, c"
    assert listed("abcd", limit=3) == "a, b, c, … (4 in all)"
