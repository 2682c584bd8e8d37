from __future__ import annotations

import sys

import pytest

from heddle.errors import HostError
from heddle.runtime.rewriter import hook
from heddle.runtime.rewriter.triton_border import assembler


@pytest.fixture
def no_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Triton were not installed."""
    monkeypatch.setitem(sys.modules, "triton", None)


def test_without_triton_the_extra_is_named(no_triton: None) -> None:
    with pytest.raises(HostError, match=r"pip install 'heddle-gpu\[rewriter\]'") as caught:
        assembler("8.4", 90)
    assert not caught.value.is_retryable


def test_without_triton_the_hook_stays_off(no_triton: None) -> None:
    with pytest.raises(HostError, match=r"heddle-gpu\[rewriter\]"):
        hook.enable()
    hook.disable()


def test_new_targets_and_new_ptx_get_the_newer_assembler() -> None:
    pytest.importorskip("triton", reason="it comes with: pip install 'heddle-gpu[rewriter]'")

    assert assembler("8.4", 80).name == "ptxas"
    assert assembler("9.0", 80).name == "ptxas-blackwell"
    assert assembler("8.4", 90).name == "ptxas-blackwell"
