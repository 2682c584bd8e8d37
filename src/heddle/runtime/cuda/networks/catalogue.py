"""Networks by name on one GPU: code is compiled and loaded once, every client gets its own buffers.

``CudaBackend.add_network`` and the benchmarks call this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from heddle.errors import InputError, listed, nearest
from heddle.runtime.core.constants import UNKNOWN_BOUND
from heddle.runtime.cuda.device_kernel import DeviceKernel, word
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.cuda.forms import Loaded, load_forms
from heddle.runtime.cuda.networks.layers import (
    BOUNDS,
    HALF_BYTES,
    Layer,
    Places,
    arguments,
    code_of,
)
from heddle.runtime.cuda.networks.spin import (
    SCHEDULE_PREFIX,
    SPIN,
    SpinBlock,
    schedule_names,
    schedule_of,
    spin_parameters,
)
from heddle.runtime.cuda.networks.topologies import TOPOLOGIES

_SEED: Final = 6
_SMALLEST: Final = 1 << 15
_DRAWN: Final = 1_000_003  # numbers that are drawn; a longer buffer repeats them


class Catalogue:
    """The networks of a GPU.

    Parameters
    ----------
    driver
        Where they are loaded.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._loaded: dict[str, Loaded] = {}
        major, minor = driver.gpu.capability
        self._capability = 10 * major + minor

    def names(self) -> tuple[str, ...]:
        """Networks of real kernels, then schedules of spin blocks."""
        return (*TOPOLOGIES, *schedule_names())

    def build(self, name: str) -> list[DeviceKernel]:
        """The kernels of a network for one client.

        Raises
        ------
        InputError
            There is no such network.
        HostError
            Triton is missing, or the GPU has no room.
        """
        if name.startswith(SCHEDULE_PREFIX) and name in schedule_names():
            return self.spinning(schedule_of(name))
        if name not in TOPOLOGIES:
            raise InputError(
                f"this device has no network {name!r}{nearest(name, self.names())}; "
                f"it has {listed(self.names(), 30)}"
            )
        return self.network(TOPOLOGIES[name]())

    def network(self, layers: Sequence[Layer], seed: int = _SEED) -> list[DeviceKernel]:
        """The kernels of layers over buffers of their own, which take turns: each is used again."""
        source, target, weights, spare = self._buffers(layers, seed)
        kernels = []
        for layer in layers:
            kernels.append(self.kernel(layer, Places(source, target, weights, spare)))
            source, target = target, source
        return kernels

    def kernel(self, layer: Layer, places: Places) -> DeviceKernel:
        """One layer over given buffers."""
        loaded = self.load(layer.kind)
        return DeviceKernel(
            name=f"{layer.kind} {'x'.join(map(str, layer.sizes))}",
            functions=loaded.functions,
            grid=layer.grid,
            threads=loaded.code.threads,
            shared_bytes=loaded.code.shared_bytes,
            parameters=_filled(arguments(layer, places), loaded.num_parameters),
            bound=BOUNDS.get(layer.kind, UNKNOWN_BOUND),
        )

    def spinning(self, blocks: Sequence[SpinBlock], counters: int = 0) -> list[DeviceKernel]:
        """Kernels whose blocks do nothing for a given time; counted where ``counters`` points."""
        loaded = self.load("spin")
        return [
            DeviceKernel(
                name=block.name,
                functions=loaded.functions,
                grid=(block.blocks, 1, 1),
                threads=(block.threads, 1, 1),
                shared_bytes=block.shared_bytes,
                parameters=spin_parameters(block, counters),
                duration_ns=block.duration_ns,
                bound=block.bound,
            )
            for block in blocks
        ]

    def load(self, kind: str) -> Loaded:
        """The code of a kind of layer, or ``spin``, in all its forms."""
        if kind not in self._loaded:
            code = SPIN if kind == "spin" else code_of(kind, self._capability)
            self._loaded[kind] = load_forms(self._driver, code)
        return self._loaded[kind]

    def buffer(self, num_halves: int, seed: int, scale: float = 1.0) -> int:
        """A buffer of random numbers in the two-byte format of the kernels."""
        count = max(_SMALLEST, num_halves)
        address = self._driver.allocate(HALF_BYTES * count)
        generator = np.random.default_rng(seed)
        numbers = generator.uniform(-scale, scale, min(count, _DRAWN)).astype(np.float32)
        halves = (numbers.view(np.uint32) >> 16).astype(np.uint16)
        self._driver.copy_in(address, np.resize(halves, count).tobytes())
        return address

    def _buffers(self, layers: Sequence[Layer], seed: int) -> tuple[int, int, int, int]:
        elements = [layer.elements for layer in layers]
        most = max(max(source, target) for source, _, target in elements)
        weights = max(count for _, count, _ in elements)
        deepest = max((layer.sizes[-1] for layer in layers if layer.kind == "matmul"), default=1)
        return (
            self.buffer(most, seed),
            self.buffer(most, seed + 1),
            self.buffer(weights, seed + 2, float(np.sqrt(3 / deepest))),
            self.buffer(weights, seed + 3),
        )


def _filled(parameters: tuple[bytes, ...], count: int) -> tuple[bytes, ...]:
    """With null pointers for the scratch memory that Triton's kernels name last and do not use."""
    return (*parameters, *(word(0) for _ in range(count - len(parameters))))
