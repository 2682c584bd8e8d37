"""A GPU type as a picture: its profiles, where they may start, and how it can be cut.

Written by ``heddle gpus TYPE --svg``; ``gpu_type_text`` says the same in a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition
from heddle.cluster.profile import Profile
from heddle.drawing.gpu_type_text import WITHOUT_MIG, facts_text, memory_text, size_text
from heddle.drawing.layout_counts import base_partitions, layout_counts
from heddle.drawing.palette import NOTHING_FITS, RULE, Shade, definitions, shade, shaded
from heddle.drawing.svg import Box, Page, Point, Stroke, document, group, label, line, rect
from heddle.drawing.table import more_text
from heddle.drawing.typography import FAINT, Font, first_fitting, fitted, wrapped

_WIDTH = 1280.0
_MARGIN = 40.0
_LEFT_WIDTH = 640.0
_RIGHT = _MARGIN + _LEFT_WIDTH + 48
_RIGHT_WIDTH = _WIDTH - _MARGIN - _RIGHT
_TOP = 136.0
_LANE = 22.0
_PITCH = 30.0
_BAR = 24.0
_MAX_PARTITIONS = 60
_ROWS_PER_COLUMN = 30
_TITLE = Font(24, is_bold=True)
_HEADING = Font(13, is_bold=True)
_NAME = Font(12, is_bold=True)
_BODY = Font(12)
_SMALL = Font(11, colour=FAINT)
_FRAME = Stroke(RULE, 0.75)
#: Right edges of the columns of numbers, and where the axis begins.
_NUMBER_EDGES = {"slices": 190.0, "units": 235.0, "SMs": 280.0, "memory": 355.0, "most": 400.0}
_AXIS = 420.0


def gpu_type_svg(gpu_type: GpuType) -> str:
    """Return the picture of a GPU type as SVG text.

    Of the maximal partitions those of the base profiles are drawn (19 on the A100),
    and the numbers with all profiles are stated. A type whose starts are not
    published is drawn without them.
    """
    shades = _shades(gpu_type)
    profiles = list(_profile_rows(gpu_type, shades, Point(_MARGIN, _TOP)))
    bottom = _TOP
    partitions: list[str] = []
    if gpu_type.is_plannable and gpu_type.has_mig:
        panel = base_partitions(gpu_type)[:_MAX_PARTITIONS]
        partitions = list(_partition_rows(gpu_type, panel, shades))
        bottom += 34 + _PITCH * min(len(panel), _ROWS_PER_COLUMN)
    notes = list(_notes(gpu_type, _TOP + _profiles_height(gpu_type) + 24))
    bottom = max(bottom, _TOP + _profiles_height(gpu_type) + 24 + 17.0 * len(notes))
    page = Page(
        _WIDTH, bottom + 20, f"{gpu_type.name}: profiles and partitions", facts_text(gpu_type)
    )
    return document(page, definitions(), [*_header(gpu_type), *profiles, *partitions, *notes])


def _header(gpu_type: GpuType) -> Iterator[str]:
    width = _WIDTH - 2 * _MARGIN
    yield label(Point(_MARGIN, 50), gpu_type.name, _TITLE, max_width=width)
    yield label(Point(_MARGIN, 76), facts_text(gpu_type), Font(15), max_width=width)
    also = f"also {', '.join(gpu_type.aliases)}" if gpu_type.aliases else ""
    yield label(Point(_MARGIN, 97), also, _SMALL, max_width=width)


def _shades(gpu_type: GpuType) -> dict[str, Shade]:
    """Return a colour for each profile: variants of one shape share theirs."""
    shapes = sorted({profile.value for profile in gpu_type.profiles}, reverse=True)
    return {profile.name: shade(shapes.index(profile.value)) for profile in gpu_type.profiles}


def _profile_rows(gpu_type: GpuType, shades: dict[str, Shade], at: Point) -> Iterator[str]:
    yield label(Point(at.x, at.y + 12), "Profiles", _HEADING)
    for text, edge in _NUMBER_EDGES.items():
        yield label(Point(at.x + edge, at.y + 12), text, _SMALL, anchor="end")
    axis = Box(at.x + _AXIS, at.y, _LEFT_WIDTH - _AXIS, 22)
    yield from _axis_ticks(gpu_type, axis)
    y = at.y + 26
    for profile in gpu_type.profiles:
        row = Box(at.x, y, _LEFT_WIDTH, _row_height(profile))
        yield line(Point(row.x, y - 3), Point(row.right, y - 3), _FRAME)
        yield from _profile_numbers(profile, row)
        if profile.is_placeable:
            yield from _starts(
                gpu_type, profile, shades[profile.name], Box(axis.x, y, axis.width, _LANE)
            )
        else:
            yield label(Point(axis.x, y + 12.5), "starts not published", _SMALL)
        y += row.height


def _profile_numbers(profile: Profile, row: Box) -> Iterator[str]:
    baseline = row.y + 12.5
    name = fitted(profile.name, _NUMBER_EDGES["slices"] - 50, _NAME)
    yield label(Point(row.x, baseline), name, _NAME)
    numbers = {
        "slices": str(profile.compute_slices),
        "units": size_text(profile),
        "SMs": str(profile.sms or "–"),
        "memory": memory_text(profile),
        "most": f"× {profile.max_instances}",
    }
    for key, text in numbers.items():
        yield label(Point(row.x + _NUMBER_EDGES[key], baseline), text, _BODY, anchor="end")


def _axis_ticks(gpu_type: GpuType, axis: Box) -> Iterator[str]:
    """Yield the numbers of the memory units over the axis."""
    units = gpu_type.memory_units or 0
    every = 1 if units <= 16 else 4
    for unit in range(0, units, every):
        x = axis.x + (unit + 0.5) * axis.width / units
        yield label(Point(x, axis.y + 12), str(unit), _SMALL, anchor="middle")


def _starts(gpu_type: GpuType, profile: Profile, look: Shade, lane: Box) -> Iterator[str]:
    """Yield a box for every start; those that overlap go to lanes below each other."""
    unit = lane.width / (gpu_type.memory_units or 1)
    size = profile.size or 1
    for start, depth in zip(profile.starts or (), _lanes(profile), strict=True):
        box = Box(lane.x + start * unit, lane.y + depth * _LANE, size * unit, _LANE - 5).inset(1)
        tip = f"{profile.name} may start at unit {start} and then takes {size}"
        yield group(tip, shaded(box, look, radius=2))


def _lanes(profile: Profile) -> list[int]:
    """Return for every start the lane in which it overlaps none before it."""
    ends: list[int] = []
    lanes = []
    for start in profile.starts or ():
        lane = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[lane : lane + 1] = [start + (profile.size or 1)]
        lanes.append(lane)
    return lanes


def _row_height(profile: Profile) -> float:
    return _LANE * (max(_lanes(profile), default=0) + 1)


def _profiles_height(gpu_type: GpuType) -> float:
    return 26 + sum(_row_height(profile) for profile in gpu_type.profiles)


def _partition_rows(
    gpu_type: GpuType, panel: tuple[Partition, ...], shades: dict[str, Shade]
) -> Iterator[str]:
    count = layout_counts(gpu_type)[0]
    heading = (str(count).capitalize(), f"{count.num_partitions:,} maximal partitions")
    yield label(Point(_RIGHT, _TOP + 12), first_fitting(heading, _RIGHT_WIDTH, _HEADING), _HEADING)
    columns = -(-len(panel) // _ROWS_PER_COLUMN)
    width = (_RIGHT_WIDTH - 16 * (columns - 1)) / columns
    for i, partition in enumerate(panel):
        column, row = divmod(i, _ROWS_PER_COLUMN)
        x = _RIGHT + column * (width + 16)
        y = _TOP + 26 + row * _PITCH
        yield label(Point(x + 18, y + 16), str(i + 1), _SMALL, anchor="end")
        yield from _partition_bar(partition, Box(x + 28, y, width - 28, _BAR), shades)


def _partition_bar(partition: Partition, bar: Box, shades: dict[str, Shade]) -> Iterator[str]:
    gpu_type = partition.gpu_type
    unit = bar.width / (gpu_type.memory_units or 1)
    yield rect(bar.inset(1), NOTHING_FITS, stroke=_FRAME)
    for start, name in partition.placements:
        size = gpu_type.profile(name).size or 1
        box = Box(bar.x + start * unit, bar.y, size * unit, bar.height).inset(1)
        look = shades[name]
        font = Font(11.5, colour=look.ink)
        text = first_fitting((name, name.split(".")[0]), box.width - 4, font)
        tip = f"{name} at unit {start}"
        middle = Point(box.middle, box.y + box.height / 2 + 4.2)
        yield group(tip, shaded(box, look, radius=3), label(middle, text, font, anchor="middle"))


def _notes(gpu_type: GpuType, top: float) -> Iterator[str]:
    """Yield one label per line: what is not drawn, how well it is known, what is doubtful."""
    sentences = [] if gpu_type.has_mig else [WITHOUT_MIG]
    if gpu_type.is_plannable and gpu_type.has_mig:
        counts = layout_counts(gpu_type)
        left_out = counts[0].num_partitions - _MAX_PARTITIONS
        if left_out > 0:
            sentences.append(f"{more_text(left_out, 'maximal partitions')} not drawn.")
        sentences.extend(f"{count}." for count in counts[1:])
    sentences.append(f"Starts: {gpu_type.evidence}.")
    sentences.extend(f"In doubt: {doubt}." for doubt in gpu_type.doubts)
    y = top
    for sentence in sentences:
        for text in wrapped(sentence, _LEFT_WIDTH, _SMALL, 4):
            yield label(Point(_MARGIN, y), text, _SMALL)
            y += 17
