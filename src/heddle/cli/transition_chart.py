"""A transition as the records that ``drawing.gantt`` draws."""

from __future__ import annotations

from heddle.drawing.gantt import GanttBar, GanttChart, GanttGpu, RateCurve
from heddle.transition.schedule import critical_path, earliest, ready_rates
from heddle.transition.transition import Transition
from heddle.units import plural


def gantt_chart(transition: Transition, title: str) -> GanttChart:
    """Return the chart of a transition in which every step is issued as soon as it may be."""
    return GanttChart(
        title=title,
        subtitle=_subtitle(transition),
        gpus=_gpus(transition),
        bars=_bars(transition),
        curves=_curves(transition),
        makespan_s=transition.makespan_s,
    )


def _subtitle(transition: Transition) -> str:
    before, after = transition.origin.num_gpus, transition.target.num_gpus
    return (
        f"{before} to {plural(after, 'GPU')}, {plural(len(transition.steps), 'step')}, "
        f"{transition.num_kept} instances untouched, {transition.spare_gpus} spare GPUs; "
        f"{transition.strategy}, estimated with {transition.times!r} action times"
    )


def _gpus(transition: Transition) -> tuple[GanttGpu, ...]:
    lent = {gpu.id for gpu in transition.borrowed}
    return tuple(
        GanttGpu(gpu.id, gpu.node, gpu.gpu_type, gpu.id in lent) for gpu in transition.gpus.values()
    )


def _bars(transition: Transition) -> tuple[GanttBar, ...]:
    spans = earliest(transition.steps)
    critical = set(critical_path(transition.steps))
    return tuple(
        GanttBar(
            gpu=step.gpu,
            action=step.action.value,
            begin_s=spans[step.id].issued_s,
            end_s=spans[step.id].done_s,
            label=step.serving.service if step.serving else step.placement.profile,
            is_critical=step.id in critical,
            move=step.move,
        )
        for step in transition.steps
    )


def _curves(transition: Transition) -> tuple[RateCurve, ...]:
    rates = ready_rates(transition.origin, transition.steps)
    return tuple(
        RateCurve(service, floor.floor_rps, tuple(rates[service]))
        for service, floor in transition.floors.items()
        if service in rates
    )
