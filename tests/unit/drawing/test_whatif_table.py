"""Plans side by side, with what changes."""

from __future__ import annotations

from dataclasses import replace

from drawing_cases import Case, certificate, deployment
from heddle.cluster.deployment import Deployment
from heddle.drawing.whatif import PlanColumn, whatif_text


def moved(plan: Deployment) -> Deployment:
    """Return the plan without its last GPU."""
    return replace(plan, configurations=plan.configurations[:-1], certificate=certificate(7, 6))


def compared() -> str:
    plan = replace(deployment(Case(8, 3)), certificate=certificate(8, 8))
    return whatif_text(
        [
            PlanColumn("as it is", plan, 25.6),
            PlanColumn("chat.latency_ms=80", moved(plan), 22.4),
            PlanColumn("--forbid 1g.10gb", None, None, "no profile serves chat"),
        ]
    )


def test_totals_show_the_difference_from_the_first_plan() -> None:
    lines = compared().splitlines()
    assert lines[0].split("  ")[-1].strip() == "--forbid 1g.10gb"
    assert [line.split() for line in lines[2:7]] == [
        ["GPUs", "8", "7", "(−1)", "–"],
        ["price", "per", "hour", "25.60", "22.40", "(−3.20)", "–"],
        ["lower", "bound", "8", "6", "–"],
        ["gap", "0", "1", "(16.7", "%)", "–"],
        ["proved", "optimal", "yes", "no", "–"],
    ]


def test_a_plan_that_does_not_exist_says_why() -> None:
    assert compared().endswith("--forbid 1g.10gb: no profile serves chat")


def test_changed_services_show_the_instances_that_go() -> None:
    plan = replace(deployment(Case(8, 3, ("T4-16GB",))), certificate=certificate(8, 8))
    (gone,) = plan.configurations[-1].instances
    text = whatif_text([PlanColumn("a", plan), PlanColumn("b", moved(plan))])
    changed = [line for line in text.splitlines() if "−1×whole" in line]
    assert len(changed) == 1
    assert changed[0].startswith(f"{gone.service} ")
    assert changed[0].endswith(f"−1×whole b{gone.batch}p{gone.processes}")
    others = len(plan.services) - 1
    assert f"{others} services with the same instances in every plan." in text


def test_equal_plans_have_no_changed_services() -> None:
    plan = deployment(Case(4, 3))
    text = whatif_text([PlanColumn("a", plan), PlanColumn("b", plan)])
    assert "service  " not in text
    assert f"{len(plan.services)} services with the same instances in every plan." in text


def test_added_instances_have_a_plus_sign() -> None:
    plan = deployment(Case(8, 3))
    text = whatif_text([PlanColumn("less", moved(plan)), PlanColumn("more", plan)])
    assert "+1×" in text
    assert "8 (+1)" in text


def test_a_mixed_fleet_counts_gpus_by_type() -> None:
    mixed = deployment(Case(6, 3, ("A100-80GB", "T4-16GB")))
    plain = deployment(Case(6, 3))
    text = whatif_text([PlanColumn("mixed", mixed), PlanColumn("plain", plain)])
    table = {line.split("  ")[0]: line.split() for line in text.splitlines() if "of these" in line}
    assert table["of these A100-80GB"][-3:] == ["3", "6", "(+3)"]
    assert table["of these T4-16GB"][-3:] == ["3", "0", "(−3)"]


def test_many_changed_services_are_capped() -> None:
    one, other = deployment(Case(200, 90)), deployment(Case(200, 90, seed=1))
    text = whatif_text([PlanColumn("a", one), PlanColumn("b", other)], max_rows=10)
    assert "… and " in text
