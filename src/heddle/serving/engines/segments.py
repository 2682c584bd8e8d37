"""A network in segments: what a best-effort service runs, so that it can be left between them.

``opening`` makes one of the segments into which ``zoo.cutting`` cuts a network; each is an engine
of its own. A run keeps the tensors that later segments need and goes on exactly where it was left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from heddle.serving.engines.engine import InferenceEngine, Signature, Tensors
from heddle.serving.engines.sharing import Step


@dataclass(frozen=True, slots=True)
class LoadedSegment:
    """A part of a network, loaded, and the tensors that go in and come out."""

    engine: InferenceEngine
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class SegmentedEngine:
    """A network as segments, at least one.

    Parameters
    ----------
    segments
        In the order in which they run.
    signature
        Of the whole network.
    """

    def __init__(self, segments: Sequence[LoadedSegment], signature: Signature) -> None:
        self._segments = tuple(segments)
        self._signature = signature
        self._kept = _kept_after(self._segments)

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return self._signature

    @property
    def is_instant(self) -> bool:
        """Whether it needs no thread: never."""
        return False

    @property
    def num_steps(self) -> int:
        """How many segments it has."""
        return len(self._segments)

    def begin(self, inputs: Tensors, outputs: Sequence[str]) -> SegmentedCourse:
        """Return a run that has not begun."""
        return SegmentedCourse(self._segments, self._kept, inputs, tuple(outputs))

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        """Return the named outputs; errors as ``InferenceEngine`` has them."""
        course = self.begin(inputs, outputs)
        for step in course.steps:
            step()
        return course.answers()


@dataclass(slots=True)
class SegmentedCourse:
    """One run of a network in segments; ``tensors`` are those that are still needed."""

    segments: Sequence[LoadedSegment]
    kept: Sequence[frozenset[str]]
    tensors: Tensors
    outputs: tuple[str, ...]
    steps: Sequence[Step] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = [partial(self._step, index) for index in range(len(self.segments))]

    def answers(self) -> Tensors:
        """Return the outputs that were asked for."""
        return {name: self.tensors[name] for name in self.outputs}

    def _step(self, index: int) -> None:
        segment = self.segments[index]
        fed = {name: self.tensors[name] for name in segment.inputs}
        found = segment.engine.run(fed, segment.outputs)
        kept = self.kept[index].union(self.outputs)
        every = {**self.tensors, **found}
        self.tensors = {name: tensor for name, tensor in every.items() if name in kept}


def _kept_after(segments: Sequence[LoadedSegment]) -> list[frozenset[str]]:
    """Return for each segment what later ones read."""
    kept: list[frozenset[str]] = []
    needed: frozenset[str] = frozenset()
    for segment in reversed(segments):
        kept.append(needed)
        needed |= frozenset(segment.inputs)
    return kept[::-1]
