"""The picture of a load."""

from xml.etree import ElementTree as ET

from heddle.drawing.load import LoadChart, LoadMoment, load_html, load_svg

MOMENTS = (
    LoadMoment(0.0, 1.0, 50.0, 50.0, 0.0, 5.0, 12.0),
    LoadMoment(1.0, 2.0, 50.0, 0.0, 50.0, None, None),
    LoadMoment(2.0, 3.0, 50.0, 50.0, 0.0, 6.0, 14.0),
)


def chart(**changes: object) -> LoadChart:
    members: dict[str, object] = {
        "title": "vision <at> night",
        "subtitle": "poisson",
        "slo_ms": 20.0,
        "moments": MOMENTS,
    }
    return LoadChart(**{**members, **changes})  # type: ignore[arg-type]


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(svg).iter() if node.text]  # noqa: S314 (our own picture)


def test_it_names_the_load_its_limit_and_failures() -> None:
    found = texts(load_svg(chart()))
    assert "vision <at> night" in found
    assert "limit 20 ms" in found
    assert "failed" in found


def test_latency_is_not_drawn_across_a_gap() -> None:
    lines = load_svg(chart()).count("<title>p99</title>")
    assert lines == 2


def test_a_load_without_limit_or_failures_has_neither_in_its_legend() -> None:
    found = texts(load_svg(chart(slo_ms=None, moments=MOMENTS[:1])))
    assert "failed" not in found
    assert not any(text.startswith("limit") for text in found)


def test_a_page_holds_the_picture() -> None:
    page = load_html(chart())
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    assert "<?xml" not in page
