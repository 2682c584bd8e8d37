from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from heddle.runtime.rewriter.interpreter.faults import UnsupportedPtxError
from small_ptx import Array, compute

RANDOM = np.random.default_rng(3)
A = RANDOM.integers(0, 1 << 32, 32, dtype=np.uint32)
B = RANDOM.integers(0, 1 << 32, 32, dtype=np.uint32)
C = RANDOM.integers(0, 1 << 32, 32, dtype=np.uint32)
A[:4] = 0, 1, 0xFFFFFFFF, 0x80000000
B[:4] = 5, 0xFFFFFFFF, 3, 7
SMALL = np.arange(32, dtype=np.uint32) + 1


def signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word


def truncated(number: float) -> int:
    return int(number)


WORDS: tuple[tuple[str, tuple[Array, ...], Callable[..., int]], ...] = (
    ("add.u32 %r4, %r1, %r2;", (A, B), lambda a, b: a + b),
    ("sub.s32 %r4, %r1, %r2;", (A, B), lambda a, b: a - b),
    ("mul.lo.s32 %r4, %r1, %r2;", (A, B), lambda a, b: a * b),
    ("mul.hi.u32 %r4, %r1, %r2;", (A, B), lambda a, b: a * b >> 32),
    ("mul.hi.s32 %r4, %r1, %r2;", (A, B), lambda a, b: signed(a) * signed(b) >> 32),
    ("mad.lo.s32 %r4, %r1, %r2, %r3;", (A, B, C), lambda a, b, c: a * b + c),
    ("div.u32 %r4, %r1, %r2;", (A, B), lambda a, b: a // b),
    ("div.s32 %r4, %r1, %r2;", (A, B), lambda a, b: truncated(signed(a) / signed(b))),
    ("rem.s32 %r4, %r1, %r2;", (A, SMALL), lambda a, b: signed(a) - b * truncated(signed(a) / b)),
    ("shl.b32 %r4, %r1, %r2;", (A, SMALL + 7), lambda a, b: a << b if b < 32 else 0),
    ("shr.u32 %r4, %r1, %r2;", (A, SMALL + 7), lambda a, b: a >> b),
    ("shr.s32 %r4, %r1, %r2;", (A, SMALL + 7), lambda a, b: signed(a) >> b),
    ("not.b32 %r4, %r1;", (A,), lambda a: ~a),
    ("neg.s32 %r4, %r1;", (A,), lambda a: -a),
    ("min.s32 %r4, %r1, %r2;", (A, B), lambda a, b: min(signed(a), signed(b))),
    ("max.u32 %r4, %r1, %r2;", (A, B), max),
    ("popc.b32 %r4, %r1;", (A,), lambda a: a.bit_count()),
    ("clz.b32 %r4, %r1;", (A,), lambda a: 32 - a.bit_length()),
    ("brev.b32 %r4, %r1;", (A,), lambda a: int(f"{a:032b}"[::-1], 2)),
    ("bfe.u32 %r4, %r1, 5, 9;", (A,), lambda a: a >> 5 & 511),
    ("bfe.s32 %r4, %r1, 31, 1;", (A,), lambda a: -(a >> 31)),
    ("bfe.u32 %r4, %r1, %r2, 4;", (A, SMALL), lambda a, b: a >> b & 15),
    ("bfi.b32 %r4, %r1, %r2, 8, 4;", (A, B), lambda a, b: b & ~0xF00 | (a & 15) << 8),
    ("shf.l.wrap.b32 %r4, %r1, %r2, %r3;", (A, B, SMALL),
     lambda a, b, c: ((b << 32 | a) << (c & 31)) >> 32),
    ("shf.r.clamp.b32 %r4, %r1, %r2, %r3;", (A, B, SMALL),
     lambda a, b, c: (b << 32 | a) >> min(c, 32)),
    ("lop3.b32 %r4, %r1, %r2, %r3, 0xE8;", (A, B, C), lambda a, b, c: a & b | a & c | b & c),
    ("prmt.b32 %r4, %r1, %r2, 0x5410;", (A, B), lambda a, b: a & 0xFFFF | (b & 0xFFFF) << 16),
    ("prmt.b32 %r4, %r1, 0, 0x8880;", (A,),
     lambda a: a & 255 | (0xFFFFFF00 if a >> 7 & 1 else 0)),
    ("cvt.s32.s8 %r4, %r1;", (A,), lambda a: (a & 255) - (256 if a >> 7 & 1 else 0)),
    ("cvt.u32.u16 %r4, %r1;", (A,), lambda a: a & 0xFFFF),
    ("mad.lo.u32 %r4, %r1, 0x10, -1;", (A,), lambda a: a * 16 - 1),
)  # fmt: skip


@pytest.mark.parametrize(("line", "inputs", "expected"), WORDS, ids=[line for line, *_ in WORDS])
def test_a_word_instruction_computes_in_its_exact_width(
    line: str, inputs: tuple[Array, ...], expected: Callable[..., int]
) -> None:
    wanted = [
        expected(*(int(each) for each in lane)) % (1 << 32) for lane in zip(*inputs, strict=True)
    ]
    assert compute(line, *inputs).tolist() == wanted


def test_wide_products_keep_all_bits() -> None:
    found = compute("mul.wide.s32 %rd10, %r1, %r2;", A, B, kind=np.int64)
    assert found.tolist() == [signed(int(a)) * signed(int(b)) for a, b in zip(A, B, strict=True)]
    found = compute("mad.wide.u32 %rd10, %r1, %r2, 7;", A, B, kind=np.uint64)
    assert found.tolist() == [(int(a) * int(b) + 7) % (1 << 64) for a, b in zip(A, B, strict=True)]


X = RANDOM.standard_normal(32).astype(np.float32)
Y = RANDOM.standard_normal(32).astype(np.float32)
X[:3] = np.nan, np.inf, 0.0

FLOATS: tuple[tuple[str, Callable[[Array, Array], Any]], ...] = (
    ("add.f32 %r4, %r1, %r2;", lambda x, y: x + y),
    ("mul.rn.f32 %r4, %r1, %r2;", lambda x, y: x * y),
    ("fma.rn.f32 %r4, %r1, %r2, 0f3F800000;",
     lambda x, y: (x.astype(np.float64) * y + 1).astype(np.float32)),
    ("div.full.f32 %r4, %r1, %r2;", lambda x, y: x / y),
    ("max.f32 %r4, %r1, %r2;", np.fmax),
    ("max.NaN.f32 %r4, %r1, %r2;", np.maximum),
    ("ex2.approx.ftz.f32 %r4, %r1;", lambda x, _y: np.exp2(x)),
    ("abs.f32 %r4, %r1;", lambda x, _y: np.abs(x)),
    ("neg.f32 %r4, %r1;", lambda x, _y: -x),
)  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), FLOATS, ids=[line for line, *_ in FLOATS])
def test_a_float_instruction_rounds_to_its_type(
    line: str, expected: Callable[[Array, Array], Any]
) -> None:
    with np.errstate(all="ignore"):
        wanted = expected(X, Y)
    found = compute(line, X, Y, kind=np.float32)
    assert np.array_equal(found, wanted, equal_nan=True)


