"""Wrong rewriters: each makes one change to what the right one writes.

The changes are made to the text, at places that must be there; a change that finds no place is an
error, so that a mutant cannot become harmless when the rewriter's text changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Change = Callable[[str], str]
_BODY = "$heddle_known:\n"


@dataclass(frozen=True, slots=True)
class Mutant:
    """``kernels`` are those of the corpus on which it is looked for."""

    name: str
    change: Change
    kernels: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def _replaced(pattern: str, by: str, text: str) -> str:
    changed, count = re.subn(pattern, by, text)
    assert count, f"nothing in the rewritten kernel matches {pattern!r}"
    return changed


def _swap(pattern: str, by: str) -> Change:
    return lambda text: _replaced(pattern, by, text)


def _in_body(pattern: str, by: str) -> Change:
    """Change only what stands behind the rewriter's own head."""

    def change(text: str) -> str:
        head, known, body = text.partition(_BODY)
        assert known, "the kernel has no decoded index"
        return head + known + _replaced(pattern, by, body)

    return change


def _several(*changes: Change) -> Change:
    def change(text: str) -> str:
        for each in changes:
            text = each(text)
        return text

    return change


_OWN_TICKETS = _swap(r"\t@%heddle_p0 bra \$heddle_told;\n", "")
_ANY = ("scale_in_place", "saxpy", "histogram", "slow_reader")

