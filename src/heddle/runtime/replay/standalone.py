"""How long each network takes alone on a device: the yardstick for everything shared.

Measured on a device of its own, opened and closed here, before the workload is played: a closed
loop of a few requests, as real-time work, so that no policy holds it back.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.runtime.core.backend import Backend
from heddle.runtime.replay.naming import networks_of
from heddle.runtime.replay.runner import Play, play
from heddle.workload.disb.workload import Continuous, DisbClient, DisbWorkload

#: Requests that are looked at, and those before them: caches fill, code is compiled.
NUM_REQUESTS = 20
NUM_FIRST = 2
#: A network so slow that its requests take longer gets fewer of them.
_MOST_S = 2.0


def alone_ms(
    open_device: Callable[[], Backend], workload: DisbWorkload, default_network: str = ""
) -> dict[str, float]:
    """Mean latency alone on the device by client, milliseconds.

    A client whose network's first requests take longer than two seconds is left out.

    Raises
    ------
    InputError, HostError
        As :func:`heddle.runtime.replay.runner.play`.
    """
    device = open_device()
    try:
        networks, _ = networks_of(workload, device.networks(), default_network)
    finally:
        device.close()
    latency_ms = {name: _one(open_device, name) for name in dict.fromkeys(networks.values())}
    return {
        client: alone
        for client, network in networks.items()
        if (alone := latency_ms[network]) is not None
    }


def _one(open_device: Callable[[], Backend], network: str) -> float | None:
    client = DisbClient("alone", network, is_real_time=True, load=Continuous())
    workload = DisbWorkload("alone", _MOST_S, (client,))
    enough = _Enough()
    device = open_device()
    try:
        how = Play(should_stop=enough.poll, on_progress=enough.note)
        requests = play(device, workload, how).clients[0].requests
    finally:
        device.close()
    latency_ns = requests.latency_ns[NUM_FIRST:]
    return float(latency_ns.mean()) / 1e6 if len(latency_ns) else None


class _Enough:
    """Ends a run after enough requests."""

    def __init__(self) -> None:
        self._num_answered = 0

    def note(self, now_s: float, num_answered: int) -> None:
        """Takes note of how many were answered."""
        del now_s
        self._num_answered = num_answered

    def poll(self) -> bool:
        """Whether it was enough."""
        return self._num_answered >= NUM_REQUESTS + NUM_FIRST
