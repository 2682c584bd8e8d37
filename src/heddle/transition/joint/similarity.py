"""How much of what runs on a GPU can stay if the GPU carries a configuration.

A configuration is a multiset of servers: which legal partition holds them, and which
of equal placements carries which, is free. Starts are bit masks here. ``overlap``
looks at many GPUs at once; ``fit`` calls both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import partitions
from heddle.cluster.partition import Placement
from heddle.errors import InputError

#: A server wherever it stands: its instance with start 0.
Server = PlannedInstance
#: By profile, the starts of its instances as a bit mask.
Cut = Mapping[str, int]


class Similarity(NamedTuple):
    """What stays, most important first; compared as a tuple.

    ``untouched`` instances run on as they are; ``restarted`` serve the same service at
    another operating point; ``reused`` counts all instances that stay, whatever they
    serve.
    """

    untouched: int
    restarted: int
    reused: int


class Running(NamedTuple):
    """What a GPU runs: its instances by start, and those without a service."""

    instances: tuple[PlannedInstance, ...]
    unserved: tuple[Placement, ...] = ()


def server_of(instance: PlannedInstance) -> Server:
    """Return an instance without its place."""
    return instance._replace(start=0)


def servers_of(instances: Iterable[PlannedInstance]) -> tuple[Server, ...]:
    """Return the servers of a configuration in a canonical order."""
    return tuple(sorted(map(server_of, instances)))


class RunningShape:
    """What a GPU runs, as bit masks of starts by profile, server and service."""

    def __init__(self, running: Running) -> None:
        self.instances = running.instances
        placements = [Placement(i.start, i.profile) for i in running.instances]
        self.cut = _cut_of((*placements, *running.unserved))
        self.key = tuple(sorted(self.cut.items()))
        self.servers: dict[Server, int] = {}
        self.services: dict[tuple[str, str], int] = {}
        for instance in running.instances:
            server, mask = server_of(instance), 1 << instance.start
            self.servers[server] = self.servers.get(server, 0) | mask
            service = (instance.profile, instance.service)
            self.services[service] = self.services.get(service, 0) | mask


class WantedShape:
    """A configuration: its servers counted, and every way to cut a GPU for it.

    Its own starts come first among the ``cuts``, if they are legal.

    Raises
    ------
    InputError
        No partition has these instances.
    """

    def __init__(self, gpu_type: GpuType, instances: tuple[PlannedInstance, ...]) -> None:
        self.servers = Counter(map(server_of, instances))
        self.services = Counter((i.profile, i.service) for i in instances)
        counts = tuple(sorted(Counter(i.profile for i in instances).items()))
        own = _cut_of(Placement(i.start, i.profile) for i in instances)
        every = _cuts_with(gpu_type, counts)
        if not every:
            spelled = " + ".join(f"{count} x {profile}" for profile, count in counts)
            raise InputError(f"no {gpu_type.name} holds {spelled}; the target has them on one GPU")
        self.cuts = (own, *every) if own in every else every
        self._reuse: dict[tuple[tuple[str, int], ...], tuple[Similarity, Cut]] = {}

    def most_similar(self, running: RunningShape) -> tuple[Similarity, Cut]:
        """Return the most that can stay on a GPU, and the cut for it; ties go to the first."""
        shared = [s for s in self.services if s in running.services]
        if shared:
            return self._best_cut(running, shared)
        if running.key not in self._reuse:
            self._reuse[running.key] = self._best_cut(running, shared)
        return self._reuse[running.key]

    def placed(self, running: RunningShape, cut: Cut) -> tuple[PlannedInstance, ...]:
        """Return the configuration's instances on a cut: those that stay first."""
        placed: list[PlannedInstance] = []
        waiting = list(self.servers.elements())
        free = {(profile, start) for profile, mask in cut.items() for start in _bits(mask)}
        for is_same in (_is_same_server, _is_same_service):
            for instance in running.instances:
                stays = [s for s in waiting if is_same(s, instance)]
                if stays and (instance.profile, instance.start) in free:
                    free.remove((instance.profile, instance.start))
                    waiting.remove(stays[0])
                    placed.append(stays[0]._replace(start=instance.start))
        placed.extend(
            server._replace(start=start)
            for (_, start), server in zip(sorted(free), sorted(waiting), strict=True)
        )
        return tuple(sorted(placed, key=lambda i: (i.start, i.profile)))

    def _best_cut(
        self, running: RunningShape, shared: list[tuple[str, str]]
    ) -> tuple[Similarity, Cut]:
        servers = [s for s in self.servers if s in running.servers] if shared else []
        best, best_cut = Similarity(-1, -1, -1), self.cuts[0]
        for cut in self.cuts:
            untouched = sum(
                min(self.servers[s], (running.servers[s] & cut[s.profile]).bit_count())
                for s in servers
            )
            same = sum(
                min(self.services[s], (running.services[s] & cut[s[0]]).bit_count()) for s in shared
            )
            reused = sum((mask & cut.get(profile, 0)).bit_count() for profile, mask in running.key)
            found = Similarity(untouched, same - untouched, reused)
            if found > best:
                best, best_cut = found, cut
        return best, best_cut


def _is_same_server(server: Server, instance: PlannedInstance) -> bool:
    return server == server_of(instance)


def _is_same_service(server: Server, instance: PlannedInstance) -> bool:
    return (server.profile, server.service) == (instance.profile, instance.service)


@cache
def _cuts_with(gpu_type: GpuType, counts: tuple[tuple[str, int], ...]) -> tuple[Cut, ...]:
    """Return the distinct cuts of every partition with these instances."""
    wanted = dict(counts)
    names = tuple(wanted)
    return tuple(
        _cut_of(partition.placements)
        for partition in partitions(gpu_type, names)
        if partition.profile_counts == wanted
    )


def _cut_of(placements: Iterable[Placement]) -> Cut:
    cut: dict[str, int] = {}
    for start, profile in placements:
        cut[profile] = cut.get(profile, 0) | 1 << start
    return cut


def _bits(mask: int) -> list[int]:
    return [start for start in range(mask.bit_length()) if mask >> start & 1]
