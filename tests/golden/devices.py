"""A small run of the simulated device whose spans are kept byte for byte."""

from __future__ import annotations

from pathlib import Path

from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.constants import BE, COMPUTE_BOUND, MEMORY_BOUND, RT
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.registration import add_kernel, add_program, add_queue, submit
from heddle.runtime.simulated.gpu import SimulatedGpu

FOLDER = Path(__file__).with_name("devices")
_END_NS = 200_000
_HEADER = "start_ns,end_ns,multiprocessor,slot,queue,task,kernel,first_block,blocks,is_lost"
_LONG = Kernel(
    "long",
    blocks=700,
    threads=512,
    bound=MEMORY_BOUND,
    occupancy=4,
    duration_ns=60_000,
    wave_ns=(12_000, 14_000, 17_000, 20_000),
)
_SHORT = Kernel(
    "short",
    blocks=40,
    threads=256,
    bound=COMPUTE_BOUND,
    occupancy=8,
    duration_ns=9_000,
    wave_ns=(9_000, 9_500),
)


def spans_text(policy: str) -> str:
    """The spans of two best-effort kernels that a real-time task interrupts, as CSV."""
    options = BackendOptions(policy=policy, is_recording=True, record_until_ns=_END_NS)
    gpu = SimulatedGpu("MI50", options)
    queues = [add_queue(gpu.board, QueueSpec(kind=kind)) for kind in (BE, RT)]
    kernels = [add_kernel(gpu.board, kernel) for kernel in (_LONG, _SHORT)]
    programs = [add_program(gpu.board, [row, row]) for row in kernels]
    submit(gpu.board, queues[0], programs[0], 1)
    submit(gpu.board, queues[1], programs[1], 20_000)
    while gpu.now_ns() < _END_NS:
        gpu.advance(_END_NS)
    lines = [
        f"{one.start_ns},{one.end_ns},{one.multiprocessor},{one.slot},{one.queue},{one.task},"
        f"{one.kernel},{one.first_block},{one.blocks},{int(one.is_lost)}"
        for one in gpu.spans()
    ]
    return "\n".join([_HEADER, *lines]) + "\n"


SPANS = {f"spans-{policy}.csv": policy for policy in ("block-edge", "priority", "reset")}
