from __future__ import annotations

import pytest

from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.reasons import Hindrance, Remark, Verdict
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.verdict import judge
from ptx_texts import (
    GUARD_BEFORE_BARRIER,
    GUARDED_STORE,
    STORE,
    UNIFORM_LOOP,
    VARYING_LOOP,
    kernel,
)

SEES_BLOCK = """
.func look(.param .b32 look_param_0)
{
	.reg .b32 %r<2>;
	mov.u32 %r1, %ctaid.x;
	ret;
}
.func wait(.param .b32 wait_param_0)
{
	bar.sync 0;
	ret;
}
.func some(.param .b32 some_param_0)
{
	.reg .pred %p<2>;
	.reg .b32 %r<2>;
	ld.param.b32 %r1, [some_param_0];
	setp.eq.u32 %p1, %r1, 0;
	@%p1 bra $L_over;
	bar.sync 0;
$L_over:
	ret;
}
"""


def verdict(body: str = STORE, **frame: str) -> Verdict:
    return judge(read_ptx(kernel(body, **frame)))


def polling(address: str, load: str = "ld.acquire.gpu.global.u32 %r8, [%rd4];") -> str:
    return f"""
	{address}
$L_poll:
	{load}
	setp.lt.u32 %p1, %r8, %r1;
	@%p1 bra $L_poll;
	{STORE}
"""


FIXED = "mov.u64 %rd4, %rd1;"
OWN = "mul.wide.u32 %rd3, %r3, 4; add.s64 %rd4, %rd1, %rd3;"
TOLD = """
	setp.ne.u32 %p2, %r2, 0;
	@!%p2 atom.global.add.u32 %r8, [%rd4], 0;
	st.shared.u32 [tile], %r8;
	bar.sync 0;
	ld.shared.u32 %r8, [tile];
"""


@pytest.mark.parametrize(
    ("body", "hindrance"),
    [
        (GUARD_BEFORE_BARRIER, Hindrance.EARLY_RETURN),
        (VARYING_LOOP, Hindrance.EARLY_RETURN),
        ("setp.eq.u32 %p1, %r2, 0;\n@%p1 ret;\nbar.sync 0;\n" + STORE, Hindrance.EARLY_RETURN),
        (
            "setp.eq.u32 %p1, %r2, 0;\n@%p1 bra $L_a;\nbar.sync 0;\n$L_a:\nbar.sync 0;\n" + STORE,
            Hindrance.PARTED_BARRIER,
        ),
        ("mbarrier.init.shared::cta.b64 [tile], 1;\n" + STORE, Hindrance.MBARRIER),
        ("barrier.cluster.arrive.aligned;\n" + STORE, Hindrance.CLUSTER),
        ("mov.u32 %r5, %cluster_ctarank;\n" + STORE, Hindrance.CLUSTER),
        ("mov.u32 %r5, %clusterid.x;\n" + STORE, Hindrance.CLUSTER),
        ("mov.u32 %r5, %smid;\n" + STORE, Hindrance.SMID),
        ("mov.u64 %rd5, %gridid;\n" + STORE, Hindrance.GRIDID),
        ("mov.u32 %r5, %envreg2;\n" + STORE, Hindrance.COOPERATIVE),
        ("mov.v4.u32 {%r5, %r6, %r7, %r8}, %ctaid;\n" + STORE, Hindrance.INDEX_FORM),
        ("setmaxnreg.inc.sync.aligned.u32 240;\n" + STORE, Hindrance.WARP_SPECIALISED),
        ("bar.arrive 1, 64;\n" + STORE, Hindrance.WARP_SPECIALISED),
        ("wgmma.commit_group.sync.aligned;\n" + STORE, Hindrance.UNWAITED),
        ("tcgen05.dealloc.cta_group::1.sync.aligned.b32 %r5, 128;\n" + STORE,
         Hindrance.TENSOR_MEMORY),
        ("brx.idx %r5, $L_nowhere;\n" + STORE, Hindrance.INDIRECT_BRANCH),
        ("call.uni look, (%r1);\n" + STORE, Hindrance.CALL),
        ("call.uni some, (%r1);\n" + STORE, Hindrance.CALL),
        ("call.uni hidden, (%r1);\n" + STORE, Hindrance.CALL),
        ("call (%r5), %rd5, (%r1), $L_type;\n" + STORE, Hindrance.CALL),
        ("call.uni (%r5), cudaLaunchDeviceV2, (%rd1, %rd2);\n" + STORE, Hindrance.CHILD_KERNELS),
        ("setp.eq.u32 %p1, %r2, 0;\n@%p1 bra $L_a;\ncall.uni wait, (%r1);\n$L_a:\n" + STORE,
         Hindrance.EARLY_RETURN),
        (polling(FIXED), Hindrance.GRID_BARRIER),
        (polling(FIXED, "ld.volatile.global.u32 %r8, [%rd4];"), Hindrance.GRID_BARRIER),
        (polling(FIXED, "atom.global.add.u32 %r8, [%rd4], 0;"), Hindrance.GRID_BARRIER),
        (polling(FIXED, "atom.global.cas.b32 %r8, [%rd4], %r1, %r1;"), Hindrance.GRID_BARRIER),
        (polling(FIXED, TOLD), Hindrance.GRID_BARRIER),
    ],
)  # fmt: skip
def test_what_is_not_safe_between_blocks_gets_a_named_reason_and_the_entry_check(
    body: str, hindrance: Hindrance
) -> None:
    found = verdict(body, before=SEES_BLOCK)

    assert found.form is Form.ENTRY_CHECK
    assert hindrance in found.hindrances
    assert str(found.reasons[0]).startswith("line ") or hindrance is Hindrance.INDIRECT_BRANCH


