"""Pictures and tables are the same, byte for byte, as when somebody last looked at them."""

from __future__ import annotations

import pytest

from golden.drawings import DRAWINGS, FOLDER


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_as_it_was_kept(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    assert DRAWINGS[name]() == kept, "run scripts/regenerate-golden, look, and keep it"


def test_no_kept_drawing_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(DRAWINGS)
