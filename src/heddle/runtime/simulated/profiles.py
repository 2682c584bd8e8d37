"""Kernels of the shipped networks for one device type: occupancy and block times.

The facts were measured on an MI50. Its profiles contain what measuring one kernel costs
(``profile_overhead_ns``, fitted), which is taken off. Other types run the same grids; the times of
one multiprocessor are scaled by the data sheets: compute-bound kernels by FP32 peak per
multiprocessor, memory-bound ones by bandwidth per multiprocessor.
"""

from __future__ import annotations

from heddle.runtime.core.constants import (
    COMPUTE_BOUND,
    MAX_OCCUPANCY,
    MEMORY_BOUND,
    REPLAY_SAFE,
)
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.simulated.facts import DeviceType, KernelFacts, device_type

MEASURED_ON = "MI50"
_BOUNDS = {"compute": COMPUTE_BOUND, "memory": MEMORY_BOUND}


def kernel_of(facts: KernelFacts, target: DeviceType) -> Kernel:
    """The kernel as it runs on a device type."""
    occupancy = occupancy_of(facts, target)
    wave_ns = tuple(_wave_ns(facts, target, level) for level in range(1, occupancy + 1))
    return Kernel(
        name=facts.name,
        blocks=facts.blocks,
        threads=facts.threads,
        registers=facts.registers,
        shared_bytes=facts.shared_bytes,
        contract=REPLAY_SAFE,
        bound=_BOUNDS[facts.bound],
        occupancy=occupancy,
        duration_ns=_duration_ns(facts.blocks, wave_ns, target.multiprocessors),
        wave_ns=wave_ns,
    )


def occupancy_of(facts: KernelFacts, target: DeviceType) -> int:
    """Most blocks of a kernel that one multiprocessor of the type holds."""
    if target.name == MEASURED_ON:
        return len(facts.waves_us)
    rooms = [
        target.blocks_per_multiprocessor,
        target.threads_per_multiprocessor // facts.threads,
        target.registers_per_multiprocessor // (facts.registers * facts.threads),
    ]
    if facts.shared_bytes:
        rooms.append(target.shared_bytes_per_multiprocessor // facts.shared_bytes)
    return max(1, min(*rooms, MAX_OCCUPANCY))


def time_ratio(bound: str, target: DeviceType) -> float:
    """How long a block takes on a type, as a multiple of its time on the MI50."""
    source = _source(target)
    if bound == "compute":
        before, after = source.peak_tflops, target.peak_tflops
    else:
        before, after = source.bandwidth_gb_s, target.bandwidth_gb_s
    return before / source.multiprocessors / (after / target.multiprocessors)


def _wave_ns(facts: KernelFacts, target: DeviceType, level: int) -> int:
    """A wave with so many blocks on a multiprocessor.

    Beyond the co-residency that was measured a multiprocessor is full: time grows with the blocks.
    """
    measured = min(level, len(facts.waves_us))
    alone_ns = facts.waves_us[measured - 1] * 1000 - _source(target).profile_overhead_ns
    scaled_ns = alone_ns * time_ratio(facts.bound, target) * level / measured
    return max(round(scaled_ns), target.shortest_block_ns)


def _source(target: DeviceType) -> DeviceType:
    return target if target.name == MEASURED_ON else device_type(MEASURED_ON)


def _duration_ns(blocks: int, wave_ns: tuple[int, ...], multiprocessors: int) -> int:
    """The whole kernel alone: full waves, and one of what is left."""
    full, left = divmod(blocks, len(wave_ns) * multiprocessors)
    rest_ns = wave_ns[-(-left // multiprocessors) - 1] if left else 0
    return full * wave_ns[-1] + rest_ns