@pytest.mark.parametrize(
    ("body", "remark"),
    [
        (STORE, None),
        (UNIFORM_LOOP, None),
        (GUARDED_STORE, Remark.EARLY_EXIT),
        (polling(OWN), Remark.ORDERED_WAIT),
        (polling(FIXED, "atom.global.cas.b32 %r8, [%rd4], 0, 1;"), Remark.LOCK),
        ("red.global.add.u32 [%rd1], 1;\n" + STORE, Remark.NOT_REPLAYABLE),
        ("tex.1d.v4.f32.s32 {%f1, %f2, %f3, %f1}, [%rd1, {%r2}];\n" + STORE, Remark.TEXTURES),
        ("call.uni wait, (%r1);\n" + STORE, None),
        ("ld.global.u32 %r5, [%rd1];\nsetp.eq.u32 %p1, %r5, 0;\n@%p1 bra $L_a;\nbar.sync 0;\n"
         "$L_a:\n" + STORE, None),
        ("bar.warp.sync -1;\n" + GUARDED_STORE, Remark.EARLY_EXIT),
        ("ts: .branchtargets $L_a, $L_b;\nbrx.idx %r1, ts;\n$L_a:\n$L_b:\n" + STORE,
         None),
        ("mov.u32 %r5, %nctaid.y;\n" + STORE, None),
        ("setp.eq.u32 %p1, %r2, 99;\n@!%p1 bra $L_fine;\ntrap;\n$L_fine:\nbar.sync 0;\n" + STORE,
         None),
    ],
)  # fmt: skip
def test_what_is_safe_may_be_stopped_between_blocks(body: str, remark: Remark | None) -> None:
    found = verdict(body, before=SEES_BLOCK)

    assert (found.form, found.reasons) == (Form.PERSISTENT, ())
    assert remark is None or remark in {each.kind for each in found.remarks}


@pytest.mark.parametrize(
    ("frame", "hindrance"),
    [
        ({"body": "griddepcontrol.wait;\n" + STORE}, Hindrance.DEPENDENT_LAUNCH),
        ({"target": "sm_60"}, Hindrance.OLD_TARGET),
    ],
)
def test_what_nothing_can_be_added_to_stays_as_it_is(
    frame: dict[str, str], hindrance: Hindrance
) -> None:
    found = verdict(**frame)

    assert found.form is Form.OPAQUE
    assert hindrance in found.hindrances


def test_a_kernel_without_room_for_two_parameters_stays_as_it_is() -> None:
    text = kernel().replace("work_param_2[20]", "work_param_2[4340]")

    assert judge(read_ptx(text)).hindrances == {Hindrance.PARAMETERS}


def test_a_cluster_directive_is_a_reason() -> None:
    found = verdict(directives=".reqntid 64\n.reqnctapercluster 2, 1, 1")

    assert found.hindrances == {Hindrance.CLUSTER}
    assert "(.reqnctapercluster 2, 1, 1)" in str(found.reasons[0])


def test_equal_register_names_in_two_scopes_are_two_registers() -> None:
    scopes = """
	{ .reg .pred p; setp.eq.u32 p, %r2, 0; @p st.global.u32 [%rd2], %r2; }
	{ .reg .pred p; setp.eq.u32 p, %r1, 0; @p bra $L_same; bar.sync 0; }
$L_same:
"""

    assert verdict(scopes + STORE).form is Form.PERSISTENT
    assert verdict(scopes.replace("p, %r1, 0", "p, %r2, 0") + STORE).form is Form.ENTRY_CHECK


def test_a_register_written_by_some_threads_only_makes_its_branch_part() -> None:
    some = """
	mov.u32 %r5, 0;
	setp.eq.u32 %p1, %r2, 0;
	@%p1 bra $L_skip;
	mov.u32 %r5, 1;
$L_skip:
	setp.eq.u32 %p2, %r5, 0;
	@%p2 bra $L_end;
	bar.sync 0;
$L_end:
"""

    assert Hindrance.EARLY_RETURN in verdict(some + STORE).hindrances


def test_every_reason_has_a_word_and_a_sentence_of_its_own() -> None:
    kinds = [*Hindrance, *Remark]

    assert len({kind.value for kind in kinds}) == len(kinds)
    assert len({kind.sentence for kind in kinds}) == len(kinds)
