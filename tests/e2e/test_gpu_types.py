"""``heddle gpus``: the types, and one of them drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Heddle
from heddle.cluster.catalogue import builtin_catalogue


def test_every_type_is_listed(heddle: Heddle) -> None:
    answer = heddle("gpus")
    assert answer.exit_code == 0
    lines = answer.out.splitlines()[2:]
    names = {line.split()[0] for line in lines}
    assert set(builtin_catalogue().names) <= names


@pytest.mark.parametrize("name", builtin_catalogue().names)
def test_every_type_is_printed_and_drawn(name: str, tmp_path: Path, heddle: Heddle) -> None:
    picture = tmp_path / "gpu.svg"
    answer = heddle("gpus", name, "--svg", picture)
    assert answer.exit_code == 0
    assert answer.out.startswith(f"{name}: ")
    for profile in builtin_catalogue().get(name).profile_names:
        assert profile in answer.out
    assert picture.read_text(encoding="utf-8").endswith("</svg>\n")


def test_an_alias_in_small_letters_finds_the_type(heddle: Heddle) -> None:
    assert heddle("gpus", "t4").out == heddle("gpus", "T4-16GB").out