MUTANTS = (
    Mutant(
        "no barrier between two blocks",
        _swap(r"(\$heddle_next:\n(?:\tcp\.async\.wait_all;\n)?)\tbar\.sync 0;\n", r"\1"),
        ("scale_in_place", "adam", "saxpy"),
    ),
    Mutant(
        "no barrier behind the broadcast",
        _swap(r"(\$heddle_told:\n)\tbar\.sync 0;\n", r"\1"),
        _ANY,
    ),
    Mutant(
        "epoch not read",
        _swap(r"setp\.gt\.u32 %heddle_p1, %heddle_t4, %heddle_t5", "setp.ne.u32 %heddle_p1, 0, 0"),
        ("scale_in_place", "embedding_gradient"),
    ),
    Mutant(
        "own epoch counts as newer",
        _swap(r"setp\.gt\.u32 %heddle_p1", "setp.ge.u32 %heddle_p1"),
        ("scale_in_place",),
    ),
    Mutant(
        "ticket one too high",
        _swap(
            r"(\tst\.relaxed\.gpu\.global\.u32 \[%heddle_a1)",
            r"\tadd.u32 %heddle_t8, %heddle_t8, 1;\n\1",
        ),
        ("scale_in_place",),
    ),
    Mutant(
        "ticket not atomic",
        _swap(
            r"@!%heddle_p1 atom\S+ %heddle_t8, (\[\S+\]), 1;",
            r"@!%heddle_p1 ld.global.u32 %heddle_t8, \1;\n"
            r"\tadd.u32 %heddle_t4, %heddle_t8, 1;\n"
            r"\t@!%heddle_p1 st.global.u32 \1, %heddle_t4;",
        ),
        ("scale_in_place", "embedding_gradient", "histogram"),
    ),
    Mutant(
        "ticket taken before the epoch is read",
        _several(
            _swap(r"\t@!%heddle_p1 atom(\S+) %heddle_t8, (\[\S+\]), 1;\n", ""),
            _swap(
                r"\tmov\.u32 %heddle_t8, (\d+);\n",
                r"\t@%heddle_p1 mov.u32 %heddle_t8, \1;\n",
            ),
            _swap(
                r"(\tld\.relaxed\.sys\.global\.u32 %heddle_t4)",
                r"\tatom.global.add.u32 %heddle_t8, [%heddle_a0], 1;\n\1",
            ),
        ),
        ("scale_in_place", "embedding_gradient"),
    ),
    Mutant(
        "index y left as it was",
        _in_body(r"%heddle_block_y", "%ctaid.y"),
        ("rotary", "transpose", "stencil"),
    ),
    Mutant(
        "index z left as it was",
        _in_body(r"%heddle_block_z", "%ctaid.z"),
        ("bias_volume", "matmul_split"),
    ),
    Mutant(
        "grid size left as it was",
        _in_body(r"%heddle_grid_", "%nctaid."),
        ("grid_stride", "softmax", "slow_reader"),
    ),
    Mutant(
        "index decoded with the axes swapped",
        _several(
            _swap(r"div\.u32 %heddle_t8, %heddle_t9, %heddle_grid_x", "div.u32 %heddle_t8, "
                  "%heddle_t9, %heddle_grid_y"),
            _swap(r"rem\.u32 %heddle_block_x, %heddle_t9, %heddle_grid_x",
                  "rem.u32 %heddle_block_x, %heddle_t9, %heddle_grid_y"),
        ),
        ("rotary", "bias_volume"),
    ),
    Mutant(
        "index y not wrapped",
        _swap(r"rem\.u32 %heddle_block_y, %heddle_t8, %heddle_grid_y",
              "mov.u32 %heddle_block_y, %heddle_t8"),
        ("bias_volume", "matmul_split"),
    ),
    Mutant(
        "quota ignored",
        _swap(r"setp\.ge\.u32 %heddle_p2, %heddle_t8, %heddle_t6",
              "setp.eq.u32 %heddle_p2, %heddle_t8, -1"),
        ("scale_in_place",),
    ),
    Mutant(
        "quota one too large",
        _swap(r"setp\.ge\.u32 %heddle_p2", "setp.gt.u32 %heddle_p2"),
        ("scale_in_place",),
    ),
    Mutant(
        "broadcast through shared memory at offset 0",
        _several(
            _swap(r"st\.relaxed\.gpu\.global\.u32 \[%heddle_a1\+\d+\]", "st.shared.u32 [0]"),
            _swap(r"ld\.relaxed\.gpu\.global\.u32 %heddle_t9, \[%heddle_a1\+\d+\]",
                  "ld.shared.u32 %heddle_t9, [0]"),
        ),
        ("slow_reader", "block_reduce", "row_sum"),
    ),
    Mutant(
        "one broadcast word for all blocks",
        _swap(r"(mul\.wide\.u32 %heddle_a1, %heddle_t3), 4", r"\1, 0"),
        _ANY,
    ),
    Mutant(
        "copies not drained",
        _swap(r"(\$heddle_next:\n)\tcp\.async\.wait_all;\n", r"\1"),
        ("async_tail",),
    ),
    Mutant(
        "a leader per row of threads",
        _swap(r"\tor\.b32 %heddle_t0, %heddle_t0, %heddle_t1;\n", ""),
        ("stencil", "tiled_product", "transpose_padded"),
    ),
    Mutant("every thread takes a ticket", _OWN_TICKETS, _ANY),
    Mutant(
        "every thread reads the epoch for itself",
        _several(
            _swap(
                r"(\tsetp\.eq\.u32 %heddle_p3, %heddle_t9, \d+;\n)",
                r"\tld.param.u64 %heddle_a2, [heddle_flag];\n"
                r"\tld.global.u32 %heddle_t4, [%heddle_a2];\n"
                r"\tld.global.u32 %heddle_t5, [%heddle_a0+8];\n"
                r"\1\tsetp.gt.u32 %heddle_p1, %heddle_t4, %heddle_t5;\n"
                r"\tor.pred %heddle_p3, %heddle_p3, %heddle_p1;\n",
            ),
        ),
        ("slow_reader", "scale_in_place", "block_reduce", "divergent"),
    ),
    Mutant(
        "blocks counted twice",
        _swap(r"(@!%heddle_p0 red\.relaxed\.gpu\.global\.add\.u32 \S+), 1;", r"\1, 2;"),
        ("scale_in_place", "embedding_gradient"),
    ),
    Mutant(
        "blocks counted by every thread",
        _swap(r"@!%heddle_p0 (red\.relaxed\.gpu\.global\.add\.u32)", r"\1"),
        ("scale_in_place",),
    ),
    Mutant(
        "blocks not counted",
        _swap(r"\t@!%heddle_p0 red\.relaxed\.gpu\.global\.add\.u32 [^\n]+\n", ""),
        ("scale_in_place",),
    ),
    Mutant(
        "resumed from the first block",
        _swap(r"\t@!%heddle_p1 add\.u32 %heddle_t8, %heddle_t8, %heddle_t7;\n", ""),
        ("scale_in_place", "embedding_gradient", "histogram"),
    ),
    Mutant(
        "a return ends the thread",
        _in_body(r"bra \$heddle_next", "ret"),
        ("saxpy",),
    ),
)  # fmt: skip

ENTRY_MUTANTS = (
    Mutant(
        "decision not compared and swapped",
        _swap(r"atom\S+cas\.b32 %heddle_t6, (\[\S+\]), 0, (\S+);", r"st.global.u32 \1, \2;"),
        ("scale_in_place", "embedding_gradient", "histogram"),
    ),
    Mutant(
        "no barrier before the decision is read",
        _swap(r"(\$heddle_decided:\n)\tbar\.sync 0;\n", r"\1"),
        ("scale_in_place", "embedding_gradient", "adam"),
    ),
    Mutant(
        "decision the wrong way round",
        _swap(r"selp\.b32 %heddle_t5, 2, 1", "selp.b32 %heddle_t5, 1, 2"),
        ("scale_in_place",),
    ),
    Mutant(
        "leaves although it decided to run",
        _swap(r"setp\.eq\.u32 %heddle_p2, %heddle_t6, 2", "setp.eq.u32 %heddle_p2, %heddle_t6, 1"),
        ("scale_in_place",),
    ),
)
