"""Small PTX kernels for the rewriter's unit tests: a body inside the frame every kernel has."""

from __future__ import annotations

FRAME = """\
//
// a compiler wrote this; /* not a comment " */
.version 8.7
.target {target}
.address_size 64

.extern .shared .align 16 .b8 tile[];
{before}
.visible .entry work(
	.param .u64 .ptr .global .align 1 work_param_0,
	.param .u32 work_param_1,
	.param .align 4 .b8 work_param_2[20]
)
{directives}
{{
	.reg .pred 	%p<9>;
	.reg .b32 	%r<30>;
	.reg .b64 	%rd<9>;
	.reg .f32 	%f<4>;
	.loc	1 14 0                          // kernel.py:14:0
	ld.param.u64 	%rd1, [work_param_0];
	cvta.to.global.u64 	%rd1, %rd1;
	ld.param.u32 	%r1, [work_param_1];
	mov.u32 	%r2, %tid.x;
	mov.u32 	%r3, %ctaid.x;
	mad.lo.s32 	%r4, %r3, 64, %r2;
	mul.wide.u32 	%rd2, %r4, 4;
	add.s64 	%rd2, %rd1, %rd2;
{body}
}}
	.file	1 "/kernel.py"
	.section	.debug_abbrev
	{{
.b8 1                                   // Abbreviation Code
	}}
"""

STORE = "st.global.u32 [%rd2], %r4;\nret;"
GUARDED_STORE = """
	setp.ge.s32 %p1, %r4, %r1;
	@%p1 bra $L_end;
	st.global.u32 [%rd2], %r4;
$L_end:
	ret;
"""
GUARD_BEFORE_BARRIER = """
	setp.ge.s32 %p1, %r4, %r1;
	@%p1 bra $L_end;
	bar.sync 0;
	st.global.u32 [%rd2], %r4;
$L_end:
	ret;
"""
UNIFORM_LOOP = """
	mov.u32 %r5, 0;
$L_again:
	bar.sync 0;
	add.u32 %r5, %r5, 1;
	setp.lt.u32 %p1, %r5, %r1;
	@%p1 bra $L_again;
	st.global.u32 [%rd2], %r5;
	ret;
"""
VARYING_LOOP = UNIFORM_LOOP.replace("mov.u32 %r5, 0", "mov.u32 %r5, %r2")


def kernel(
    body: str = STORE, directives: str = ".reqntid 64", target: str = "sm_80", before: str = ""
) -> str:
    """Return a module with one kernel ``work``, blocks of 64 threads.

    ``%r1`` is a parameter, ``%r2`` the thread, ``%r3`` the block, ``%r4`` the thread of the grid,
    ``%rd2`` its word in memory.
    """
    return FRAME.format(body=body, directives=directives, target=target, before=before)
