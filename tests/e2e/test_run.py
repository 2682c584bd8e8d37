"""``heddle run`` as a user types it, on the simulated MI50."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import EXAMPLES, heddle_process
from svg_page import SvgPage

A = EXAMPLES / "07-real-time" / "A.json"


def test_a_run_writes_the_promised_json_and_a_picture(tmp_path: Path) -> None:
    words = ("run", A, "--seconds", "0.1", "--quiet", "--json", tmp_path / "a.json")
    answer = heddle_process(*words, "--svg", tmp_path / "a.svg")
    assert answer.exit_code == 0, answer.err
    assert "times are simulated" in answer.out
    found = json.loads((tmp_path / "a.json").read_text())
    assert (found["device"], found["policy"], found["workload"]) == (
        "sim:MI50", "block-edge-padding", "A"
    )  # fmt: skip
    assert set(found["clients"]) == {"vgg19_rt", "resnet152_be"}
    urgent = found["clients"]["vgg19_rt"]
    assert (urgent["kind"], urgent["completed"]) == ("rt", 10)
    assert set(urgent["latency_ms"]) == {"mean", "p50", "p95", "p99"}
    assert urgent["latency_ms"]["mean"] < 2 * urgent["standalone_ms"]
    assert set(found["preemption_us"]["parts"]) == {"notice", "flag", "drain", "launch"}
    assert found["blocks"]["lost"] == found["blocks"]["repeated"] == 0
    picture = SvgPage((tmp_path / "a.svg").read_text())
    assert any("from close by" in text.shown for text in picture.texts())


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    workload = EXAMPLES / "07-real-time" / "E.json"
    for name in ("one", "two"):
        path = tmp_path / name
        words = ("run", workload, "--seconds", "0.1", "--seed", 3, "--quiet", "--json", path)
        assert heddle_process(*words).exit_code == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--device", "gpu"), "unknown device 'gpu'"),
        (("--device", "sim:none"), "MI50"),
        (("--policy", "fastest"), "block-edge-padding"),
        (("--device", "sim:H200", "--policy", "reef"), "sim:"),
        (("--network", "gpt"), "no network 'gpt'"),
        (("--window-ms", "5:3"), "the first before the second"),
    ],
)
def test_what_does_not_exist_is_refused_and_named(words: tuple[str, ...], said: str) -> None:
    answer = heddle_process("run", A, "--quiet", *words)
    assert answer.exit_code == 2
    assert said in answer.err


def test_a_malformed_file_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text('{"time": 1, "tasks": [{"id": "a", "load": {"type": "often"}}]}')
    answer = heddle_process("run", path)
    assert answer.exit_code == 2
    assert f"{path}: tasks[0].load.type" in answer.err
