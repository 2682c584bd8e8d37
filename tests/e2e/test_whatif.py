"""``heddle whatif``: plans side by side."""

from __future__ import annotations

import re
from pathlib import Path

from command_line import (
    MIXED_FLEET,
    TABLE,
    WORKLOAD,
    Heddle,
    replaced,
    scenario,
    small_workload,
)


def cells(out: str, row: str) -> list[str]:
    """Return the cells of a row of the table, without its heading."""
    line = next(line for line in out.splitlines() if line.startswith(row))
    return re.split(r"\s{2,}", line.strip())[1:]


def test_every_change_is_planned_alone_and_all_together(tmp_path: Path, heddle: Heddle) -> None:
    path = small_workload(tmp_path)
    answer = heddle("whatif", path, "--set", "vision.rate_rps=2500", "--forbid", "7g.80gb")
    assert answer.exit_code == 0, answer
    heading = answer.out.splitlines()[0]
    assert re.split(r"\s{2,}", heading.strip()) == [
        "as it is",
        "vision.rate_rps=2500",
        "without 7g.80gb",
        "all together",
    ]
    assert cells(answer.out, "GPUs") == ["1", "4 (+3)", "1", "4 (+3)"]
    assert cells(answer.out, "proved optimal") == ["yes"] * 4


def test_a_looser_limit_never_takes_more_gpus(heddle: Heddle) -> None:
    out = heddle(
        "whatif", scenario(5), "--set", "*.latency_ms=4000", "--set", "defaults.headroom=0.3"
    ).out
    now, looser, headroom, both = (int(cell.split()[0]) for cell in cells(out, "GPUs"))
    assert looser <= now <= headroom
    assert looser <= both <= headroom


def test_a_forbidden_profile_is_in_no_plan(heddle: Heddle) -> None:
    out = heddle("whatif", scenario(2), "--forbid", "1g.10gb").out
    changed = [cells(out, service)[1] for service in ("bert", "vgg19")]
    assert all("+" in cell and "+1×1g.10gb" not in cell for cell in changed)
    assert (
        "7g.80gb"
        in heddle(
            "whatif",
            scenario(1),
            *[
                word
                for size in ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb")
                for word in ("--forbid", size)
            ],
        ).out
    )


def test_other_gpus_replace_the_fleet_and_keep_a_known_price(heddle: Heddle) -> None:
    out = heddle("whatif", MIXED_FLEET, "--gpus", "A100-80GB,H100-80GB").out
    num_a100, num_h100 = (
        int(cells(out, f"of these {name}")[1].split()[0]) for name in ("A100-80GB", "H100-80GB")
    )
    price = float(cells(out, "price per hour")[1].split()[0])
    assert price == 3.0 * num_a100 + 5.5 * num_h100


def test_a_change_without_a_plan_says_why_beside_the_others(tmp_path: Path, heddle: Heddle) -> None:
    path = small_workload(tmp_path)
    answer = heddle("whatif", path, "--set", "chat.latency_ms=4", "--set", "vision.rate_rps=99999")
    assert answer.exit_code == 0
    assert cells(answer.out, "GPUs") == ["1", "–", "–", "–"]
    assert "3g.40gb of A100-80GB comes closest with 12 ms, 10 ms too slow" in answer.out
    assert "the smallest stock that works is" in answer.out


def test_a_change_can_make_an_impossible_workload_possible(tmp_path: Path, heddle: Heddle) -> None:
    impossible = replaced(WORKLOAD, "latency_ms: 40", "latency_ms: 4")
    path = small_workload(tmp_path, workload=impossible, table=TABLE)
    answer = heddle("whatif", path, "--set", "chat.latency_ms=40")
    assert answer.exit_code == 0
    assert cells(answer.out, "GPUs") == ["–", "1"]


def test_by_price_the_price_goes_down(heddle: Heddle) -> None:
    out = heddle("whatif", MIXED_FLEET, "--objective", "price", "--set", "T4.count=20").out
    before, after = (float(cell.split()[0]) for cell in cells(out, "price per hour"))
    assert after <= before
