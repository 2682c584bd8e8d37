"""The ``sleep`` engine: holds its worker for a stated time and gives back what came. For tests.

It stands in for a network where routing and moving are under test. The worker is held
as a busy device would hold it, without burning the processor: many instances fit on a
small machine, and the time stays the stated one in a slice of any size.
"""

from __future__ import annotations

from collections.abc import Sequence

from heddle.clock import sleep_s
from heddle.serving.engines.engine import OPEN, Signature, Tensors, TensorSpec
from heddle.serving.engines.sharing import Step

#: A guest on this engine can be left this often within one batch.
_NUM_STEPS = 10
INPUT = "INPUT"
OUTPUT = "OUTPUT"
_SIGNATURE = Signature(
    platform="heddle_sleep",
    inputs=(TensorSpec(INPUT, "FP32", (OPEN, OPEN)),),
    outputs=(TensorSpec(OUTPUT, "FP32", (OPEN, OPEN)),),
    is_batched=True,
    notes=("the sleep engine is for tests: its output is its input",),
)


class SleepEngine:
    """Takes ``sleep_ms`` for a batch of any size; 0 answers at once."""

    def __init__(self, sleep_ms: float) -> None:
        self._sleep_ms = sleep_ms

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return _SIGNATURE

    @property
    def is_instant(self) -> bool:
        """Whether it does not sleep at all."""
        return self._sleep_ms == 0.0

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        """Return the input as every output that is asked for, after the time."""
        if self._sleep_ms:
            sleep_s(self._sleep_ms / 1e3)
        return dict.fromkeys(outputs, inputs[INPUT])

    @property
    def num_steps(self) -> int:
        """Into how many equal parts the time is cut."""
        return _NUM_STEPS

    def begin(self, inputs: Tensors, outputs: Sequence[str]) -> SleepCourse:
        """Return a run that has not begun."""
        return SleepCourse(self._sleep_ms / _NUM_STEPS, dict.fromkeys(outputs, inputs[INPUT]))


class SleepCourse:
    """One run in steps of ``step_ms``."""

    def __init__(self, step_ms: float, answers: Tensors) -> None:
        self.steps: Sequence[Step] = [lambda: sleep_s(step_ms / 1e3)] * _NUM_STEPS
        self._answers = answers

    def answers(self) -> Tensors:
        """Return the outputs that were asked for."""
        return self._answers
