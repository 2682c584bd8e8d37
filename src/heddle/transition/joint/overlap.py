"""How much of what runs on many GPUs can stay if each carried a configuration.

The same as ``WantedShape.most_similar``, for all the GPUs of a type at once, as arrays.
Called by ``fit`` for every distinct configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heddle.transition.joint.similarity import Cut, Running, WantedShape, server_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Overlaps(NamedTuple):
    """What stays of each GPU, as int64 arrays; and the number of the cut for it.

    The first three are those of ``Similarity``.
    """

    untouched: Ints
    restarted: Ints
    reused: Ints
    cut: Ints


class _Stands(NamedTuple):
    """Where one kind of thing stands: on which GPUs, and (starts, these GPUs) 0 or 1."""

    gpus: Ints
    at: Floats


class RunningGpus:
    """What GPUs of one type run: by server, by service and by profile.

    Parameters
    ----------
    runnings
        What each of them runs.
    num_starts
        One more than the last start that an instance can have.
    """

    def __init__(self, runnings: Sequence[Running], num_starts: int) -> None:
        self._num_gpus = len(runnings)
        self._num_starts = num_starts
        found: dict[Hashable, dict[int, list[int]]] = {}

        def note(key: Hashable, gpu: int, start: int) -> None:
            if start < num_starts:
                found.setdefault(key, {}).setdefault(gpu, []).append(start)

        for gpu, running in enumerate(runnings):
            for instance in running.instances:
                note(server_of(instance), gpu, instance.start)
                note((instance.profile, instance.service), gpu, instance.start)
                note(instance.profile, gpu, instance.start)
            for start, profile in running.unserved:
                note(profile, gpu, start)
        self._stands = {key: self._as_array(starts_of) for key, starts_of in found.items()}

    def most_similar(self, wanted: WantedShape) -> Overlaps:
        """Return the most that can stay on each GPU; ties go to the first cut."""
        opened = _opened(wanted.cuts, self._num_starts)
        profiles: Counter[str] = Counter()
        for server, count in wanted.servers.items():
            profiles[server.profile] += count
        kept = (
            self._kept(
                {server: (server.profile, n) for server, n in wanted.servers.items()}, opened
            ),
            self._kept({key: (key[0], n) for key, n in wanted.services.items()}, opened),
            self._kept({profile: (profile, n) for profile, n in profiles.items()}, opened),
        )
        base = self._num_starts + 1
        cut = ((kept[0] * base + kept[1]) * base + kept[2]).argmax(axis=0)
        untouched, same, reused = (
            np.take_along_axis(level, cut[np.newaxis], axis=0)[0].astype(np.int64) for level in kept
        )
        return Overlaps(untouched, same - untouched, reused, cut)

    def _kept(
        self, wanted: Mapping[Hashable, tuple[str, int]], opened: Mapping[str, Floats]
    ) -> Floats:
        """Return (cuts, GPUs): how many of what is wanted stand where a cut has their profile."""
        num_cuts = len(next(iter(opened.values())))
        kept = np.zeros((num_cuts, self._num_gpus))
        for key, (profile, count) in wanted.items():
            if key in self._stands:
                stands = self._stands[key]
                kept[:, stands.gpus] += np.minimum(opened[profile] @ stands.at, count)
        return kept

    def _as_array(self, starts_of: dict[int, list[int]]) -> _Stands:
        at = np.zeros((self._num_starts, len(starts_of)))
        for column, starts in enumerate(starts_of.values()):
            at[starts, column] = 1
        return _Stands(np.array(list(starts_of), dtype=np.int64), at)


def _opened(cuts: Sequence[Cut], num_starts: int) -> dict[str, Floats]:
    """Return by profile (cuts, starts): 1 where a cut has an instance of it."""
    starts = np.arange(num_starts)
    masks = {profile: np.array([cut[profile] for cut in cuts]) for profile in cuts[0]}
    return {
        profile: (mask[:, np.newaxis] >> starts & 1).astype(np.float64)
        for profile, mask in masks.items()
    }
