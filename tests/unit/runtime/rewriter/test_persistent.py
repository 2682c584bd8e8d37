from __future__ import annotations

import re

import pytest

from heddle.runtime.rewriter.entry_check import to_entry_check
from heddle.runtime.rewriter.overhead import TRIPS, overhead, weighted_instructions
from heddle.runtime.rewriter.persistent import LEAVE_LABEL, NEXT, to_persistent
from heddle.runtime.rewriter.ptx import Instruction, Routine
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form, record_bytes
from ptx_texts import GUARDED_STORE, STORE, kernel


def rewritten(body: str) -> Routine:
    made = to_persistent(read_ptx(kernel(body)))
    return read_ptx(made.text).entry()


def opcodes(routine: Routine) -> list[str]:
    return [step.opcode for step in routine.instructions]


def test_the_kernel_keeps_its_name_and_gets_two_parameters_at_the_end() -> None:
    made = to_persistent(read_ptx(kernel()))
    entry = read_ptx(made.text).entry("work")

    assert made.form is Form.PERSISTENT
    assert [p.name for p in entry.parameters[-2:]] == list(made.extra_parameters)
    assert entry.offsets()["heddle_control"] == 32
    assert entry.offsets()["heddle_flag"] == 40


def test_every_return_leads_to_the_next_block_and_only_the_last_leaves() -> None:
    entry = rewritten("@%p1 ret;\n@!%p2 exit;\n" + GUARDED_STORE)
    jumps = [step for step in entry.instructions if step.operands == (NEXT,)]

    assert [step.predicate for step in jumps] == ["%p1", "!%p2", None]
    assert opcodes(entry).count("ret") == 1
    assert entry.body[-2].name == LEAVE_LABEL  # type: ignore[union-attr]


def test_a_body_that_runs_to_its_end_also_comes_to_the_next_block() -> None:
    entry = rewritten("st.global.u32 [%rd2], %r4;")

    assert entry.body[-3] == Instruction(None, "bra.uni", (NEXT,), entry.body[-3].line)


def test_index_and_grid_are_replaced_everywhere_inline_assembly_included() -> None:
    inline = "{ .reg .b32 own; mov.u32 own, %ctaid.z; mov.b32 %r7, %nctaid.x; }\n"
    entry = rewritten(inline + "mov.u16 %rs1, %ctaid.y;\ncvt.u64.u32 %rd3, %nctaid.y;\n" + STORE)
    text = "\n".join(f"{step.opcode} {step.operands}" for step in entry.instructions)

    assert re.findall(r"%n?ctaid\.\w", text) == ["%ctaid.x"]  # the physical block, once
    assert "mov.u32 ('own', '%heddle_block_z')" in text
    assert "cvt.u16.u32 ('%rs1', '%heddle_block_y')" in text
    assert "cvt.u64.u32 ('%rd3', '%heddle_grid_y')" in text


def test_a_kernel_that_never_asks_for_its_index_is_spared_the_division() -> None:
    text = kernel("ret;").replace("mov.u32 	%r3, %ctaid.x;", "")

    assert not any(
        name.startswith("div") for name in opcodes(to_persistent(read_ptx(text)).module.entry())
    )
    assert any(name.startswith("div") for name in opcodes(rewritten(STORE)))


@pytest.mark.parametrize(
    ("copy", "wait"),
    [
        ("cp.async.ca.shared.global [tile], [%rd2], 16;", ["cp.async.wait_all"]),
        ("cp.async.bulk.global.shared::cta.bulk_group [%rd2], [tile], 16;",
         ["cp.async.bulk.wait_group"]),
        ("", []),
    ],
)  # fmt: skip
def test_asynchronous_copies_are_drained_before_the_barrier(copy: str, wait: list[str]) -> None:
    names = opcodes(rewritten(copy + "\n" + STORE))
    drains = [name for name in names if "wait" in name]

    assert drains == wait
    assert not wait or names.index(wait[0]) < names.index("bar.sync")


def test_no_shared_memory_is_added() -> None:
    before, after = read_ptx(kernel()), to_persistent(read_ptx(kernel())).module

    assert before.variables == after.variables
    assert before.entry().variables == after.entry().variables


def test_a_record_has_sixteen_words_and_one_for_each_physical_block() -> None:
    assert record_bytes(132) == 4 * (16 + 132)


def test_the_entry_check_stands_before_the_body_and_leaves_it_alone() -> None:
    module = read_ptx(kernel(GUARDED_STORE))
    made = to_entry_check(module)
    body = made.module.entry().body

    assert made.form is Form.ENTRY_CHECK
    assert body[-len(module.entry().body) :] == module.entry().body
    assert [step.opcode for step in made.module.entry().instructions].count("bar.sync") == 1


def test_the_estimate_counts_a_loop_many_times() -> None:
    plain = read_ptx(kernel()).entry()
    looped = read_ptx(kernel("$L_a:\nadd.u32 %r5, %r5, 1;\n@%p1 bra $L_a;\n" + STORE)).entry()

    assert weighted_instructions(looped) == weighted_instructions(plain) + 2 * TRIPS


def test_what_only_the_leader_does_weighs_less_in_larger_blocks() -> None:
    module = read_ptx(kernel())
    after = to_persistent(module).module.entry()

    assert overhead(after, module.entry(), 1024) < overhead(after, module.entry(), 32)
