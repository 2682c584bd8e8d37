"""Learning how long kernels take, from launches that ran whole, where no profile came with them."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import MAX_OCCUPANCY, WHOLE

_WEIGHT = 8  # a new sample counts one eighth, as in round-trip estimates


@inner
def learn(board: Board, launch: int) -> None:
    """Takes the time of a launch into the profile of its kernel."""
    kernels, launches = board.kernels, board.launches
    kernel = launches.kernel[launch]
    blocks = launches.blocks[launch]
    is_sample = launches.outcome[launch] == WHOLE and blocks > 0
    if kernels.samples[kernel] < 0 or not is_sample:
        return
    elapsed_ns = max(1, launches.ended_ns[launch] - launches.started_ns[launch])
    most = board.device.multiprocessors
    resident = min(blocks, most * kernels.occupancy[kernel])
    if launches.slots[launch] > 0:
        resident = min(resident, launches.slots[launch])
    level = min(MAX_OCCUPANCY, (resident + most - 1) // most)
    waves = (blocks + resident - 1) // resident
    wave_ns = max(1, elapsed_ns // waves)
    board.wave_ns[kernel, level - 1] = _blended(board.wave_ns[kernel, level - 1], wave_ns)
    all_blocks = kernels.blocks[kernel]
    all_waves = (all_blocks + most * level - 1) // (most * level)
    kernels.duration_ns[kernel] = _blended(kernels.duration_ns[kernel], all_waves * wave_ns)
    kernels.samples[kernel] += 1


@inner
def _blended(old: int, new: int) -> int:
    return new if old == 0 else old + (new - old) // _WEIGHT
