from __future__ import annotations

import json
from pathlib import Path

import pytest

from heddle.errors import HostError
from heddle.runtime.rewriter.assemble import Usage, assemble, target_number, usages
from heddle.runtime.rewriter.choice import Fallback, Wish, choose
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.store import choice_key, choose_stored
from ptx_texts import GUARD_BEFORE_BARRIER, GUARDED_STORE, STORE, kernel

SAID = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'first' for 'sm_90a'
ptxas info    : Function properties for first
    8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 1024 bytes smem, 408 bytes cmem[0]
ptxas info    : Compiling entry function 'second' for 'sm_90a'
ptxas info    : Function properties for second
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 8 registers, used 0 barriers
"""
#: A kernel at the limit: as many values as 32 registers hold are alive at once.
WIDE = (
    "\n".join(f"ld.volatile.global.u32 %r{at}, [%rd2+{4 * at}];" for at in range(5, 27))
    + "\nbar.sync 0;\n"
    + "\n".join(f"st.volatile.global.u32 [%rd2+{8 * at}], %r{at};" for at in range(5, 27))
    + "\nret;"
)

needs_triton = pytest.mark.usefixtures("triton_installed")


@pytest.fixture
def triton_installed() -> None:
    pytest.importorskip("triton", reason="ptxas comes with: pip install 'heddle-gpu[rewriter]'")


def test_what_ptxas_says_is_read_for_every_kernel() -> None:
    assert usages(SAID) == {"first": Usage(40, 28, 8, 1024), "second": Usage(8, 0, 0, 0)}


def test_an_architecture_has_a_number() -> None:
    assert target_number("sm_90a") == 90
    with pytest.raises(HostError, match="'hopper' is not an architecture"):
        target_number("hopper")


@needs_triton
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90a", "sm_100a"])
@pytest.mark.parametrize("form", [Form.PERSISTENT, Form.ENTRY_CHECK])
def test_both_forms_assemble_for_every_architecture(architecture: str, form: Form) -> None:
    choice = choose(
        kernel(GUARDED_STORE, target=architecture), Wish(strongest=form, min_occupancy_share=0)
    )

    assert choice.chosen.form is form
    assert choice.chosen.cubin.startswith(b"\x7fELF")
    assert choice.chosen.usage.shared_bytes == choice.original.usage.shared_bytes
    assert choice.threads == 64


@needs_triton
def test_a_refused_kernel_gets_the_check_at_its_entry() -> None:
    choice = choose(kernel(GUARD_BEFORE_BARRIER))

    assert (choice.verdict.form, choice.chosen.form) == (Form.ENTRY_CHECK, Form.ENTRY_CHECK)


@needs_triton
def test_a_form_that_fills_the_device_too_little_is_not_taken() -> None:
    text = kernel(WIDE, directives=".maxntid 1024")
    free = choose(text, Wish(min_occupancy_share=0.0, max_spill_growth=9))
    strict = choose(text, Wish(min_occupancy_share=9.0))

    assert free.chosen.form is Form.PERSISTENT
    assert strict.chosen is strict.original
    assert [(form, why) for form, why, _ in strict.fallbacks] == [
        (Form.PERSISTENT, Fallback.OCCUPANCY), (Form.ENTRY_CHECK, Fallback.OCCUPANCY),
    ]  # fmt: skip
    assert "resident blocks, were" in strict.fallbacks[0][2]


@needs_triton
def test_registers_are_held_down_where_the_free_form_would_lose_blocks() -> None:
    choice = choose(kernel(WIDE, directives=".maxntid 1024"))

    assert choice.chosen.blocks == choice.original.blocks
    assert choice.chosen.usage.spill_bytes == 0


@needs_triton
def test_what_ptxas_refuses_is_said_in_its_words() -> None:
    with pytest.raises(HostError, match=r"ptxas refused the kernel for sm_80: .*%nothing"):
        assemble(read_ptx(kernel("mov.u32 %r5, %nothing;\n" + STORE)))


@needs_triton
def test_a_choice_is_kept_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"
    made = choose_stored(kernel(), folder=folder)
    (file,) = folder.iterdir()
    file.write_text(file.read_text().replace('"threads": 64', '"threads": 65'))

    assert file.name == f"{choice_key(kernel(), Wish())}.json"
    assert choose_stored(kernel(), folder=folder).threads == 65  # from the file, not made anew
    assert choose_stored(kernel(), folder=folder).chosen == made.chosen


@needs_triton
@pytest.mark.parametrize("damage", ["", "{}", '{"form": "odd"}', "[1]"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    file = tmp_path / f"{choice_key(kernel(), Wish())}.json"
    file.write_text(damage)

    assert choose_stored(kernel(), folder=tmp_path).chosen.form is Form.PERSISTENT
    assert json.loads(file.read_text())["form"] == "persistent"


@needs_triton
def test_a_folder_that_cannot_be_had_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert choose_stored(kernel(), folder=tmp_path / "file" / "x").chosen.form is Form.PERSISTENT


@needs_triton
def test_the_key_depends_on_text_and_wish() -> None:
    keys = {
        choice_key(kernel(), Wish()),
        choice_key(kernel(GUARDED_STORE), Wish()),
        choice_key(kernel(), Wish(shared_bytes=1024)),
        choice_key(kernel(), Wish(strongest=Form.ENTRY_CHECK)),
    }

    assert len(keys) == 4
