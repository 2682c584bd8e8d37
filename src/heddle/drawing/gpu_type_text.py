"""GPU types for the terminal: one with its profiles and partitions drawn, or all in a table.

Printed by ``heddle gpus``; ``gpu_type`` draws the same as a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_layouts
from heddle.cluster.partition import Partition, choose_start, empty_partition
from heddle.cluster.profile import Profile
from heddle.drawing.layout_counts import (
    base_partitions,
    base_profiles,
    layout_counts,
    plain_profiles,
)
from heddle.drawing.table import Column, capped, cell_width, more_text, number_column, table_text
from heddle.units import plural

_MAX_PARTITIONS = 60
_MAX_CELLS = 100
_MIB_PER_GIB = 1024
WITHOUT_MIG = "It has no MIG: one service takes the whole GPU."
#: Box-drawing characters by the lines that meet: up, down, left, right.
_JUNCTIONS = {
    (False, False, True, True): "─",
    (True, True, False, False): "│",
    (False, True, False, True): "┌",
    (False, True, True, False): "┐",
    (True, False, False, True): "└",
    (True, False, True, False): "┘",
    (True, True, False, True): "├",
    (True, True, True, False): "┤",
    (False, True, True, True): "┬",
    (True, False, True, True): "┴",
    (True, True, True, True): "┼",
}


def gpu_type_text(gpu_type: GpuType) -> str:
    """Return facts, profiles and maximal partitions of a type, drawn with box characters."""
    parts = [f"{gpu_type.name}: {facts_text(gpu_type)}"]
    if gpu_type.aliases:
        parts[0] += f"\nalso {', '.join(gpu_type.aliases)}"
    parts.append(_profiles_table(gpu_type))
    if not gpu_type.has_mig:
        parts.append(WITHOUT_MIG)
    elif gpu_type.is_plannable:
        parts.extend(_partitions_text(gpu_type))
    else:
        parts.append("It cannot be planned: the starts of its profiles are not published.")
    parts.append(_evidence_text(gpu_type))
    return "\n\n".join(parts)


def gpu_types_table(gpu_types: Iterable[GpuType]) -> str:
    """Return one row per type: memory, units, profiles, plain layouts, plannable, evidence."""
    columns = [
        Column("type"),
        Column("architecture", max_width=20),
        number_column("GB"),
        number_column("units"),
        number_column("SMs"),
        number_column("profiles"),
        number_column("layouts"),
        Column("can be planned"),
        Column("starts", max_width=44),
    ]
    rows = [
        (
            gpu_type.name,
            gpu_type.architecture or "–",
            str(gpu_type.memory_gb or "–"),
            str(gpu_type.memory_units or "–"),
            str(gpu_type.sms or "–"),
            str(len(gpu_type.profiles)),
            _num_layouts_text(gpu_type),
            _plannable_text(gpu_type),
            gpu_type.evidence,
        )
        for gpu_type in gpu_types
    ]
    return table_text(columns, rows)


def facts_text(gpu_type: GpuType) -> str:
    """Return one line: architecture, memory, units, slices, SMs."""
    facts = [gpu_type.architecture] if gpu_type.architecture else []
    facts.append(
        f"{gpu_type.memory_gb} GB" if gpu_type.memory_gb else "memory shared with the host"
    )
    if not gpu_type.has_mig:
        facts.append("no MIG")
    elif gpu_type.memory_units is not None:
        facts.append(plural(gpu_type.memory_units, "memory unit"))
        facts.append(plural(gpu_type.compute_slices, "compute slice"))
    if gpu_type.sms:
        facts.append(f"{gpu_type.sms} SMs{' with MIG off' if gpu_type.has_mig else ''}")
    return ", ".join(facts)


def memory_text(profile: Profile) -> str:
    """Return the memory of a profile in GiB, or a dash when no card was read."""
    return f"{profile.memory_mib / _MIB_PER_GIB:.1f} GiB" if profile.memory_mib else "–"


def size_text(profile: Profile) -> str:
    """Return the memory units of a profile, or a dash when not published."""
    return "–" if profile.size is None else str(profile.size)


def _num_layouts_text(gpu_type: GpuType) -> str:
    if not gpu_type.is_plannable:
        return "–"
    return f"{len(maximal_layouts(gpu_type, plain_profiles(gpu_type))):,}"


def _plannable_text(gpu_type: GpuType) -> str:
    if not gpu_type.is_plannable:
        return "no: starts not published"
    return "yes" if gpu_type.has_mig else "yes, as a whole"


def _profiles_table(gpu_type: GpuType) -> str:
    columns = [
        Column("profile"),
        number_column("slices"),
        number_column("units"),
        number_column("SMs"),
        number_column("memory"),
        number_column("most"),
        number_column("first at"),
        Column("starts"),
    ]
    rows = [
        (
            profile.name,
            str(profile.compute_slices),
            size_text(profile),
            str(profile.sms or "–"),
            memory_text(profile),
            str(profile.max_instances),
            _first_start_text(gpu_type, profile),
            "not published" if profile.starts is None else " ".join(map(str, profile.starts)),
        )
        for profile in gpu_type.profiles
    ]
    return table_text(columns, rows)


def _first_start_text(gpu_type: GpuType, profile: Profile) -> str:
    """Return where the first instance goes on an empty GPU, to leave the most room."""
    if not gpu_type.is_plannable:
        return "–"
    return str(choose_start(empty_partition(gpu_type), profile.name))


def _partitions_text(gpu_type: GpuType) -> list[str]:
    found = base_partitions(gpu_type)
    counts = layout_counts(gpu_type)
    drawing = partitions_drawing(gpu_type, found[:_MAX_PARTITIONS])
    if "░" in drawing:
        drawing += "\n░ units that no further profile can take"
    if len(found) > _MAX_PARTITIONS:
        drawing += f"\n{more_text(len(found) - _MAX_PARTITIONS)}"
    others = "\n".join(f"{count}." for count in counts[1:])
    return [
        f"{counts[0]} ({', '.join(base_profiles(gpu_type))}):",
        drawing,
        *([others] if others else []),
    ]


def partitions_drawing(gpu_type: GpuType, partitions: Sequence[Partition]) -> str:
    """Return the partitions as rows of one box: a cell per instance, ``░`` where nothing fits."""
    units = gpu_type.memory_units or 1
    width = _unit_cells(gpu_type, partitions)
    number = len(str(len(partitions)))
    scale = "".join(str(unit).ljust(width) for unit in range(units)).rstrip()
    edges = [_edges(gpu_type, partition) for partition in partitions]
    lines = [" " * (number + 3) + scale]
    for i, partition in enumerate(partitions):
        above = edges[i - 1] if i else set()
        lines.append(" " * (number + 1) + _rule(above, edges[i], units * width, width))
        lines.append(f"{i + 1:>{number}} {_cells(partition, units, width)}")
    lines.append(" " * (number + 1) + _rule(edges[-1], set(), units * width, width))
    return "\n".join(lines)


def _unit_cells(gpu_type: GpuType, partitions: Sequence[Partition]) -> int:
    """Return the terminal cells of one unit: enough for the names, within a line."""
    names = {name for partition in partitions for _, name in partition.placements}
    wanted = max(-(-(cell_width(n) + 1) // (gpu_type.profile(n).size or 1)) for n in names)
    most = max(2, _MAX_CELLS // (gpu_type.memory_units or 1))
    return min(max(wanted, 3), most)


def _edges(gpu_type: GpuType, partition: Partition) -> set[int]:
    """Return the units at which a cell of the row begins or ends."""
    units = gpu_type.memory_units or 1
    edges = {0, units}
    for start, name in partition.placements:
        edges |= {start, start + (gpu_type.profile(name).size or 1)}
    return edges


def _rule(above: set[int], below: set[int], cells: int, width: int) -> str:
    """Return the line between two rows, with the junctions of their edges."""
    return "".join(
        _JUNCTIONS[
            (
                x % width == 0 and x // width in above,
                x % width == 0 and x // width in below,
                x > 0,
                x < cells,
            )
        ]
        for x in range(cells + 1)
    )


def _cells(partition: Partition, units: int, width: int) -> str:
    """Return one row: names in their cells, shading over what is left."""
    gpu_type = partition.gpu_type
    row = ""
    unit = 0
    for start, name in partition.placements:
        size = gpu_type.profile(name).size or 1
        row += _gap(start - unit, width) + "│" + _named(name, size * width - 1)
        unit = start + size
    return row + _gap(units - unit, width) + "│"


def _named(name: str, cells: int) -> str:
    text = capped(name, cells)
    return text + " " * (cells - cell_width(text))


def _gap(units: int, width: int) -> str:
    return "│" + "░" * (units * width - 1) if units else ""


def _evidence_text(gpu_type: GpuType) -> str:
    lines = [f"Starts: {gpu_type.evidence}."]
    lines.extend(f"In doubt: {doubt}." for doubt in gpu_type.doubts)
    if gpu_type.sources:
        lines.append(f"Sources: {', '.join(gpu_type.sources)}.")
    return "\n".join(lines)
