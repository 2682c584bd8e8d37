"""The picture of policies: one panel a workload, one mark a policy, the same bytes every time."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from heddle.drawing.policies import PolicyChart, PolicyPoint, policies_svg

POINTS = (
    PolicyPoint("A", "rt-only", 0.0, 1.0),
    PolicyPoint("A", "reef", 0.8, 1.5),
    PolicyPoint("B", "rt-only", -0.2, 1.0),
    PolicyPoint("B", "reef", 2000.0, 1.1),
)
CHART = PolicyChart("Policies", "simulated", POINTS)


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314 (our own text)
    return [node.text or "" for node in root.iter() if node.tag.endswith("text")]


def test_every_workload_has_a_panel_and_every_policy_a_place_in_the_legend() -> None:
    shown = texts(policies_svg(CHART))
    assert [text for text in shown if text.startswith("workload")] == ["workload A", "workload B"]
    assert "1 rt-only" in shown
    assert "2 reef" in shown


def test_marks_outside_the_scale_stand_at_its_end_and_keep_their_number() -> None:
    svg = policies_svg(CHART)
    assert "reef: +2000.0 %, 1.10 ×" in svg
    assert "rt-only: -0.2 %, 1.00 ×" in svg


def test_the_same_points_give_the_same_bytes() -> None:
    assert policies_svg(CHART) == policies_svg(PolicyChart("Policies", "simulated", list(POINTS)))
