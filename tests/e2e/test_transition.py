"""``heddle transition`` and ``heddle apply`` as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import WORKLOAD as SMALL
from command_line import Answer, Heddle, replaced, scenario, small_workload

Change = Callable[[dict[str, Any]], None]


def assert_refused(answer: Answer, *said: str) -> None:
    assert answer.exit_code == 2, answer
    assert answer.out == ""
    assert answer.err.count("\n") == 1, answer.err
    for words in said:
        assert words in answer.err, answer.err


@pytest.fixture(name="sides")
def planned_sides(heddle: Heddle, tmp_path: Path) -> tuple[Path, Path]:
    """Two deployments of ParvaGPU's scenarios: 3 and 5 GPUs."""
    sides = tmp_path / "before.json", tmp_path / "after.json"
    for path, number in zip(sides, (2, 3), strict=True):
        assert heddle("plan", scenario(number), "-o", path).exit_code == 0
    return sides


@pytest.fixture(name="planned")
def planned_transition(heddle: Heddle, sides: tuple[Path, Path], tmp_path: Path) -> Path:
    path = tmp_path / "transition.json"
    assert heddle("transition", *sides, "-o", path).exit_code == 0
    return path


def edited(path: Path, change: Change) -> Path:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    other = path.with_name(f"edited-{path.name}")
    other.write_text(json.dumps(document), encoding="utf-8")
    return other


def test_a_transition_is_planned_drawn_and_proved(
    heddle: Heddle, sides: tuple[Path, Path], tmp_path: Path
) -> None:
    answer = heddle("transition", *sides, "-o", tmp_path / "t.json", "--svg", tmp_path / "t.svg")
    assert answer.exit_code == 0
    assert answer.out.startswith("3 to 5 GPUs in ")
    assert "proved: no state" in answer.out
    document = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    for floor in document["floors"].values():
        assert floor["least_rps"] >= floor["floor_rps"] > 0
    assert (tmp_path / "t.svg").read_text(encoding="utf-8").endswith("</svg>\n")


def test_the_same_question_has_the_same_bytes_for_an_answer(
    heddle: Heddle, sides: tuple[Path, Path]
) -> None:
    for strategy in ("joint", "exchange_compact"):
        words = ("transition", *sides, "--json", "--strategy", strategy)
        assert heddle(*words).out == heddle(*words).out != ""


def test_from_a_deployment_to_itself_there_is_nothing_to_do(
    heddle: Heddle, sides: tuple[Path, Path]
) -> None:
    assert heddle("transition", sides[0], sides[0]).out.startswith("nothing to do")


def test_a_workload_is_planned_near_to_what_runs(heddle: Heddle, sides: tuple[Path, Path]) -> None:
    plain = json.loads(heddle("transition", *sides, "--json").out)
    near = json.loads(heddle("transition", sides[0], "--workload", scenario(3), "--json").out)
    assert len(near["to"]["gpus"]) == len(plain["to"]["gpus"])
    assert len(near["steps"]) <= len(plain["steps"])


def test_full_gpus_at_their_floor_need_a_spare_one_and_the_message_says_so(
    heddle: Heddle, tmp_path: Path
) -> None:
    paths = []
    for number, starts in enumerate((("ant", "bee"), ("bee", "ant"))):
        gpus = [
            {
                "id": f"gpu-{gpu}",
                "node": "node-0",
                "type": "A100-80GB",
                "instances": [
                    {
                        "profile": profile,
                        "start": 0,
                        "service": service,
                        "batch": 1,
                        "processes": 1,
                        "rate_rps": 100,
                        "latency_ms": 10,
                    }
                ],
            }
            for gpu, (service, profile) in enumerate(
                zip(starts, ("7g.80gb", "4g.40gb"), strict=True)
            )
        ]
        services = {
            name: {"model": "m", "rate_rps": 100, "latency_ms": 50} for name in ("ant", "bee")
        }
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"version": 1, "services": services, "gpus": gpus}))
        paths.append(path)
    refused = heddle("transition", *paths, "--spare-gpus", 0)
    assert refused.exit_code == 1
    assert "1 spare GPU" in refused.err
    assert "'ant'" in refused.err or "'bee'" in refused.err
    enough = json.loads(heddle("transition", *paths, "--spare-gpus", 1, "--json").out)
    assert enough["spare_gpus"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ("either a deployment TO or --workload",)),
        (("AFTER", "--workload", "WORKLOAD"), ("either a deployment TO or --workload",)),
        (("AFTER", "--strategy", "jiont"), ("unknown strategy 'jiont'", "'joint'")),
        (("AFTER", "--times", "kubernets"), ("unknown action times", "'kubernetes'")),
        (("AFTER", "--fleet", "SMALL"), ("needs 5 GPUs of type A100-80GB; 4 exist",)),
        (("AFTER", "--spare-gpus", "-1"), ("expected a whole number",)),
        (("AFTER", "-o", "BEFORE"), ("it is read",)),
    ],
)
def test_bad_words_are_refused(
    heddle: Heddle,
    sides: tuple[Path, Path],
    tmp_path: Path,
    words: tuple[str, ...],
    said: tuple[str, ...],
) -> None:
    stand_for = {
        "BEFORE": sides[0],
        "AFTER": sides[1],
        "WORKLOAD": scenario(3),
        "SMALL": small_workload(tmp_path),
    }
    before = sides[0].read_bytes()
    assert_refused(
        heddle("transition", sides[0], *(stand_for.get(word, word) for word in words)), *said
    )
    assert sides[0].read_bytes() == before


