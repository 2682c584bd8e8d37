"""The picture of a plan: everything in its box, nothing lost, the same bytes each time."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drawing_cases import CATALOGUE, Case, certificate, deployment
from heddle.cluster.deployment import Deployment
from heddle.drawing.plan import plan_svg
from heddle.errors import InputError
from svg_page import SvgPage, is_inside, overlapping

LONG = "production-europe-west-recommendation-candidates-with-a-name-that-never-ends"
CASES = {
    "one service on one GPU": Case(1, 1),
    "5 GPUs": Case(5, 5),
    "16 GPUs and 11 services": Case(16, 11),
    "140 GPUs and 24 services": Case(140, 24, num_distinct=60),
    "many services on few GPUs": Case(14, 24),
    "500 GPUs and 60 services": Case(500, 60, num_distinct=150),
    "two GPUs of each of four types": Case(
        8, 6, ("A100-80GB", "H100-80GB", "T4-16GB", "RTX-PRO-6000")
    ),
    "a mixed fleet": Case(90, 30, ("A100-80GB", "H100-80GB", "T4-16GB", "A30-24GB")),
    "long names": Case(9, 9, name=LONG),
    "long names on many GPUs": Case(140, 24, num_distinct=40, name=LONG),
    "wide characters": Case(12, 8, name="検索サービス"),
    "names that XML must escape": Case(6, 5, name="<a&\"b'c>"),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def picture(plan: Deployment, title: str = "A plan", whole: float | None = None) -> str:
    return plan_svg(plan, CATALOGUE.get, title, whole)


@every_case
def test_all_text_stays_on_the_page(case: Case) -> None:
    page = SvgPage(picture(deployment(case), title=LONG * 3))
    assert [text.shown for text in page.texts() if not is_inside(text.box, page.box)] == []


@every_case
def test_no_two_labels_overlap(case: Case) -> None:
    assert overlapping(SvgPage(picture(deployment(case))).texts()) == []


@every_case
def test_the_label_of_an_instance_stays_in_its_box(case: Case) -> None:
    page = SvgPage(picture(deployment(case)))
    instances = [group for tip, group in page.groups() if "at unit" in tip]
    assert instances
    for group in instances:
        box = page.rects(group)[0]
        assert [t.shown for t in page.texts(group) if not is_inside(t.box, box)] == []


@every_case
def test_the_same_plan_gives_the_same_bytes(case: Case) -> None:
    assert picture(deployment(case)) == picture(deployment(case))


@every_case
def test_every_gpu_is_drawn_or_counted(case: Case) -> None:
    plan = deployment(case)
    page = SvgPage(picture(plan))
    drawn = sum(
        int(found[1].replace(",", ""))
        for tip in page.tips()
        if (found := re.match(r"([\d,]+) × ", tip))
    )
    left_out = sum(
        int(found[1].replace(",", ""))
        for text in page.texts()
        if (found := re.search(r"\(([\d,]+) GPUs?\) not drawn", text.shown))
    )
    assert drawn + left_out == plan.num_gpus


def test_an_instance_covers_its_units_of_the_bar() -> None:
    plan = deployment(Case(1, 3, seed=4))
    page = SvgPage(picture(plan))
    boxes = [page.rects(group)[0] for tip, group in page.groups() if "at unit" in tip]
    gpu_type = CATALOGUE.get("A100-80GB")
    (row,) = (group for tip, group in page.groups() if tip.startswith("1 × "))
    bars = page.rects(row)
    left, right = min(box.x for box in bars), max(box.right for box in bars)
    unit = (right - left + 2) / 8
    assert len(boxes) == len(plan.configurations[0].instances)
    for box, instance in zip(boxes, plan.configurations[0].instances, strict=True):
        size = gpu_type.profile(instance.profile).size or 0
        assert box.x - left == pytest.approx(instance.start * unit, abs=0.1)
        assert box.right + 2 - left == pytest.approx((instance.start + size) * unit, abs=0.1)


def test_free_units_are_hatched_and_lost_ones_blank() -> None:
    plan = deployment(Case(1, 1))
    kept = plan.configurations[0]
    base = kept.instances[0]
    single = tuple(base._replace(profile="1g.10gb", start=start) for start in range(5))
    plan = replace(plan, configurations=(replace(kept, instances=single),))
    (row,) = (group for tip, group in SvgPage(picture(plan)).groups() if tip.startswith("1 × "))
    fills = [node.get("fill") for node in row if node.tag.endswith("rect")]
    # Units 5, 6 and 7 are free; 1g.20gb fits at 6 and takes 7 as well.
    assert fills.count("url(#free)") == 3
    full = tuple(base._replace(profile="1g.10gb", start=start) for start in range(7))
    plan = replace(plan, configurations=(replace(kept, instances=full),))
    (row,) = (group for tip, group in SvgPage(picture(plan)).groups() if tip.startswith("1 × "))
    assert len([node for node in row if node.tag.endswith("rect")]) == 1
    assert "url(#free)" not in [node.get("fill") for node in row]


def test_identical_gpus_are_one_bar_with_their_ids_in_the_tooltip() -> None:
    plan = deployment(Case(37, 3, num_distinct=1))
    page = SvgPage(picture(plan))
    assert "× 37" in [text.shown for text in page.texts()]
    assert "37 × A100-80GB: gpu-0 to gpu-36" in page.tips()


def test_a_cut_name_has_the_whole_one_in_its_tooltip() -> None:
    plan = deployment(Case(4, 4, name=LONG))
    page = SvgPage(picture(plan))
    assert not any(text.shown.startswith(LONG) for text in page.texts())
    for name in plan.services:
        assert any(tip.startswith(f"{name} (bert), ") for tip in page.tips())


def test_names_are_escaped_and_come_back_whole() -> None:
    plan = deployment(Case(3, 2, name="<&\"'"))
    svg = picture(plan, title="a < b & c")
    page = SvgPage(svg)
    assert "<&" not in svg
    assert "a < b & c" in [text.shown for text in page.texts()]
    assert any(text.shown.startswith("<&\"'-") for text in page.texts())


def test_characters_that_xml_cannot_carry_are_replaced() -> None:
    page = SvgPage(picture(deployment(Case(2, 1, name="a\x07b\ufffe\ud800"))))
    assert any("a\ufffdb\ufffd\ufffd" in tip for tip in page.tips())


def test_each_gpu_type_of_a_mixed_fleet_has_a_heading() -> None:
    case = CASES["a mixed fleet"]
    shown = [text.shown for text in SvgPage(picture(deployment(case))).texts()]
    assert all(shown.count(CATALOGUE.get(name).name) == 1 for name in case.gpu_types)


def test_certificate_saving_and_notes_stand_on_the_page() -> None:
    plan = deployment(Case(15, 6))
    noted = replace(certificate(15, 13), notes=("Latencies of 2 services are means.",))
    svg = picture(replace(plan, certificate=noted), whole=19.0)
    shown = [text.shown for text in SvgPage(svg).texts()]
    assert "15 GPUs, at most 2 (15.4 %) above the best possible (bound 13)." in shown
    assert "4 GPUs (21.1 %) fewer than the 19 whole GPUs that the same services need." in shown
    assert "Latencies of 2 services are means." in shown


def test_a_plan_without_certificate_is_drawn() -> None:
    page = SvgPage(picture(replace(deployment(Case(3, 2)), certificate=None)))
    assert overlapping(page.texts()) == []


def test_a_service_that_falls_short_is_marked() -> None:
    plan = deployment(Case(4, 2))
    name, service = next(iter(plan.services.items()))
    short = {**plan.services, name: service._replace(required_rps=1e6)}
    assert picture(plan).count("#b3261e") == 0
    assert picture(replace(plan, services=short)).count("#b3261e") == 2


def test_slo_marks_fall_back_to_the_stated_slo() -> None:
    plan = deployment(Case(1, 1))
    (name,) = plan.services
    stated = plan.services[name]._replace(
        rate_rps=123.0, latency_ms=45.0, required_rps=None, batch_latency_limit_ms=None
    )
    page = SvgPage(picture(replace(plan, services={name: stated})))
    shown = [text.shown for text in page.texts()]
    assert any(text.endswith(" / 123") for text in shown)
    assert any(text.endswith(" / 45") for text in shown)


def test_a_type_without_published_starts_is_refused() -> None:
    plan = deployment(Case(1, 1))
    thor = replace(plan.configurations[0], gpu_type="Thor-iGPU")
    with pytest.raises(InputError, match="Thor-iGPU cannot be planned"):
        picture(replace(plan, configurations=(thor,)))


def test_fifty_thousand_gpus_make_a_small_picture_that_counts_the_rest() -> None:
    plan = deployment(Case(50_000, 5_000, num_distinct=3_000))
    svg = picture(plan)
    assert len(svg.encode()) < 2_000_000
    page = SvgPage(svg)
    left_out = [text.shown for text in page.texts() if "not drawn" in text.shown]
    assert len(left_out) == 1
    services = next(text.shown for text in page.texts() if "not listed" in text.shown)
    assert services.startswith(f"… and {len(plan.services) - 36:,} more services")
    assert page.box.height < 2000
    assert all(is_inside(box, page.box) for box in page.rects())


def test_the_first_id_of_a_small_group_is_written_whole() -> None:
    plan = deployment(Case(12, 3, num_distinct=4))
    shown = [text.shown for text in SvgPage(picture(plan)).texts()]
    assert {"gpu-0 …", "gpu-1 …", "gpu-2 …", "gpu-3 …"} <= set(shown)
