"""A plan as text: services, GPUs, the claim."""

from __future__ import annotations

import re
from dataclasses import replace

from drawing_cases import Case, certificate, deployment
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.drawing.plan_text import plan_text
from heddle.drawing.table import cell_width


def instance(service: str, profile: str, start: int, *, is_fitted: bool = False) -> PlannedInstance:
    return PlannedInstance(profile, start, service, 8, 2, 400.0, 23.0, is_fitted)


def small_plan() -> Deployment:
    full = (
        instance("chat", "3g.40gb", 0),
        instance("rank", "1g.10gb", 4),
        instance("rank", "1g.10gb", 5),
    )
    alone = (instance("chat", "7g.80gb", 0, is_fitted=True),)
    configurations = (
        Configuration("gpu-0", "node-0", "A100-80GB", full),
        Configuration("gpu-1", "node-0", "A100-80GB", full),
        Configuration("gpu-2", "node-0", "A100-80GB", alone, "chat needs it"),
    )
    services = {
        "chat": ServedService("llama", 1000.0, 60.0, 1100.0, 30.0),
        "rank": ServedService("bert", 1500.0, 50.0),
    }
    claim = replace(certificate(3, 3), service_prices={"chat": 2.25, "rank": 0.75})
    return Deployment(services, configurations, claim)


def test_a_small_plan_is_two_tables_and_a_claim() -> None:
    blocks = plan_text(small_plan(), whole=4.0).split("\n\n")
    services, gpus, claim = (block.splitlines() for block in blocks)
    assert [re.split(r"  +", line) for line in services if "──" not in line] == [
        ["service", "model", "required/s", "planned/s", "batch ms", "limit ms", "≈ GPUs",
         "instances"],
        ["chat", "llama", "1,100", "1,200", "23", "30", "2.25", "2×3g.40gb b8p2, 1×7g.80gb ~b8p2"],
        ["rank", "bert", "1,500", "1,600", "23", "50", "0.75", "4×1g.10gb b8p2"],
    ]  # fmt: skip
    assert gpus == [
        "GPUs  ids           type       partition                         reason",
        "────  ────────────  ─────────  ────────────────────────────────  ─────────────",
        "   2  gpu-0, gpu-1  A100-80GB  3g.40gb@0 chat, 1g.10gb@4,5 rank  –",
        "   1  gpu-2         A100-80GB  7g.80gb@0 chat                    chat needs it",
    ]
    assert claim == [
        "3 GPUs; no plan with 2 exists.",
        "1 GPU (25.0 %) fewer than the 4 whole GPUs that the same services need.",
    ]


def test_a_service_that_falls_short_is_named() -> None:
    plan = small_plan()
    services = {**plan.services, "rank": plan.services["rank"]._replace(rate_rps=1601.0)}
    assert "NOT MET: rank." in plan_text(replace(plan, services=services))
    assert "NOT MET" not in plan_text(plan)


def test_a_mixed_fleet_names_the_type_of_each_instance() -> None:
    plan = small_plan()
    other = replace(plan.configurations[1], gpu_type="H100-80GB")
    mixed = replace(plan, configurations=(plan.configurations[0], other, plan.configurations[2]))
    text = plan_text(mixed)
    assert "A100-80GB: 1×3g.40gb b8p2, 1×7g.80gb ~b8p2; H100-80GB: 1×3g.40gb b8p2" in text


def test_large_plans_show_the_largest_and_count_the_rest() -> None:
    plan = deployment(Case(900, 100, num_distinct=200))
    prices = {name: float(i % 50) for i, name in enumerate(plan.services)}
    claim = replace(certificate(900, 890), service_prices=prices)
    text = plan_text(replace(plan, certificate=claim))
    assert f"… and {len(plan.services) - 40} more\n" in text
    assert " more (" in text
    assert "900 GPUs, at most 10 (1.1 %) above the best possible (bound 890)." in text
    shown = [line.split()[0] for line in text.splitlines()[2:42]]
    least_shown = min(prices[name] for name in shown)
    assert least_shown >= max(prices[name] for name in plan.services if name not in shown)


def test_the_gpus_left_out_are_counted() -> None:
    plan = deployment(Case(300, 20, num_distinct=120))
    lines = plan_text(plan, max_rows=10).splitlines()
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith("GPUs "))
    shown = sum(int(line.split()[0]) for line in lines[start + 2 : start + 12])
    left_out = int(lines[start + 12].split("(")[1].split()[0])
    assert shown + left_out == 300


def test_prices_per_hour_are_named_as_such() -> None:
    priced = replace(small_plan(), certificate=certificate(9.6, 9.6, objective_kind="price"))
    text = plan_text(priced, whole=12.8)
    assert "≈ price/h" in text
    assert "Price 9.60 per hour; no plan is cheaper." in text
    assert "3.20 per hour (25.0 %) cheaper" in text


def test_notes_stand_under_the_claim() -> None:
    noted = replace(certificate(3, 3), notes=("Latencies of 2 services are means.",))
    text = plan_text(replace(small_plan(), certificate=noted))
    assert text.endswith("Note: Latencies of 2 services are means.")


def test_a_plan_without_certificate_is_only_tables() -> None:
    text = plan_text(replace(small_plan(), certificate=None), whole=4.0)
    assert "exists" not in text
    assert "–" in text


def test_no_line_is_much_wider_than_a_wide_terminal() -> None:
    plan = deployment(Case(40, 10, num_distinct=40, name="a-long-name-of-a-service-that-goes-on"))
    assert max(cell_width(line) for line in plan_text(plan).splitlines()) <= 220
