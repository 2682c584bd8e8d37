"""Opens and warms up the engines of an instance, one for each worker.

``running`` calls it in a thread: loading a network takes seconds, and an instance says
meanwhile that it is alive but not ready.
"""

from __future__ import annotations

from typing import NamedTuple

from heddle.serving.engines.engine import Signature
from heddle.serving.engines.opening import open_engine
from heddle.serving.engines.sharing import HostEngine
from heddle.serving.instance.order import InstanceOrder
from heddle.serving.instance.warm_up import warm_up


class OpenedEngines(NamedTuple):
    """Engines that have run, one for each worker; ``batch`` is what they take at a time."""

    engines: tuple[HostEngine, ...]
    signature: Signature
    batch: int


def open_engines(order: InstanceOrder) -> OpenedEngines:
    """Return the engines of an instance, warm; blocks.

    Raises
    ------
    InputError
        The network cannot be loaded, or does not run.
    """
    planned = order.planned
    num_threads = max(1, order.num_threads // planned.processes)
    engines = [open_engine(order.service.serving, num_threads) for _ in range(planned.processes)]
    # Whether rows depend on each other is a property of the network: one word suffices.
    signatures = [warm_up(engine, planned.batch) for engine in engines]
    signature = min(signatures, key=lambda found: found.is_batched)
    hosts = tuple(HostEngine(engine) for engine in engines)
    return OpenedEngines(hosts, signature, planned.batch if signature.is_batched else 1)
