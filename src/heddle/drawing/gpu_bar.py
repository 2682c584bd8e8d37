"""One GPU (or a group of identical ones) as a bar along the placement axis.

An instance of size k at start s covers the units [s, s+k). Units that are free are
hatched; units where no profile can start any more are blank. ``gpu_panel`` draws
many of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from heddle.cluster.deployment import PlannedInstance, ServedService
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement
from heddle.drawing.figures import latency_text, rate_text
from heddle.drawing.gpu_groups import GpuGroup, id_ranges
from heddle.drawing.palette import HATCH, NOTHING_FITS, RULE, shaded
from heddle.drawing.plan_sizes import PlanSizes
from heddle.drawing.service_looks import Look, ServiceLooks
from heddle.drawing.svg import Box, Point, Stroke, group, label, rect
from heddle.drawing.typography import Font, first_fitting, fitted_name, fitted_tail, text_width

_PADDING = 8.0
_MIN_LETTERS = 6
_LABEL_GAP = 10.0
_FRAME = Stroke(RULE, 0.75)


@dataclass(frozen=True, slots=True)
class BarStyle:
    """What all bars of a picture share."""

    sizes: PlanSizes
    looks: ServiceLooks
    services: Mapping[str, ServedService]
    label_width: float = 0.0


def gpu_bar(members: GpuGroup, gpu_type: GpuType, box: Box, style: BarStyle) -> str:
    """Return the label and the bar of a group; ``box`` holds both."""
    sizes = style.sizes
    left = box.x + style.label_width
    bar = Box(left, box.y, box.right - left, sizes.bar_height)
    instances = (
        _instance(instance, span_of(gpu_type, instance, bar), style)
        for instance in members.instances
    )
    name = Box(box.x, box.y, style.label_width - _LABEL_GAP, sizes.bar_height)
    return group(
        _group_tip(members),
        *_group_label(members, name, sizes),
        *_free_units(gpu_type, members.instances, bar),
        *instances,
    )


def label_width(groups: Iterable[GpuGroup], sizes: PlanSizes) -> float:
    """Return the width that the labels of these groups want, up to the greatest allowed."""
    widest = max((_wanted_width(members, sizes) for members in groups), default=0.0)
    return math.ceil(widest + 0.5) + _LABEL_GAP


def _wanted_width(members: GpuGroup, sizes: PlanSizes) -> float:
    """Return the width of a label; ids may be cut, counts never."""
    if members.count == 1:
        return min(text_width(members.gpus[0], sizes.body), sizes.max_label_width)
    count = text_width(_count_text(members), sizes.name)
    if not _has_two_lines(sizes.bar_height, sizes):
        return count
    below = text_width(f"{members.gpus[0]} …", sizes.remark)
    return max(count, min(below, sizes.max_label_width))


def span_of(gpu_type: GpuType, instance: PlannedInstance, bar: Box) -> Box:
    """Return the part of the bar that the instance covers."""
    unit = bar.width / (gpu_type.memory_units or 1)
    size = gpu_type.profile(instance.profile).size or 1
    return Box(bar.x + instance.start * unit, bar.y, size * unit, bar.height)


def _free_units(
    gpu_type: GpuType, instances: tuple[PlannedInstance, ...], bar: Box
) -> Iterator[str]:
    """Yield what lies under the instances: free units hatched, lost ones blank."""
    placements = tuple(sorted(Placement(i.start, i.profile) for i in instances))
    partition = Partition(gpu_type, placements)
    usable = 0
    for profile in gpu_type.profiles:
        for start in partition.free_starts(profile.name):
            usable |= profile.occupies(start)
    num_units = gpu_type.memory_units or 1
    width = bar.width / num_units
    for unit in range(num_units):
        if not partition.occupied >> unit & 1:
            box = Box(bar.x + unit * width, bar.y, width, bar.height).inset(1.0)
            yield rect(box, NOTHING_FITS, stroke=_FRAME)
            if usable >> unit & 1:
                yield rect(box, HATCH)


def _group_label(members: GpuGroup, box: Box, sizes: PlanSizes) -> Iterator[str]:
    """Yield the id of a single GPU, or how many there are and where they begin."""
    middle = Point(box.x, box.y + box.height / 2 + sizes.medium * 0.35)
    first = members.gpus[0]
    if members.count == 1:
        font = sizes.body if text_width(first, sizes.body) <= box.width else sizes.remark
        yield label(middle, fitted_tail(first, box.width, font), font)
        return
    count = _count_text(members)
    if not _has_two_lines(box.height, sizes):
        yield label(middle, count, sizes.name, max_width=box.width)
        return
    yield label(Point(box.x, box.y + sizes.medium + 2), count, sizes.name, max_width=box.width)
    room = box.width - text_width(" …", sizes.remark)
    below = f"{fitted_tail(first, room, sizes.remark)} …"
    yield label(Point(box.x, box.bottom - 5), below, sizes.remark)


def _count_text(members: GpuGroup) -> str:
    return f"× {members.count:,}"


def _instance(instance: PlannedInstance, span: Box, style: BarStyle) -> str:
    look = style.looks.of(instance.service)
    box = span.inset(1.0)
    return group(
        _instance_tip(instance, style.services.get(instance.service)),
        shaded(box, look.shade, radius=3),
        *_instance_label(instance, look, box, style.sizes),
    )


def _instance_label(
    instance: PlannedInstance, look: Look, box: Box, sizes: PlanSizes
) -> Iterator[str]:
    """Yield the service's name, and its operating point when there is room."""
    strong = Font(sizes.medium, is_bold=True, colour=look.shade.ink)
    weak = Font(sizes.small, colour=look.shade.ink)
    width = box.width - _PADDING
    name = _name_for(instance.service, look.number, width, strong)
    if _has_two_lines(box.height, sizes):
        details = first_fitting(_details(instance), width, weak)
        if details:
            yield label(Point(box.middle, box.y + sizes.medium + 3), name, strong, anchor="middle")
            yield label(Point(box.middle, box.bottom - 6), details, weak, anchor="middle")
            return
    baseline = box.y + box.height / 2 + sizes.medium * 0.35
    room = width - text_width(name, strong) - _PADDING
    details = first_fitting(_details(instance)[1:3], room, weak)
    if name == instance.service and details:
        yield label(Point(box.x + _PADDING / 2, baseline), name, strong)
        yield label(Point(box.right - _PADDING / 2, baseline), details, weak, anchor="end")
    else:
        yield label(Point(box.middle, baseline), name, strong, anchor="middle")


