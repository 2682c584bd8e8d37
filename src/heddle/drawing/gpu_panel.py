"""All GPUs of a plan as bars in columns, under a heading for each GPU type.

Drawn by ``plan`` beside ``service_panel``. A panel has a greatest height; when more
groups of GPUs are to be drawn than fit, the smallest are left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from heddle.cluster.gpu_type import GpuType
from heddle.drawing.column_flow import ColumnFlow, Row
from heddle.drawing.gpu_bar import BarStyle, gpu_bar, label_width
from heddle.drawing.gpu_groups import GpuGroup
from heddle.drawing.plan_sizes import PlanSizes
from heddle.drawing.svg import Box, Point, label
from heddle.drawing.table import more_text
from heddle.drawing.typography import first_fitting, fitted, text_width
from heddle.units import plural


@dataclass(frozen=True, slots=True)
class TypeHeading:
    """Stands over the bars of one GPU type."""

    gpu_type: GpuType
    num_gpus: int


_Item = TypeHeading | GpuGroup


@dataclass(frozen=True, slots=True)
class _PlacedRow:
    """A heading or a group, and where it is drawn within the panel."""

    item: _Item
    box: Box


class GpuPanel:
    """The bars of as many groups as fit, the largest first.

    Parameters
    ----------
    groups
        In drawing order, those of one GPU type together.
    type_of
        Returns the GPU type of a name.
    style
        What all bars share.
    max_height
        Of the panel, pixels.
    """

    def __init__(
        self,
        groups: Sequence[GpuGroup],
        type_of: Callable[[str], GpuType],
        style: BarStyle,
        max_height: float,
    ) -> None:
        self._type_of = type_of
        self._sizes = style.sizes
        self._num_gpus: dict[str, int] = {}
        for member in groups:
            self._num_gpus[member.gpu_type] = self._num_gpus.get(member.gpu_type, 0) + member.count
        self.drawn = self._fitting(groups, max_height)
        self.left_out = _without(groups, self.drawn)
        self._style = replace(style, label_width=label_width(self.drawn, style.sizes))
        self._rows = self._placed(self._items(self.drawn), max_height)

    @property
    def height(self) -> float:
        """How high it is, with the line about what is left out."""
        bars = max((row.box.bottom for row in self._rows), default=0.0)
        return bars + (self._sizes.heading_height if self.left_out else 0.0)

    def draw(self, at: Point) -> Iterator[str]:
        """Yield the elements; ``at`` is the panel's upper left corner."""
        for row in self._rows:
            box = Box(at.x + row.box.x, at.y + row.box.y, row.box.width, row.box.height)
            if isinstance(row.item, TypeHeading):
                yield from _heading(row.item, box, self._sizes)
            else:
                gpu_type = self._type_of(row.item.gpu_type)
                yield gpu_bar(row.item, gpu_type, box, self._style)
        if self.left_out:
            baseline = Point(at.x, at.y + self.height - 6)
            yield label(baseline, _left_out_text(self.left_out), self._sizes.body)

    def _fitting(self, groups: Sequence[GpuGroup], max_height: float) -> list[GpuGroup]:
        """Return, in order, as many groups as fit: one of every type, then by GPUs."""
        ranked = _ranked(groups)
        capacity = int(max_height / self._sizes.bar_pitch) * self._sizes.max_columns
        for count in range(min(capacity, len(ranked)), 0, -1):
            kept = [groups[i] for i in sorted(ranked[:count])]
            columns = self._flow(self._items(kept)).num_columns(max_height)
            if columns <= self._sizes.max_columns:
                return kept
        return []

    def _items(self, groups: Sequence[GpuGroup]) -> list[_Item]:
        items: list[_Item] = []
        name = ""
        for member in groups:
            if member.gpu_type != name:
                name = member.gpu_type
                items.append(TypeHeading(self._type_of(name), self._num_gpus[name]))
            items.append(member)
        return items

    def _flow(self, items: Sequence[_Item]) -> ColumnFlow:
        return ColumnFlow([self._row(item) for item in items], self._sizes.heading_height)

    def _row(self, item: _Item) -> Row:
        if isinstance(item, TypeHeading):
            return Row(self._sizes.heading_height, is_heading=True)
        return Row(self._sizes.bar_pitch)

    def _placed(self, items: Sequence[_Item], max_height: float) -> list[_PlacedRow]:
        """Return the items in columns of about equal height."""
        if not items:
            return []
        flow = self._flow(items)
        columns = flow.num_columns(max_height)
        gap = self._sizes.column_gap
        width = (self._sizes.gpu_width - gap * (columns - 1)) / columns
        places = flow.places(flow.balanced_height(columns, max_height))
        return [
            _PlacedRow(
                item, Box(place.column * (width + gap), place.y, width, self._row(item).height)
            )
            for item, place in zip(items, places, strict=True)
        ]


def _ranked(groups: Sequence[GpuGroup]) -> list[int]:
    """Return the indices of the groups: the first of every type, then by number of GPUs."""
    firsts: dict[str, int] = {}
    for i, member in enumerate(groups):
        firsts.setdefault(member.gpu_type, i)
    first_of_type = set(firsts.values())
    return sorted(range(len(groups)), key=lambda i: (i not in first_of_type, -groups[i].count, i))


def _without(groups: Sequence[GpuGroup], drawn: Sequence[GpuGroup]) -> list[GpuGroup]:
    kept = {id(member) for member in drawn}
    return [member for member in groups if id(member) not in kept]


def _heading(heading: TypeHeading, box: Box, sizes: PlanSizes) -> Iterator[str]:
    baseline = box.y + sizes.heading_baseline
    name = fitted(heading.gpu_type.name, box.width, sizes.heading)
    yield label(Point(box.x, baseline), name, sizes.heading)
    x = box.x + text_width(name, sizes.heading) + 8
    count = plural(heading.num_gpus, "GPU")
    remarks = (f"{count}, {_units_text(heading.gpu_type)}", count)
    yield label(
        Point(x, baseline), first_fitting(remarks, box.right - x, sizes.remark), sizes.remark
    )


def _units_text(gpu_type: GpuType) -> str:
    units = gpu_type.memory_units or 1
    memory = f"{gpu_type.memory_gb} GB" if gpu_type.memory_gb else "shared memory"
    return f"{memory} in {units} memory units" if units > 1 else f"{memory}, not cut"


def _left_out_text(left_out: Sequence[GpuGroup]) -> str:
    num_gpus = sum(member.count for member in left_out)
    more = more_text(len(left_out), "group" if len(left_out) == 1 else "groups")
    return f"{more} ({plural(num_gpus, 'GPU')}) not drawn"
