"""Preemption on the cuda device: how soon blocks leave, and that none is lost or runs twice.

Sections ``drain`` and ``equality`` of ``gpu_runtime``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from heddle.benchmarks.gpu_runtime_play import BEST_EFFORT, REAL_TIME, Client, Play, Played
from heddle.benchmarks.gpu_runtime_rig import Rig, measured, percentiles
from heddle.benchmarks.record import Figure, Measured, Row
from heddle.errors import HostError
from heddle.runtime.core import rings
from heddle.runtime.core.constants import FINISHED
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.core.registration import add_program, add_queue, submit
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.device_kernel import DeviceKernel
from heddle.runtime.cuda.networks.catalogue import Catalogue
from heddle.runtime.cuda.networks.layers import HALF_BYTES, Layer, Places
from heddle.runtime.cuda.networks.spin import SpinBlock
from heddle.runtime.cuda.options import BEGINNINGS, EPOCH_METHODS, CudaOptions

_BLOCK_US: Final = (2, 5, 10, 20, 50, 100)
_RATE_RPS: Final = 200.0
_RUN_S: Final = 2.0
_BLOCKS: Final = 20_000
_LONGEST_TARGET_US: Final = 20  # the targets hold for blocks up to this length
_EXACT_S: Final = 4.0
_LIMIT_S: Final = 20.0
_COUNTED_BLOCKS: Final = 4000
_CHAINS: Final = 300
_CHANGED_IN_PLACE: Final = ("matmul", "layer_norm", "add")
_LAYERS: Final = {
    "matmul": Layer("matmul", (1024, 1024, 1024)),
    "scale": Layer("scale", (1 << 23,)),
    "layer_norm": Layer("layer_norm", (16384, 768)),
    "add": Layer("add", (1 << 23,)),
    "attention": Layer("attention", (64, 1024)),
}
_SMALL_LAYERS: Final = {
    "matmul": Layer("matmul", (128, 128, 128)),
    "scale": Layer("scale", (1 << 13,)),
    "layer_norm": Layer("layer_norm", (16, 768)),
    "add": Layer("add", (1 << 13,)),
    "attention": Layer("attention", (2, 128)),
}


def drain(rig: Rig) -> Measured:
    """Preemption by the length of blocks and by the way of the epoch; then of real kernels."""
    rows: list[Row] = []
    figures: list[Figure] = []
    for method in EPOCH_METHODS:
        for block_us in _BLOCK_US:
            played = _preempt(rig, CudaOptions(epoch_by=method), block_us)
            found = _rows(f"spin blocks of {block_us} us", method, played)
            rows += found
            if block_us == _LONGEST_TARGET_US and "p50_us" in found[0]:
                figures += _targets(f"blocks of {block_us} us, {method}", found[0])
    for begins_by in BEGINNINGS:
        played = _preempt(rig, CudaOptions(begins_by=begins_by), _LONGEST_TARGET_US)
        rows += _rows(
            f"spin blocks of 20 us, beginning seen by {begins_by}", "stream-write", played
        )
    for network in ("large-products", "resnet152"):
        played = _preempt(rig, CudaOptions(), 0, network)
        found = _rows(network, "stream-write", played)
        rows += found
        if "p50_us" in found[0]:
            figures += _targets(network, found[0])
    return measured(figures, rows)


def equality(rig: Rig) -> Measured:
    """The bytes that a kernel leaves when it is preempted at random, against when it is alone."""
    rows: list[Row] = []
    num_equal = num_evictions = 0
    for kind in _LAYERS:
        row = _compare(rig, kind)
        num_equal += bool(row["is_equal"])
        num_evictions += int(row["evictions"])
        rows.append(row)
    counted = _count_blocks(rig)
    rows.append(counted)
    figures = [
        Figure("kernels with the same bytes under preemption", num_equal, "kernels", "== 5"),
        Figure("evictions meanwhile", num_evictions, "evictions", ">= 100"),
        Figure("blocks lost or run twice", float(counted["wrong"]), "blocks", "== 0"),
    ]
    return measured(figures, rows)


def _preempt(rig: Rig, choices: CudaOptions, block_us: int, network: str = "") -> Played:
    device = rig.open("block-edge", choices=choices)
    try:
        clients = [
            Client("tiny", REAL_TIME, _RATE_RPS, is_poisson=True),
            Client(network or "spin", BEST_EFFORT),
        ]
        count = rig.times(_BLOCKS)
        spin = [SpinBlock("spin", count, 1000 * block_us)]
        tiny = [SpinBlock("tiny", device.driver.gpu.multiprocessors, 2000)]
        own = {"spin": device.catalogue.spinning(spin), "tiny": device.catalogue.spinning(tiny)}
        return Play(device, clients, own=own).run(rig.amount(_RUN_S))
    finally:
        device.close()


def _rows(what: str, method: str, played: Played) -> list[Row]:
    rows: list[Row] = []
    for part, times_ns in played.preemptions_ns.items():
        row = percentiles(what, times_ns)
        rows.append({**row, "part": part, "epoch_by": method, "error": played.device_error})
    return rows


def _targets(what: str, row: Row) -> list[Figure]:
    return [
        Figure(f"preemption P50, {what}", float(row["p50_us"]), "us", "<= 20"),
        Figure(f"preemption P99, {what}", float(row["p99_us"]), "us", "<= 100"),
    ]


def _compare(rig: Rig, kind: str) -> dict[str, float | int | str | bool]:
    alone, _ = _bytes_after(rig, kind, is_preempted=False)
    shared, evictions = _bytes_after(rig, kind, is_preempted=True)
    return {
        "name": kind,
        "what": "bytes against the original alone",
        "is_equal": alone == shared,
        "bytes": len(alone),
        "evictions": evictions,
    }


def _bytes_after(rig: Rig, kind: str, *, is_preempted: bool) -> tuple[bytes, int]:
    """What stands in the buffers after many runs, and how often they were made to leave.

    Alone the device is held to the level at which kernels run as their authors wrote them.
    """
    device = rig.open("block-edge", level=0 if is_preempted else 1)
    try:
        layer = (_SMALL_LAYERS if rig.is_trial else _LAYERS)[kind]
        source, weights, target = layer.elements
        size = max(source, target)
        catalogue = device.catalogue
        first, second = catalogue.buffer(size, 1), catalogue.buffer(size, 2)
        kept = catalogue.buffer(weights, 3, 0.05), catalogue.buffer(weights, 4)
        there, back = Places(first, second, *kept), Places(second, first, *kept)
        kernels = _chain(catalogue, layer, size, (there, back))
        evictions = _run_once(rig, device, kernels, is_preempted=is_preempted)
        left = [device.driver.copy_out(each, HALF_BYTES * size) for each in (first, second)]
        return b"".join(left), evictions
    finally:
        device.close()


def _chain(
    catalogue: Catalogue, layer: Layer, size: int, ways: tuple[Places, Places]
) -> list[DeviceKernel]:
    """There and back between two buffers, each changed in place too: what ran twice shows."""
    kernels = []
    for places in ways:
        kernels.append(catalogue.kernel(layer, places))
        if layer.kind in _CHANGED_IN_PLACE:
            kernels.append(catalogue.kernel(Layer("scale", (size,)), places))
    return kernels


def _run_once(
    rig: Rig, device: CudaBackend, kernels: list[DeviceKernel], *, is_preempted: bool
) -> int:
    """Runs kernels as one best-effort task; real-time blocks come at random meanwhile."""
    board = device.board
    be = add_queue(board, QueueSpec(BEST_EFFORT))
    rt = add_queue(board, QueueSpec(REAL_TIME))
    nudge = device.add_program_of(device.catalogue.spinning([SpinBlock("nudge", 1, 1000)]))
    rows = [device.add(kernel) for kernel in kernels]
    program = add_program(board, rows * rig.times(_CHAINS))
    generator = np.random.default_rng(7)
    begun_ns = device.now_ns()
    if is_preempted:
        due_ns = begun_ns
        for _ in range(rig.times(400)):
            due_ns += int(generator.integers(20_000, 120_000))
            submit(board, rt, nudge, due_ns)
    task = submit(board, be, program, begun_ns)
    while board.tasks.state[task] != FINISHED:
        if device.now_ns() - begun_ns > _LIMIT_S * 1e9:
            raise HostError("the best-effort task did not end in time")
        device.advance(device.now_ns() + 1_000_000)
        while rings.waiting(board.outbox):
            rings.take(board.outbox)
    return int(board.tasks.evictions[task])


def _count_blocks(rig: Rig) -> dict[str, float | int | str | bool]:
    """Blocks that count themselves, over many tasks under many preemptions."""
    device = rig.open("block-edge-padding")
    try:
        blocks = rig.times(_COUNTED_BLOCKS)
        counters = device.driver.allocate(4 * blocks)
        device.driver.copy_in(counters, bytes(4 * blocks))
        spin = [SpinBlock("counted", blocks, 5000)]
        own = {"counted": device.catalogue.spinning(spin, counters)}
        tiny = device.catalogue.spinning([SpinBlock("tiny", 8, 2000)])
        clients = [
            Client("counted", BEST_EFFORT),
            Client("tiny", REAL_TIME, 2000.0, is_poisson=True),
        ]
        play = Play(device, clients, own={**own, "tiny": tiny})
        played = play.run(rig.amount(_EXACT_S))
        finished = play.finish(0)
        found = np.frombuffer(device.driver.copy_out(counters, 4 * blocks), dtype=np.uint32)
        expected = 0 if rig.is_trial else finished
        return {
            "name": "counted blocks",
            "what": "each block adds one to its counter",
            "blocks": blocks,
            "tasks": finished,
            "preemptions": len(played.preemptions_ns["whole"]),
            "wrong": int(np.count_nonzero(found != expected)),
        }
    finally:
        device.close()
