"""Charts of transitions to draw: legal, random, reproducible, of any size.

No planner made them: on each GPU some instances are replaced, one after another, each
as soon as it may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from heddle.cluster.command import Action
from heddle.drawing.gantt_chart import (
    CurvePoint,
    Fact,
    GanttBar,
    GanttChart,
    GanttGpu,
    RateCurve,
    ServingBand,
    Slots,
)

NUM_SLOTS = 8
_LAYOUTS = (
    (Slots(0, 8),),
    (Slots(0, 4), Slots(4, 4)),
    (Slots(0, 4), Slots(4, 2), Slots(6, 1)),
    (Slots(0, 2), Slots(2, 2), Slots(4, 4)),
    (Slots(0, 1), Slots(1, 1), Slots(2, 2), Slots(4, 1), Slots(5, 1), Slots(6, 1)),
)
#: Seconds of each step of a replacement.
_CHAIN = (
    (Action.STOP, 1.092),
    (Action.DESTROY, 0.109),
    (Action.CREATE, 0.043),
    (Action.START, 24.8),
)


@dataclass(frozen=True)
class GanttCase:
    """How large a chart is; ``num_idle`` of its GPUs have nothing to do."""

    num_gpus: int
    num_services: int
    num_idle: int = 0
    num_spares: int = 0
    num_moves: int = 0
    name: str = "service"
    seed: int = 0


def chart_of(case: GanttCase) -> GanttChart:
    """Return a chart of that size."""
    made = _Made(case)
    for number in range(case.num_gpus):
        made.add_gpu(number)
    makespan_s = max((bar.end_s for bar in made.bars), default=0.0)
    return GanttChart(
        title=f"{case.num_gpus} GPUs",
        facts=(Fact(f"{case.num_gpus}", "GPUs"), Fact(f"{len(made.bars)}", "steps")),
        gpus=tuple(made.gpus),
        bars=tuple(made.bars),
        bands=tuple(made.bands(makespan_s)),
        curves=tuple(_curves(case, makespan_s)),
        makespan_s=makespan_s,
    )


@dataclass
class _Made:
    """What is made so far."""

    case: GanttCase
    gpus: list[GanttGpu] = field(default_factory=list)
    bars: list[GanttBar] = field(default_factory=list)
    kept: list[tuple[str, Slots, float, float | None, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.case.seed)

    def add_gpu(self, number: int) -> None:
        """Add a GPU; the first ones are idle, the last ones spare."""
        case = self.case
        is_spare = number >= case.num_gpus - case.num_spares
        gpu = GanttGpu(f"gpu-{number}", f"node-{number // 8}", "A100-80GB", NUM_SLOTS, is_spare)
        self.gpus.append(gpu)
        layout = _LAYOUTS[self._integer(len(_LAYOUTS))]
        changed = set() if number < case.num_idle else {self._integer(len(layout))}
        for index, slots in enumerate(layout):
            if index in changed or (changed and self._generator.random() < 0.3):
                self._replace(gpu, slots)
            else:
                self.kept.append((gpu.id, slots, 0.0, None, self._service()))

    def bands(self, makespan_s: float) -> Iterator[ServingBand]:
        """Yield what serves; what has no end serves to the end."""
        for gpu, slots, begin_s, end_s, service in self.kept:
            yield ServingBand(gpu, slots, begin_s, makespan_s if end_s is None else end_s, service)

    def _replace(self, gpu: GanttGpu, slots: Slots) -> None:
        at_s = 26.044 * self._integer(4)
        old, new = self._service(), self._service()
        self.kept.append((gpu.id, slots, 0.0, at_s, old))
        move = len(self.bars) // 4
        for action, takes_s in _CHAIN:
            service = {Action.STOP: old, Action.START: new}.get(action, "")
            bar = GanttBar(
                gpu.id,
                slots,
                action,
                at_s,
                at_s + takes_s,
                f"{slots.size}g",
                service,
                is_critical=gpu.id == f"gpu-{self.case.num_idle}",
                move=move if move < self.case.num_moves else None,
            )
            self.bars.append(bar)
            at_s += takes_s
        self.kept.append((gpu.id, slots, at_s, None, new))

    def _service(self) -> str:
        return f"{self.case.name}-{self._integer(self.case.num_services)}"

    def _integer(self, below: int) -> int:
        return int(self._generator.integers(below))


def _curves(case: GanttCase, makespan_s: float) -> Iterator[RateCurve]:
    generator = np.random.default_rng(case.seed)
    for number in range(case.num_services):
        floor_rps = float(generator.integers(50, 2000))
        times = (0.0, makespan_s / 3, makespan_s / 2)
        rates = [floor_rps * float(1 + generator.random()) for _ in times]
        points = tuple(CurvePoint(*pair) for pair in zip(times, rates, strict=True))
        yield RateCurve(f"{case.name}-{number}", floor_rps, min(rates), points)
