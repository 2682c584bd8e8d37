"""GPU types as pictures, as terminal drawings, and in a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drawing_cases import CATALOGUE
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_partitions
from heddle.cluster.profile import Profile
from heddle.drawing.gpu_type import gpu_type_svg
from heddle.drawing.gpu_type_text import gpu_type_text, gpu_types_table, partitions_drawing
from heddle.drawing.layout_counts import base_partitions, base_profiles, layout_counts
from svg_page import SvgPage, is_inside, overlapping

A100 = CATALOGUE.get("A100-80GB")
EVERY = pytest.mark.parametrize("gpu_type", list(CATALOGUE), ids=lambda t: t.name)
OVERLAPPING_STARTS = GpuType(
    name="custom",
    profiles=(
        Profile("small", 1, 1, (0, 1, 2, 3, 4), 5),
        Profile("sliding", 2, 3, (0, 1, 2), 1),
    ),
    compute_slices=4,
    memory_units=5,
    memory_gb=20,
)


@EVERY
def test_the_picture_of_every_type_keeps_its_text_apart_and_on_the_page(gpu_type: GpuType) -> None:
    page = SvgPage(gpu_type_svg(gpu_type))
    assert overlapping(page.texts()) == []
    assert [t.shown for t in page.texts() if not is_inside(t.box, page.box)] == []
    assert all(is_inside(box, page.box) for box in page.rects())


@EVERY
def test_every_profile_is_in_picture_and_text(gpu_type: GpuType) -> None:
    shown = [text.shown for text in SvgPage(gpu_type_svg(gpu_type)).texts()]
    text = gpu_type_text(gpu_type)
    for name in gpu_type.profile_names:
        assert name in shown
        assert f"\n{name} " in text


def test_the_nineteen_partitions_of_the_a100_are_drawn() -> None:
    page = SvgPage(gpu_type_svg(A100))
    shown = [text.shown for text in page.texts()]
    assert "19 maximal partitions (14 layouts) of the base profiles" in shown
    assert "78 maximal partitions (38 layouts) of the plain profiles." in shown
    assert "239 maximal partitions (64 layouts) of all profiles." in shown
    drawn = [tip for tip in page.tips() if " at unit " in tip and "may" not in tip]
    expected = [
        f"{name} at unit {start}"
        for partition in base_partitions(A100)
        for start, name in partition.placements
    ]
    assert drawn == expected


def test_the_terminal_drawing_has_a_cell_for_every_instance() -> None:
    text = gpu_type_text(A100)
    rows = [line for line in text.splitlines() if "│" in line]
    assert len(rows) == 19
    for row, partition in zip(rows, base_partitions(A100), strict=True):
        cells = [cell for cell in row.split("│")[1:-1] if "░" not in cell]
        assert [cell.strip() for cell in cells] == [name for _, name in partition.placements]
        assert row.index("│") + 8 * 8 == len(row) - 1


def test_the_terminal_drawing_of_the_a30_is_exact() -> None:
    a30 = CATALOGUE.get("A30-24GB")
    assert partitions_drawing(a30, base_partitions(a30)).splitlines() == [
        "    0      1      2      3",
        "  ┌───────────────────────────┐",
        "1 │4g.24gb                    │",
        "  ├─────────────┬─────────────┤",
        "2 │2g.12gb      │2g.12gb      │",
        "  ├──────┬──────┼─────────────┤",
        "3 │1g.6gb│1g.6gb│2g.12gb      │",
        "  ├──────┴──────┼──────┬──────┤",
        "4 │2g.12gb      │1g.6gb│1g.6gb│",
        "  ├──────┬──────┼──────┼──────┤",
        "5 │1g.6gb│1g.6gb│1g.6gb│1g.6gb│",
        "  └──────┴──────┴──────┴──────┘",
    ]


def test_base_profiles_leave_out_media_graphics_and_memory_variants() -> None:
    assert base_profiles(A100) == ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")
    rtx = CATALOGUE.get("RTX-PRO-6000")
    assert base_profiles(rtx) == ("1g.24gb", "2g.48gb", "4g.96gb")
    assert [count.num_partitions for count in layout_counts(rtx)] == [5, 302]


def test_profiles_with_names_of_their_own_are_all_base_profiles() -> None:
    custom = replace(
        A100,
        name="custom",
        profiles=(
            Profile("part-a", 1, 2, (0, 2), 2),
            Profile("part+b", 1, 4, (0, 4), 2),
        ),
    )
    assert base_profiles(custom) == ("part-a", "part+b")


def test_a_type_of_variants_only_is_drawn_with_them() -> None:
    only = replace(A100, name="custom", profiles=(A100.profile("1g.10gb+me"),))
    assert base_profiles(only) == ("1g.10gb+me",)
    assert "1 layout" in str(layout_counts(only)[0])


def test_starts_that_overlap_are_drawn_below_each_other() -> None:
    page = SvgPage(gpu_type_svg(OVERLAPPING_STARTS))
    boxes = [
        page.rects(group)[0] for tip, group in page.groups() if tip.startswith("sliding may start")
    ]
    assert len({box.y for box in boxes}) == 3
    assert overlapping(page.texts()) == []


def test_the_free_end_of_a_partition_is_shaded_in_the_terminal() -> None:
    partition = next(
        p for p in maximal_partitions(OVERLAPPING_STARTS) if p.profile_counts == {"small": 5}
    ).without_placement((4, "small"))  # type: ignore[arg-type] # an equal tuple will do
    drawing = partitions_drawing(OVERLAPPING_STARTS, [partition])
    assert drawing.splitlines()[2] == "1 │small│small│small│small│░░░░░│"


def test_an_unpublished_type_says_that_it_cannot_be_planned() -> None:
    thor = CATALOGUE.get("Thor-iGPU")
    assert "It cannot be planned: the starts of its profiles are not published." in gpu_type_text(
        thor
    )
    shown = [text.shown for text in SvgPage(gpu_type_svg(thor)).texts()]
    assert shown.count("starts not published") == len(thor.profiles)


def test_a_type_without_mig_says_so() -> None:
    assert "It has no MIG: one service takes the whole GPU." in gpu_type_text(CATALOGUE.get("T4"))


def test_the_table_has_a_row_per_type_with_the_known_counts() -> None:
    lines = gpu_types_table(CATALOGUE).splitlines()
    assert len(lines) == 2 + len(CATALOGUE.names)
    rows = {line.split()[0]: line for line in lines[2:]}
    assert rows["A100-80GB"].split()[1:] == ["Ampere", "80", "8", "108", "7", "38", "yes", "listed"]
    assert "no: starts not published" in rows["Thor-iGPU"]
    assert "yes, as a whole" in rows["L4-24GB"]
    assert "inferred from A100" in rows["PG506-96GB"]
