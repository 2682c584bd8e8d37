"""What the persistent form costs a kernel that nobody preempts; section ``overhead``.

The original and the persistent form run one after another in one stream, each many times; the
record of a launch is sent every time, as the loop does it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from heddle.benchmarks.gpu_runtime_rig import Rig, measured
from heddle.benchmarks.record import Figure, Measured, Row
from heddle.errors import HostError
from heddle.runtime.core import rings
from heddle.runtime.core.constants import FINISHED, PERSISTENT, PLAIN
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.core.registration import add_queue, release, submit
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.networks.layers import Layer

_REPEATS: Final = 20
_ROUNDS: Final = 15
_LIMIT_NS: Final = 5_000_000_000
_CLASSES: Final = (
    ("matmul", Layer("matmul", (4096, 4096, 4096))),
    ("matmul small", Layer("matmul", (784, 512, 1152))),
    ("attention", Layer("attention", (192, 2048))),
    ("layer_norm", Layer("layer_norm", (65536, 1024))),
    ("element-wise", Layer("add", (1 << 26,))),
    ("in place", Layer("scale", (1 << 26,))),
)
_SMALL: Final = Layer("matmul", (256, 256, 128))
_LEVELS: Final = ((PLAIN, 1), (PERSISTENT, 3))


def overhead(rig: Rig) -> Measured:
    """Time of each class of kernel in both forms, alone on the device."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    for name, layer in _CLASSES:
        used = _SMALL if rig.is_trial else layer
        times_us = {form: _time_us(rig, used, level) for form, level in _LEVELS}
        ratio = times_us[PERSISTENT] / times_us[PLAIN]
        ratios[name] = ratio
        rows.append(
            {
                "name": name,
                "original_us": round(times_us[PLAIN], 2),
                "persistent_us": round(times_us[PERSISTENT], 2),
                "overhead_percent": round(100 * (ratio - 1), 2),
            }
        )
    matmul = 100 * (ratios["matmul"] - 1)
    worst = 100 * (max(ratios.values()) - 1)
    return measured(
        [
            Figure("overhead of the persistent form, matmul", round(matmul, 2), "%", "<= 10"),
            Figure("overhead of the persistent form, worst", round(worst, 2), "%", "<= 25"),
        ],
        rows,
    )


def _time_us(rig: Rig, layer: Layer, level: int) -> float:
    """The median time of one launch in a task of many, through the loop."""
    device = rig.open("block-edge", level=level)
    try:
        kernels = device.catalogue.network([layer])
        return _median_us(rig, device, device.add_program_of(kernels * _REPEATS)) / _REPEATS
    finally:
        device.close()


def _median_us(rig: Rig, device: CudaBackend, program: int) -> float:
    queue = add_queue(device.board, QueueSpec())
    times_ns = []
    for _ in range(rig.times(_ROUNDS)):
        task = submit(device.board, queue, program, device.now_ns())
        device.advance(device.now_ns() + _LIMIT_NS)
        if not rings.waiting(device.board.outbox):
            raise HostError(f"a task did not end within {_LIMIT_NS / 1e9:g} s")
        rings.take(device.board.outbox)
        row = device.board.tasks[task]
        if row.state == FINISHED:
            times_ns.append(int(row.ended_ns) - int(row.begun_ns))
        release(device.board, task)
    if not times_ns:
        raise HostError("every task failed")
    return float(np.median(times_ns)) / 1000
