from __future__ import annotations

from dataclasses import replace

import pytest

from heddle.benchmarks.rewriter import _Tally
from heddle.runtime.rewriter.corpus.catalogue import corpus_kernel
from heddle.runtime.rewriter.corpus.kernel import Expected


@pytest.fixture(autouse=True)
def triton_installed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """ptxas, and a cache of the test's own."""
    pytest.importorskip("triton", reason="ptxas comes with: pip install 'heddle-gpu[rewriter]'")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_row_says_verdict_form_and_what_is_used_before_and_after() -> None:
    tally = _Tally()

    tally.measure(corpus_kernel("gridid"), 90)

    (row,) = tally.rows
    assert (row["verdict"], row["form"], row["reason"]) == ("entry_check", "entry_check", "gridid")
    assert row["registers_after"] >= row["registers_before"] > 0  # type: ignore[operator]
    assert row["expected"] is True
    assert tally.figures()[1].is_met


def test_a_verdict_that_was_not_expected_misses_its_figure() -> None:
    tally = _Tally()
    odd = replace(corpus_kernel("gridid"), otherwise=Expected("persistent"))

    tally.measure(odd, 90)

    assert tally.rows[0]["expected"] is False
    assert not tally.figures()[1].is_met