def overlap(document: dict[str, Any]) -> None:
    instances = document["gpus"][0]["instances"]
    instances.append(dict(instances[0]))


def unknown_type(document: dict[str, Any]) -> None:
    document["gpus"][1]["type"] = "A100-8GB"


def twice(document: dict[str, Any]) -> None:
    document["gpus"][1]["id"] = document["gpus"][0]["id"]


def unlisted(document: dict[str, Any]) -> None:
    document["gpus"][0]["instances"][0]["service"] = "bertt"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (overlap, ("gpus[0]", "overlaps an instance")),
        (unknown_type, ("gpus[1]", "unknown GPU type 'A100-8GB'", "did you mean")),
        (twice, ("gpus[1]", "stands twice")),
        (unlisted, ("gpus[0]", "'bertt', which is not listed", "'bert'")),
    ],
)
def test_a_deployment_that_cannot_exist_is_refused(
    heddle: Heddle, sides: tuple[Path, Path], change: Change, said: tuple[str, ...]
) -> None:
    wrong = edited(sides[0], change)
    assert_refused(heddle("transition", wrong, sides[1]), wrong.name, *said)
    assert_refused(heddle("transition", sides[1], wrong), wrong.name, *said)


def test_a_transition_is_applied_and_its_journal_ends_it(
    heddle: Heddle, planned: Path, tmp_path: Path
) -> None:
    words = ("apply", planned, "--host", "simulated", "--journal", tmp_path / "j.db")
    first = heddle(*words)
    assert first.exit_code == 0
    assert first.out.startswith("done: ")
    assert "NO" not in first.out
    again = heddle(*words)
    assert again.exit_code == 0
    assert "this transition has ended before; nothing was changed" in again.out


def without_waiting(document: dict[str, Any]) -> None:
    """Let every stop begin before what takes its place on other GPUs is ready."""
    steps = document["steps"]
    for step in steps:
        if step["kind"] == "stop":
            step["after"] = [other for other in step["after"] if is_at(steps[other], step)]


def is_at(step: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(step["gpu"] == other["gpu"] and step["start"] == other["start"])


def in_a_circle(document: dict[str, Any]) -> None:
    document["steps"][0]["after"] = [1]
    document["steps"][1]["after"] = [0]


def on_a_gpu_that_is_not_there(document: dict[str, Any]) -> None:
    document["steps"][0]["gpu"] = "gpu-99"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_waiting, ("step ", "service ", "floor")),
        (in_a_circle, ("steps[", "in a circle: ")),
        (on_a_gpu_that_is_not_there, ("gpu-99",)),
    ],
)
def test_an_edited_transition_is_refused_before_anything_happens(
    heddle: Heddle, planned: Path, tmp_path: Path, change: Change, said: tuple[str, ...]
) -> None:
    journal = tmp_path / "j.db"
    answer = heddle("apply", edited(planned, change), "--host", "simulated", "--journal", journal)
    assert_refused(answer, *said)
    assert not journal.exists()


def test_a_journal_of_another_transition_and_a_damaged_one_are_refused_and_kept(
    heddle: Heddle, planned: Path, sides: tuple[Path, Path], tmp_path: Path
) -> None:
    journal, other = tmp_path / "j.db", tmp_path / "other.json"
    assert heddle("apply", planned, "--host", "simulated", "--journal", journal).exit_code == 0
    assert heddle("transition", *reversed(sides), "-o", other).exit_code == 0
    kept = journal.read_bytes()
    answer = heddle("apply", other, "--host", "simulated", "--journal", journal)
    assert_refused(answer, "j.db", "another transition")
    assert journal.read_bytes() == kept
    place = kept.index(b"step.ended")
    journal.write_bytes(kept[:place] + b"step.enden" + kept[place + 10 :])
    damaged = journal.read_bytes()
    answer = heddle("apply", planned, "--host", "simulated", "--journal", journal)
    assert_refused(answer, "j.db")
    assert journal.read_bytes() == damaged


def test_spread_over_nodes_holds_in_a_transition_to_a_workload(
    heddle: Heddle, tmp_path: Path
) -> None:
    spread = replaced(SMALL, "rate_rps: 100,", "rate_rps: 100, min_replicas: 2, spread: node,")
    first = small_workload(tmp_path, workload=SMALL)
    assert heddle("plan", first, "-o", tmp_path / "from.json").exit_code == 0
    second = small_workload(tmp_path, workload=spread)
    answer = heddle("transition", tmp_path / "from.json", "--workload", second, "--json")
    gpus = json.loads(answer.out)["to"]["gpus"]
    nodes = [g["node"] for g in gpus for i in g["instances"] if i["service"] == "chat"]
    assert len(nodes) == len(set(nodes)) == 2