def _has_two_lines(height: float, sizes: PlanSizes) -> bool:
    return height >= sizes.medium + sizes.small + 8


def _name_for(service: str, number: str, width: float, font: Font) -> str:
    """Return the whole name, or its number and a telling part of it, or the number."""
    if text_width(service, font) <= width:
        return service
    prefix = f"{number} " if number else ""
    cut = fitted_name(service, width - text_width(prefix, font), font)
    if len(cut) > _MIN_LETTERS:
        return prefix + cut
    return first_fitting((number,), width + _PADDING - 2, font)


def _details(instance: PlannedInstance) -> tuple[str, ...]:
    """Return the operating point in words, longest first."""
    mark = "~" if instance.is_fitted else ""
    short = f"{mark}b{instance.batch}×{instance.processes}"
    slices = instance.profile.split(".")[0]
    return (
        f"{instance.profile} · {mark}batch {instance.batch} × {instance.processes}",
        f"{instance.profile} {short}",
        instance.profile,
        slices,
    )


def _group_tip(members: GpuGroup) -> str:
    head = f"{members.count:,} × {members.gpu_type}: {id_ranges(members.gpus)}"
    return "\n".join((head, *members.reasons[:3]))


def _instance_tip(instance: PlannedInstance, service: ServedService | None) -> str:
    model = f" ({service.model})" if service else ""
    fitted_note = ", fitted, not measured" if instance.is_fitted else ""
    return (
        f"{instance.service}{model}\n"
        f"{instance.profile} at unit {instance.start}, batch {instance.batch}, "
        f"processes {instance.processes}\n"
        f"{rate_text(instance.rate_rps)} requests/s, "
        f"batch latency {latency_text(instance.latency_ms)} ms{fitted_note}"
    )
