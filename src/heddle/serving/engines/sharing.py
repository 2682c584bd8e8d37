"""What a shared instance needs of the device that its networks share; ``runtime`` provides it.

``server.sharing`` hands a device in, so that serving knows no runtime and an instance without
guests loads none. The engines here run on it: the host's in one step, since real-time work is
never stopped, and a guest's in the steps into which its network is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from heddle.serving.engines.engine import InferenceEngine, Signature, Tensors

Step = Callable[[], None]


class Lane(Protocol):
    """A way onto the device for one worker; its tasks have a fixed number of steps."""

    def run(self, steps: Sequence[Step]) -> None:
        """Run the steps in order, each when it may; raises what a step raises."""

    def close(self) -> None:
        """Give the lane back."""


class SharedDevice(Protocol):
    """Where real-time work goes first, and best-effort work leaves between its steps."""

    def real_time_lane(self, name: str) -> Lane:
        """Return a lane for tasks of one step."""

    def best_effort_lane(self, name: str, num_steps: int) -> Lane:
        """Return a lane for tasks of so many steps."""

    def standing(self) -> dict[str, Any]:
        """Return who holds the device, who waits, and what was done, as JSON values."""

    def close(self) -> None:
        """End it; who waits is refused."""


class Course(Protocol):
    """One run of a network, step by step."""

    steps: Sequence[Step]

    def answers(self) -> Tensors:
        """Return the outputs that were asked for, after the last step."""


class SteppedEngine(InferenceEngine, Protocol):
    """An engine that can be left alone between its steps, and goes on with the next one."""

    @property
    def num_steps(self) -> int:
        """How many steps every run has, at least 1."""

    def begin(self, inputs: Tensors, outputs: Sequence[str]) -> Course:
        """Return a run that has not begun; its steps raise as ``run`` does."""


class HostEngine:
    """A real-time network; on the device once there is one, and by itself before."""

    def __init__(self, engine: InferenceEngine) -> None:
        self._engine = engine
        self._lane: Lane | None = None

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return self._engine.signature

    @property
    def is_instant(self) -> bool:
        """Whether it needs no thread."""
        return self._engine.is_instant

    @property
    def is_shared(self) -> bool:
        """Whether it runs on a lane."""
        return self._lane is not None

    def share(self, lane: Lane | None) -> None:
        """Run on a lane from the next batch on; None is alone again."""
        self._lane = lane

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        """Return the named outputs; errors as ``InferenceEngine`` has them."""
        lane = self._lane
        if lane is None or self._engine.is_instant:
            return self._engine.run(inputs, outputs)
        found: list[Tensors] = []
        lane.run([lambda: found.append(self._engine.run(inputs, outputs))])
        return found[0]


class GuestEngine:
    """A best-effort network on a lane of its own."""

    def __init__(self, engine: SteppedEngine, lane: Lane) -> None:
        self._engine = engine
        self._lane = lane

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return self._engine.signature

    @property
    def is_instant(self) -> bool:
        """Whether it needs no thread: it may have to wait, so it does."""
        return False

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        """Return the named outputs; errors as ``InferenceEngine`` has them."""
        course = self._engine.begin(inputs, outputs)
        self._lane.run(course.steps)
        return course.answers()

    def close(self) -> None:
        """Give its lane back, when nothing runs any more."""
        self._lane.close()
