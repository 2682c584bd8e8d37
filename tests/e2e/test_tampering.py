"""``heddle verify`` rejects a plan that was tampered with, and says why.

A real plan is written, its JSON edited, and the reasons that the verdict names are
compared with the one promise that the edit breaks.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import (
    FLEET_OF_24,
    MIXED_FLEET,
    TABLE,
    Answer,
    Heddle,
    scenario,
    small_workload,
)
from heddle.optimizer.problem import build_problem
from heddle.optimizer.solvers import SOLVERS
from heddle.workload.files import load_workload

#: Every option is used: three nodes of two GPUs; one GPU of each is enough.
WORKLOAD = """\
version: 1
gpus:
  - {type: A100-80GB, count: 6, per_node: 2}
performance: [table.csv]
services:
  - {name: chat, model: bert, rate_rps: 300, latency_ms: 40, min_replicas: 3, spread: node}
  - {name: search, model: bert, rate_rps: 60, latency_ms: 40, keep_apart: [vision]}
  - {name: vision, model: resnet, rate_rps: 200, latency_ms: 40, min_replicas: 2, spread: gpu}
  - {name: tags, model: resnet, rate_rps: 400, latency_ms: 40, max_share_per_gpu: 0.5}
"""

Document = dict[str, Any]
Tampering = Callable[[Document], object]


def instances(plan: Document, service: str) -> list[Document]:
    return [i for gpu in plan["gpus"] for i in gpu["instances"] if i["service"] == service]


def gpus_of(plan: Document, service: str) -> list[Document]:
    return [gpu for gpu in plan["gpus"] if any(i["service"] == service for i in gpu["instances"])]


def free_slices(gpu: Document) -> list[int]:
    """Return where a 1g.10gb could still begin."""
    sizes = {"1g.10gb": 1, "2g.20gb": 2, "3g.40gb": 4, "7g.80gb": 8}
    taken = {i["start"] + k for i in gpu["instances"] for k in range(sizes[i["profile"]])}
    return [start for start in range(7) if start not in taken]


def put(plan: Document, service: str, company: str) -> Document:
    """Add an instance of a service beside one of the other, where there is room."""
    small = {
        "bert": {"batch": 8, "processes": 1, "rate_rps": 40, "latency_ms": 18},
        "resnet": {"batch": 16, "processes": 1, "rate_rps": 110, "latency_ms": 19},
    }
    gpu = next(gpu for gpu in gpus_of(plan, company) if free_slices(gpu))
    point = small[plan["services"][service]["model"]]
    start = free_slices(gpu)[0]
    instance = {"profile": "1g.10gb", "start": start, "service": service, **point}
    gpu["instances"].append(instance)
    return instance


def drop(plan: Document, service: str) -> None:
    """Remove the last instance of a service."""
    gpu = gpus_of(plan, service)[-1]
    gpu["instances"].remove(instances(plan, service)[-1])


def certify(plan: Document, **changes: Any) -> None:
    plan["certificate"].update(changes)


def raise_prices(plan: Document) -> None:
    prices = plan["certificate"]["prices"]["A100-80GB"]
    for profile, price in prices.items():
        prices[profile] = f"{float(price) * 1.01:.9f}"


def add_gpus(plan: Document, *nodes: str) -> None:
    """Add an empty GPU to each of the nodes, and count them."""
    for number, node in enumerate(nodes):
        gpu = {"id": f"extra-{number}", "node": node, "type": "A100-80GB", "instances": []}
        plan["gpus"].append(gpu)
    objective = len(plan["gpus"])
    bound = plan["certificate"]["lower_bound"]
    certify(plan, objective=objective, gap=objective - bound, is_proved_optimal=False)


def lose_a_service(plan: Document) -> None:
    del plan["services"]["search"]
    for gpu in plan["gpus"]:
        gpu["instances"] = [i for i in gpu["instances"] if i["service"] != "search"]


def share_a_node(plan: Document) -> None:
    add_gpus(plan, gpus_of(plan, "chat")[0]["node"])
    plan["gpus"][-1]["instances"].append(copy.deepcopy(instances(plan, "chat")[0]))


def serve_a_stranger(plan: Document) -> None:
    company = next(
        name for name in plan["services"] if any(free_slices(gpu) for gpu in gpus_of(plan, name))
    )
    put(plan, "search", company)["service"] = "saerch"


def raise_the_bound(plan: Document) -> None:
    add_gpus(plan, "node-0")
    certify(plan, lower_bound=4, gap=0, is_proved_optimal=True)


def claim_optimality(plan: Document) -> None:
    add_gpus(plan, "node-0")
    certify(plan, is_proved_optimal=True)


def double(plan: Document) -> None:
    gpu = gpus_of(plan, "tags")[0]
    gpu["instances"].append(copy.deepcopy(instances(plan, "tags")[0]))


def move(plan: Document) -> None:
    """Move a 3g.40gb to a start that it does not have; its neighbours are in the way."""
    every = [instance for gpu in plan["gpus"] for instance in gpu["instances"]]
    next(instance for instance in every if instance["profile"] == "3g.40gb")["start"] = 2


def set_in(service: str, /, **changes: Any) -> Tampering:
    """Change the first instance of a service."""
    return lambda plan: instances(plan, service)[0].update(changes)


def state(service: str, /, **changes: Any) -> Tampering:
    """Change what the deployment says that a service asks for."""
    return lambda plan: plan["services"][service].update(changes)


def claim(**changes: Any) -> Tampering:
    """Change the certificate."""
    return lambda plan: certify(plan, **changes)


def price(gpu_type: str, profile: str, text: str) -> Tampering:
    return lambda plan: (
        plan["certificate"]["prices"].setdefault(gpu_type, {}).update({profile: text})
    )


#: What is done to the plan, and every reason for which it must then be rejected.
TAMPERINGS: dict[str, tuple[Tampering, set[str]]] = {
    "an instance twice in one place": (double, {"overlap"}),
    "a start that the profile does not have": (move, {"illegal start", "overlap"}),
    "a profile that the GPU does not have": (set_in("tags", profile="1g.5gb"), {"unknown profile"}),
    "an inflated rate": (set_in("tags", rate_rps=1000), {"altered rate"}),
    "a rate a millionth too high": (set_in("tags", rate_rps=110.000001), {"altered rate"}),
    "a latency made smaller": (set_in("tags", latency_ms=1), {"altered latency"}),
    "a batch that was not measured": (set_in("tags", batch=7), {"unknown operating point"}),
    "a measured point marked as fitted": (
        set_in("tags", is_fitted=True),
        {"unmarked fitted point"},
    ),
    "an instance dropped": (lambda plan: drop(plan, "tags"), {"underserved"}),
    "a replica dropped": (lambda plan: drop(plan, "vision"), {"underserved", "too few replicas"}),
    "an instance of a service nobody asked for": (serve_a_stranger, {"unknown service"}),
    "a service left out": (
        lose_a_service,
        {"missing service", "underserved", "too few replicas"},
    ),
    "a demand lowered": (state("tags", rate_rps=4, required_rps=4), {"changed service"}),
    "a latency limit raised": (state("chat", latency_ms=400), {"changed service"}),
    "a model exchanged": (state("chat", model="resnet"), {"changed service"}),
    "a GPU listed twice": (
        lambda plan: plan["gpus"][1].update(id=plan["gpus"][0]["id"]),
        {"duplicate GPU"},
    ),
    "another type of GPU": (
        lambda plan: plan["gpus"][0].update(type="A100-40GB"),
        {"unknown GPU type"},
    ),
    "too many GPUs in a node": (lambda plan: add_gpus(plan, "node-0", "node-0"), {"crowded node"}),
    "too many nodes": (lambda plan: add_gpus(plan, "node-3"), {"too many nodes"}),
    "more GPUs than in stock": (
        lambda plan: add_gpus(plan, "node-0", "node-1", "node-2", "node-2"),
        {"out of stock", "crowded node"},
    ),
    "a node shared against spread": (share_a_node, {"not spread over nodes"}),
    "a GPU shared against spread": (
        lambda plan: put(plan, "vision", "vision"),
        {"not spread over GPUs"},
    ),
    "services side by side that are kept apart": (
        lambda plan: put(plan, "search", "vision"),
        {"not kept apart"},
    ),
    "a lower bound raised": (raise_the_bound, {"lower bound not proved"}),
    "a bound above the objective": (
        claim(lower_bound=9, gap=-6, basis="search"),
        {"bound above the objective"},
    ),
    "prices raised": (raise_prices, {"overpriced layout"}),
    "a price below zero": (price("A100-80GB", "1g.10gb", "-0.1"), {"negative price"}),
    "a price that is no number": (price("A100-80GB", "1g.10gb", "1/7"), {"malformed price"}),
    "a price of nothing in the fleet": (
        price("T4-16GB", "whole", "0.1"),
        {"price of something unknown"},
    ),
    "the price bound raised": (claim(price_bound=40), {"price bound not proved"}),
    "a service price raised": (
        lambda plan: plan["certificate"]["service_prices"].update(chat=2.5),
        {"wrong service price"},
    ),
    "a wrong objective": (
        claim(objective=4, gap=1, is_proved_optimal=False),
        {"wrong objective"},
    ),
    "a wrong gap": (claim(gap=1), {"wrong gap"}),
    "optimal where it is not": (claim_optimality, {"wrong claim of optimality"}),
    "not optimal where it is": (claim(is_proved_optimal=False), {"wrong claim of optimality"}),
}


def reasons(answer: Answer) -> set[str]:
    """Return the kinds of findings that a verdict names."""
    lines = answer.out.splitlines()
    return {line[2:].partition(":")[0] for line in lines if line.startswith("  ")}


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    return small_workload(tmp_path, workload=WORKLOAD, table=TABLE)


@pytest.fixture
def plan(workload: Path, heddle: Heddle) -> Document:
    path = workload.with_name("plan.json")
    answer = heddle("plan", workload, "-o", path)
    assert answer.exit_code == 0, answer
    document: Document = json.loads(path.read_text(encoding="utf-8"))
    return document


def verdict(heddle: Heddle, workload: Path, plan: Document) -> Answer:
    path = workload.with_name("tampered.json")
    path.write_text(json.dumps(plan), encoding="utf-8")
    return heddle("verify", workload, path)


def test_the_plan_that_is_tampered_with_is_accepted(
    workload: Path, plan: Document, heddle: Heddle
) -> None:
    answer = verdict(heddle, workload, plan)
    assert answer.exit_code == 0, answer.out
    assert answer.out.startswith("accepted: every check passed\n")
    assert plan["certificate"]["is_proved_optimal"]


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_a_tampered_plan_is_rejected_for_the_right_reason(
    kind: str, workload: Path, plan: Document, heddle: Heddle
) -> None:
    change, expected = TAMPERINGS[kind]
    change(plan)
    answer = verdict(heddle, workload, plan)
    assert answer.exit_code == 1, answer.out
    assert answer.out.startswith("rejected: ")
    assert answer.err == ""
    assert reasons(answer) == expected, answer.out


def test_a_plan_without_its_certificate_is_accepted_and_proves_nothing(
    workload: Path, plan: Document, heddle: Heddle
) -> None:
    del plan["certificate"]
    answer = verdict(heddle, workload, plan)
    assert answer.exit_code == 0
    assert "the deployment has no certificate" in answer.out


def test_the_plan_of_another_workload_is_rejected(tmp_path: Path, heddle: Heddle) -> None:
    path = tmp_path / "plan.json"
    assert heddle("plan", scenario(1), "-o", path).exit_code == 0
    answer = heddle("verify", scenario(2), path)
    assert answer.exit_code == 1
    assert {"missing service", "underserved"} <= reasons(answer)


@pytest.mark.parametrize("solver", list(SOLVERS))
@pytest.mark.parametrize(
    "path", [scenario(3), FLEET_OF_24, MIXED_FLEET], ids=["S3", "fleet of 24", "mixed fleet"]
)
def test_the_plans_of_every_solver_are_accepted(
    path: Path, solver: str, tmp_path: Path, heddle: Heddle
) -> None:
    plan = tmp_path / "plan.json"
    answer = heddle("plan", path, "--solver", solver, "--time-limit", 3, "-o", plan)
    if build_problem(load_workload(path)).features <= SOLVERS.create(solver).features:
        assert answer.exit_code == 0, answer.err
        answer = heddle("verify", path, plan)
        assert answer.exit_code == 0, answer.out
    else:
        assert answer.exit_code == 2
        assert f"solver {solver!r} does not support" in answer.err
