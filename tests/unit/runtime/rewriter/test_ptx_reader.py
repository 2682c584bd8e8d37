from __future__ import annotations

import pytest

from heddle.errors import InputError
from heddle.runtime.rewriter.ptx import (
    Directive,
    Instruction,
    Label,
    Registers,
    UnreadablePtxError,
    Variable,
)
from heddle.runtime.rewriter.ptx_reader import read_ptx, read_statements
from heddle.runtime.rewriter.ptx_writer import statement_text, write_ptx
from ptx_texts import kernel

CALL = """
	{ // callseq 0, 0
	.reg .b32 temp_param_reg;
	.param .b32 param0;
	st.param.b32 	[param0+0], %r1;
	.param .b32 retval0;
	call.uni (retval0),
	helper,
	(
	param0
	);
	ld.param.b32 	%r9, [retval0+0];
	} // callseq 0
	ret;
"""
HELPER = """
.func  (.param .b32 func_retval0) helper(
	.param .b32 helper_param_0
)
{
	.reg .b32 	%r<3>;
	ld.param.b32 	%r1, [helper_param_0];
	st.param.b32 	[func_retval0+0], %r1;
	ret;
}
.global .align 4 .b8 table[8] = {0, 0, 128, 63, 0, 0, 0, 64};
.extern .func  (.param .b32 func_retval0) vprintf
(
	.param .b64 vprintf_param_0,
	.param .b64 vprintf_param_1
)
;
"""
INLINE = """
	// begin inline asm
	{
	.reg .pred p;
waitLoop:
	setp.ne.b32 p, %r1, 0;
	@!p bra.uni waitLoop;
	}
	// end inline asm
	mov.u32 %r5, %r6; @%p2 ld.global.v2.b32 { %r7, %r8 }, [ %rd1 + 4 ];
	.shared .align 4 .b8 demoted[1024];
	.local .align 16 .b8 	__local_depot0[128];
	setp.eq.s32 %p1|%p2, %r1, -1;
	.pragma "nounroll";
	ret;
"""


def steps(body: str) -> list[Instruction]:
    return [step for step in read_ptx(kernel(body)).entry().instructions if step.line > 30]


def test_a_module_is_read_with_its_head_its_kernel_and_what_is_kept_as_text() -> None:
    module = read_ptx(kernel())

    assert (module.version, module.architecture, module.address_size) == ("8.7", "sm_80", 64)
    assert [entry.name for entry in module.entries] == ["work"]
    assert module.variables[0].name == "tile"
    assert module.variables[0].is_extern
    assert [rest.text.split()[0] for rest in module.rest] == [".file", ".section"]


def test_parameters_have_the_offsets_of_the_argument_buffer() -> None:
    entry = read_ptx(kernel()).entry()

    assert [(p.type, p.align, p.bytes) for p in entry.parameters] == [
        ("u64", 8, 8), ("u32", 4, 4), ("b8", 4, 20),
    ]  # fmt: skip
    assert entry.offsets() == {"work_param_0": 0, "work_param_1": 8, "work_param_2": 12}
    assert entry.directives == (".reqntid 64",)


def test_instructions_keep_predicate_suffixes_operands_and_their_line() -> None:
    text = kernel(INLINE)
    entry = read_ptx(text).entry()
    load = next(step for step in entry.instructions if step.name == "ld" and step.predicate)

    assert (load.predicate, load.suffixes) == ("%p2", ("global", "v2", "b32"))
    assert load.operands == ("{%r7, %r8}", "[%rd1+4]")
    assert "@%p2 ld.global.v2.b32" in text.splitlines()[load.line - 1]


def test_inline_assembly_keeps_its_scope_its_registers_and_its_label() -> None:
    body = read_ptx(kernel(INLINE)).entry().body

    opened = body.index(next(step for step in body if step == Directive("{", step.line)))
    assert isinstance(body[opened + 1], Directive)
    assert body[opened + 1].text == ".reg .pred p"  # type: ignore[union-attr]
    assert isinstance(body[opened + 2], Label)
    assert body[opened + 4] == Instruction("!p", "bra.uni", ("waitLoop",), body[opened + 4].line)


def test_declarations_of_the_outermost_scope_are_lifted_out_of_the_body() -> None:
    entry = read_ptx(kernel(INLINE)).entry()

    assert Registers("b32", "%r", 30) in entry.registers
    assert [(v.space, v.name, v.bytes) for v in entry.variables] == [
        ("shared", "demoted", 1024), ("local", "__local_depot0", 128),
    ]  # fmt: skip


def test_a_call_sequence_and_functions_are_read() -> None:
    module = read_ptx(kernel(CALL, before=HELPER))
    call = next(step for step in module.entry().instructions if step.name == "call")

    assert call.operands == ("(retval0)", "helper", "(param0)")
    assert [(f.name, f.is_defined) for f in module.functions] == [
        ("helper", True), ("vprintf", False),
    ]  # fmt: skip
    table = module.variables[1]
    assert isinstance(table, Variable)
    assert (table.bytes, table.initial[:3]) == (8, "{0,")


@pytest.mark.parametrize("body", [CALL, INLINE, "ret;"])
def test_what_was_written_reads_as_the_same_text(body: str) -> None:
    written = write_ptx(read_ptx(kernel(body, before=HELPER)))

    assert write_ptx(read_ptx(written)) == written


def test_statements_are_written_as_they_were_read() -> None:
    text = "@!%p1 atom.global.add.u32 %r1, [%rd1+4], 1;"

    assert statement_text(read_statements(text)[0]).strip() == text


def test_jump_tables_stay_with_their_label() -> None:
    table = read_statements("$L_table: .branchtargets $L_a, $L_b;")

    assert table == (Label("$L_table"), Directive(".branchtargets $L_a, $L_b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no .version"),
        ("hello", "a directive is needed"),
        (kernel().replace("}", "", 1).split("\t.file")[0], "does not end"),
        (kernel("add.u32 %r1, [%r2, 1;\nret;"), "brackets do not match"),
        (kernel("42;\nret;"), "is not an instruction"),
        (kernel().replace(".u32 work_param_1", ".odd work_param_1"), "no type that is known"),
    ],
)
def test_text_that_is_not_ptx_is_refused_with_the_line(text: str, message: str) -> None:
    with pytest.raises(UnreadablePtxError, match=message) as caught:
        read_ptx(text)
    assert caught.value.location.line is not None


def test_a_kernel_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(InputError, match="'other' is needed; the module has: work"):
        read_ptx(kernel()).entry("other")
