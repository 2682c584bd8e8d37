from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heddle.runtime.rewriter import hook
from heddle.runtime.rewriter.rewritten import Form

pytest.importorskip("triton", reason="the hook needs: pip install 'heddle-gpu[rewriter]'")

from triton_examples import compile_double


@pytest.fixture
def hooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hook on, with caches of its own."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hook.enable()
    yield
    hook.disable()


@pytest.mark.parametrize("target", [80, 90, 100])
def test_a_kernel_is_compiled_with_its_persistent_form_beside_it(hooked: None, target: int) -> None:
    made = compile_double(target)
    name, form = hook.entry_of(made.metadata)

    assert (name, form) == ("double__heddle", Form.PERSISTENT)
    assert name.encode() in made.asm["cubin"]
    assert "heddle" not in made.asm["ptx"]
    assert made.metadata.name == "double"


def test_a_kernel_that_cannot_stop_between_blocks_gets_the_entry_check(hooked: None) -> None:
    made = compile_double(90, num_ctas=2)

    assert hook.entry_of(made.metadata) == ("double__heddle", Form.ENTRY_CHECK)
    assert "cluster" in made.metadata.heddle_reasons[0]


def test_what_was_compiled_is_found_again_with_its_form(hooked: None) -> None:
    compile_double(90)

    assert hook.entry_of(compile_double(90).metadata)[1] is Form.PERSISTENT


def test_kernels_compiled_before_and_after_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def form() -> Any:
        return hook.entry_of(compile_double(90).metadata)

    assert form() == ("double", Form.OPAQUE)
    hook.enable()
    hook.enable()
    assert form() == ("double__heddle", Form.PERSISTENT)
    hook.disable()
    assert form() == ("double", Form.OPAQUE)
    hook.disable()
