from __future__ import annotations

import pytest

from heddle.errors import InputError
from heddle.runtime.rewriter.occupancy import occupancy, registers_for, resident_blocks


@pytest.mark.parametrize(
    ("target", "threads", "registers", "shared_bytes", "blocks"),
    [
        (80, 256, 32, 0, 8),  # 64 warps are full
        (80, 128, 255, 0, 2),  # registers: two warps a partition
        (80, 256, 64, 0, 4),
        (90, 128, 32, 48 * 1024, 4),  # shared memory: 49 KiB a block with what is reserved
        (90, 32, 16, 0, 32),  # block slots
        (86, 256, 32, 0, 6),  # 48 warps
        (80, 1024, 65, 0, 0),  # one block does not fit
        (70, 256, 32, 96 * 1024, 1),
    ],
)
def test_blocks_are_bounded_by_the_scarcest_resource(
    target: int, threads: int, registers: int, shared_bytes: int, blocks: int
) -> None:
    assert resident_blocks(target, threads, registers, shared_bytes) == blocks


def test_occupancy_is_the_share_of_warps() -> None:
    assert occupancy(80, 256, 4) == 0.5


@pytest.mark.parametrize("blocks", [1, 4, 8])
def test_the_registers_that_so_many_blocks_allow_are_the_most_that_fit(blocks: int) -> None:
    registers = registers_for(90, 256, blocks)

    assert resident_blocks(90, 256, registers, 0) >= blocks
    assert registers == 255 or resident_blocks(90, 256, registers + 1, 0) < blocks


def test_an_unknown_architecture_is_refused_with_those_known() -> None:
    with pytest.raises(InputError, match=r"sm_61 are not known; known are sm_70"):
        resident_blocks(61, 128, 32, 0)
