"""A transition as the records that ``drawing.gantt`` draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from heddle.cluster.command import Action
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement
from heddle.drawing.figures import duration_text
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
from heddle.transition.schedule import critical_path, earliest, ready_rates
from heddle.transition.transition import Transition


def gantt_chart(
    transition: Transition,
    type_of: Callable[[str], GpuType],
    title: str,
    bound_s: float | None = None,
) -> GanttChart:
    """Return the chart of a transition in which every step is issued as soon as it may be.

    Parameters
    ----------
    type_of
        Returns the GPU type of a name, such as ``Catalogue.get``.
    bound_s
        What no order of steps can beat, seconds; None leaves it out.
    """
    maker = _Maker(transition, type_of)
    return GanttChart(
        title=title,
        facts=tuple(_facts(transition, bound_s)),
        gpus=tuple(maker.gpus()),
        bars=tuple(maker.bars()),
        bands=tuple(maker.bands()),
        curves=tuple(_curves(transition)),
        makespan_s=transition.makespan_s,
    )


def _facts(transition: Transition, bound_s: float | None) -> Iterator[Fact]:
    num_instances = sum(1 for _ in transition.target.instances())
    yield Fact(f"{transition.origin.num_gpus:,} → {transition.target.num_gpus:,}", "GPUs")
    yield Fact(duration_text(transition.makespan_s), "estimated time")
    if bound_s is not None:
        yield Fact(duration_text(bound_s), "that no order can beat")
    yield Fact(f"{len(transition.steps):,}", "steps")
    yield Fact(f"{transition.num_kept:,} of {num_instances:,}", "instances untouched")
    if transition.num_moves:
        yield Fact(f"{transition.num_moves:,}", "moved")
    yield Fact(f"{transition.spare_gpus:,}", "spare GPUs")
    yield Fact(transition.strategy, "strategy")
    yield Fact(transition.times, "action times")


def _curves(transition: Transition) -> Iterator[RateCurve]:
    """Yield the rate of every service, from before the first step on."""
    before = ready_rates(transition.origin, ())
    rates = ready_rates(transition.origin, transition.steps)
    for service, floor in transition.floors.items():
        if service in rates:
            points = [CurvePoint(*point) for point in (*before.get(service, ()), *rates[service])]
            yield RateCurve(service, floor.floor_rps, floor.least_rps, tuple(points))


class _Maker:
    """Makes what stands on GPUs: it knows their types and when each step runs."""

    def __init__(self, transition: Transition, type_of: Callable[[str], GpuType]) -> None:
        self._transition = transition
        self._spans = earliest(transition.steps)
        self._types = {gpu.id: type_of(gpu.gpu_type) for gpu in transition.gpus.values()}

    def gpus(self) -> Iterator[GanttGpu]:
        """Yield every GPU that the transition names."""
        spares = set(self._transition.spares)
        for gpu in self._transition.gpus.values():
            num_slots = self._types[gpu.id].memory_units or 1
            yield GanttGpu(*gpu, num_slots=num_slots, is_spare=gpu in spares)

    def bars(self) -> Iterator[GanttBar]:
        """Yield every step."""
        critical = set(critical_path(self._transition.steps))
        for step in self._transition.steps:
            span = self._spans[step.id]
            yield GanttBar(
                gpu=step.gpu,
                slots=self._slots(step.gpu, step.placement),
                action=step.action,
                begin_s=span.issued_s,
                end_s=span.done_s,
                profile=step.placement.profile,
                service=step.serving.service if step.serving else "",
                is_critical=step.id in critical,
                move=step.move,
            )

    def bands(self) -> Iterator[ServingBand]:
        """Yield what serves, from the end of its start to the issue of its stop."""
        since = {
            (entry.gpu, Placement(instance.start, instance.profile)): (0.0, instance.service)
            for entry, instance in self._transition.origin.instances()
        }
        for step in self._transition.steps:
            key, span = (step.gpu, step.placement), self._spans[step.id]
            if step.serving is not None and step.action is Action.START:
                since[key] = (span.done_s, step.serving.service)
            elif step.action is Action.STOP and key in since:
                yield self._band(key, since.pop(key), span.issued_s)
        for key, start in since.items():
            yield self._band(key, start, self._transition.makespan_s)

    def _band(
        self, key: tuple[str, Placement], start: tuple[float, str], end_s: float
    ) -> ServingBand:
        gpu, placement = key
        begin_s, service = start
        return ServingBand(gpu, self._slots(gpu, placement), begin_s, end_s, service)

    def _slots(self, gpu: str, placement: Placement) -> Slots:
        return Slots(placement.start, self._types[gpu].profile(placement.profile).size or 1)
