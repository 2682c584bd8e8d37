"""Blocks that spin for a given time and count themselves: schedules of durations, for timing.

Every block adds one to the counter of its index, so a block that is lost or runs twice shows. The
schedules are those of the simulated device (REEF's, measured on an MI50) with the times that it
expects of an H200; they are replayed, not computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from heddle.runtime.core.constants import UNKNOWN_BOUND
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.cuda.device_kernel import half, word
from heddle.runtime.cuda.forms import Code
from heddle.runtime.simulated.facts import device_type, network, networks
from heddle.runtime.simulated.profiles import kernel_of

SCHEDULE_PREFIX: Final = "spin:"
_TARGET: Final = "H200"
_MAX_THREADS: Final = 1024

SPIN: Final = Code(
    """.version 7.8
.target sm_80
.address_size 64
.visible .entry heddle_spin(
  .param .u64 counters,
  .param .u32 nanoseconds
)
{
  .reg .pred %p<5>;
  .reg .b32 %r<5>;
  .reg .b64 %rd<8>;
  mov.u32 %r1, %tid.x;
  setp.ne.u32 %p1, %r1, 0;
  ld.param.u64 %rd1, [counters];
  ld.param.u32 %r2, [nanoseconds];
  cvt.u64.u32 %rd2, %r2;
  mov.u64 %rd3, %globaltimer;
  setp.eq.u64 %p2, %rd1, 0;
  or.pred %p3, %p1, %p2;
  @%p3 bra $spin;
  mov.u32 %r3, %ctaid.x;
  mul.wide.u32 %rd4, %r3, 4;
  add.u64 %rd5, %rd1, %rd4;
  atom.global.add.u32 %r4, [%rd5], 1;
$spin:
  mov.u64 %rd6, %globaltimer;
  sub.u64 %rd7, %rd6, %rd3;
  setp.lt.u64 %p4, %rd7, %rd2;
  @%p4 bra $spin;
  bar.sync 0;
  ret;
}
""",
    "heddle_spin",
    (128, 1, 1),
)


@dataclass(frozen=True)
class SpinBlock:
    """A kernel of equal blocks that spin."""

    name: str
    blocks: int
    block_ns: int
    threads: int = 128
    shared_bytes: int = 0
    duration_ns: int = 0
    bound: int = UNKNOWN_BOUND


def spin_parameters(block: SpinBlock, counters: int = 0) -> tuple[bytes, ...]:
    """The parameters of a spin kernel; ``counters`` is the address of a word a block, or 0."""
    return word(counters), half(block.block_ns)


@cache
def schedule_names() -> tuple[str, ...]:
    """The schedules by name."""
    return tuple(f"{SCHEDULE_PREFIX}{name}" for name in networks())


def schedule_of(name: str) -> list[SpinBlock]:
    """The kernels of a schedule in order."""
    found = network(name.removeprefix(SCHEDULE_PREFIX))
    target = device_type(_TARGET)
    blocks = [_block(kernel_of(facts, target)) for facts in found.kernels]
    return [blocks[place] for place in found.program]


def _block(kernel: Kernel) -> SpinBlock:
    return SpinBlock(
        name=kernel.name,
        blocks=kernel.blocks,
        block_ns=kernel.wave_ns[0],
        threads=min(kernel.threads, _MAX_THREADS),
        shared_bytes=kernel.shared_bytes,
        duration_ns=kernel.duration_ns,
        bound=kernel.bound,
    )
