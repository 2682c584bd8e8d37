"""The simulated device does the same, to the byte, as when the kept files were looked at."""

from __future__ import annotations

import pytest

from golden.devices import FOLDER, SPANS, spans_text


@pytest.mark.parametrize("name", SPANS)
def test_spans_are_those_that_were_kept(name: str) -> None:
    assert spans_text(SPANS[name]) == (FOLDER / name).read_text(encoding="utf-8")