@pytest.mark.parametrize(
    ("compare", "both", "with_nan"),
    [("lt", False, False), ("ltu", False, True), ("ne", True, False), ("neu", True, True),
     ("num", True, False), ("nan", False, True)],
)  # fmt: skip
def test_a_comparison_with_not_a_number_follows_its_form(
    compare: str,
    both: bool,  # noqa: FBT001 - a row of the table
    with_nan: bool,  # noqa: FBT001
) -> None:
    values = np.full(32, 2.0, dtype=np.float32)
    values[7] = np.nan
    line = f"setp.{compare}.f32 %p1, %r1, 0f3F800000;\n\tselp.b32 %r4, 1, 0, %p1;"
    found = compute(line, values).astype(bool)
    assert found[7] == with_nan
    assert found[6] == both


def test_floats_become_whole_numbers_within_the_range_of_the_type() -> None:
    values = np.array([1.5, -1.5, 3e9, -3e9, np.nan, 2.5, *[0.0] * 26], dtype=np.float32)
    rounded = compute("cvt.rni.s32.f32 %r4, %r1;", values).view(np.int32)
    assert rounded[:6].tolist() == [2, -2, 2**31 - 1, -(2**31), 0, 2]
    assert compute("cvt.rzi.u32.f32 %r4, %r1;", values)[:4].tolist() == [1, 0, 3000000000, 0]


def test_halves_and_bfloats_are_packed_high_operand_first() -> None:
    found = compute("cvt.rn.f16x2.f32 %r4, %r1, %r2;", X, Y)
    assert np.array_equal(found.view(np.float16)[1::2], X.astype(np.float16), equal_nan=True)
    assert np.array_equal(found.view(np.float16)[0::2], Y.astype(np.float16))
    bits = compute("cvt.rn.bf16x2.f32 %r4, %r1, %r2;", Y, Y).view(np.uint16)
    near = (bits[::2].astype(np.uint32) << np.uint32(16)).view(np.float32)
    assert np.abs(near - Y).max() <= np.abs(Y).max() / 256


def test_words_are_taken_apart_and_put_together() -> None:
    found = compute("mov.b32 {%h1, %h2}, %r1;\n\tmov.b32 %r4, {%h2, %h1};", A)
    assert found.tolist() == [(int(a) >> 16 | int(a) << 16) % (1 << 32) for a in A]


def test_shuffles_move_values_between_lanes() -> None:
    lanes = np.arange(32, dtype=np.uint32)
    down = compute("shfl.sync.down.b32 %r4, %r1, 1, 31, -1;", lanes)
    assert down.tolist() == [*range(1, 32), 31]
    up = compute("shfl.sync.up.b32 %r4|%p1, %r1, 4, 0, -1;", lanes)
    assert up.tolist() == [0, 1, 2, 3, *range(28)]
    butterfly = compute("shfl.sync.bfly.b32 %r4, %r1, 16, 31, -1;", lanes)
    assert butterfly.tolist() == [*range(16, 32), *range(16)]
    first = compute("shfl.sync.idx.b32 %r4, %r1, 0, 0x181F, -1;", lanes)
    assert first.tolist() == [lane // 8 * 8 for lane in range(32)]


def test_votes_count_the_lanes_that_say_yes() -> None:
    lanes = np.arange(32, dtype=np.uint32)
    ballot = "setp.lt.u32 %p1, %r1, 5;\n\tvote.sync.ballot.b32 %r4, %p1, -1;"
    assert set(compute(ballot, lanes).tolist()) == {31}
    every = (
        "setp.lt.u32 %p1, %r1, 5;\n\tvote.sync.all.pred %p2, %p1, -1;\n\tselp.b32 %r4, 1, 0, %p2;"
    )
    assert set(compute(every, lanes).tolist()) == {0}
    assert set(compute("redux.sync.add.s32 %r4, %r1, -1;", lanes).tolist()) == {496}


def test_an_unknown_instruction_is_named_with_its_line() -> None:
    with pytest.raises(UnsupportedPtxError, match=r"line \d+.*'frobnicate\.u32"):
        compute("frobnicate.u32 %r4, %r1;", A)


def test_an_operand_that_is_nothing_is_named() -> None:
    with pytest.raises(UnsupportedPtxError, match="nonsense"):
        compute("mov.u32 %r4, nonsense;", A)
