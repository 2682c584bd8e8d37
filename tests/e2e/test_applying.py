"""``heddle apply``: carried out, paused, gone on with, gone back; and what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import Answer, Heddle
from executions import ORIGIN, RIGHT, TARGET, small_transition
from heddle.cluster.deployment_file import write_deployment
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.simulator.socket_driver import SocketDriver
from heddle.transition.transition_file import transition_text, write_transition


@pytest.fixture
def transition(tmp_path: Path) -> Path:
    """The small transition: six steps on two nodes, 27 s by the table ``direct``."""
    path = tmp_path / "transition.json"
    write_transition(path, small_transition())
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "night.journal"


def kinds(journal: Path) -> list[str]:
    with contextlib.closing(SqliteLedger(journal)) as ledger:
        return [entry.kind for entry in ledger.entries()]


def apply_words(transition: Path, *words: object) -> list[object]:
    return ["apply", transition, "--host", "simulated", "--variation", "0", *words]


def write_faults(folder: Path, *lines: str) -> Path:
    path = folder / "faults.yaml"
    faults = "".join(f"  - {line}\n" for line in lines)
    path.write_text(f"version: 1\nfaults:\n{faults}", encoding="utf-8")
    return path


def test_a_transition_is_carried_out_and_its_rates_are_told(
    heddle: Heddle, transition: Path
) -> None:
    answer = heddle(*apply_words(transition))
    assert answer == Answer(
        0,
        "done: the target is reached\n"
        "6 steps done in 26.0 s\n"
        "\n"
        "service  least rate  floor  kept\n"
        "───────  ──────────  ─────  ────\n"
        "chat            200    150  yes\n"
        "vision            0      0  yes\n",
        "",
    )
    assert [path.name for path in transition.parent.iterdir()] == ["transition.json"]


def test_the_same_seed_gives_the_same_end(heddle: Heddle, transition: Path) -> None:
    words = ["apply", transition, "--host", "simulated"]
    first, second = heddle(*words, "--seed", 1), heddle(*words, "--seed", 1)
    assert first == second
    assert first.out != heddle(*words, "--seed", 2).out


def test_a_journal_that_has_ended_is_told_again_and_not_changed(
    heddle: Heddle, transition: Path, journal: Path
) -> None:
    first = heddle(*apply_words(transition, "--journal", journal))
    before = journal.read_bytes()
    again = heddle(*apply_words(transition, "--journal", journal))
    assert again.exit_code == 0
    assert again.out == (
        f"{journal}: this transition has ended before; nothing was changed\n\n{first.out}"
    )
    aborted = heddle(*apply_words(transition, "--journal", journal, "--abort"))
    assert aborted.out == again.out
    assert journal.read_bytes() == before


def test_what_went_wrong_on_the_way_is_told(
    heddle: Heddle, transition: Path, tmp_path: Path
) -> None:
    faults = write_faults(tmp_path, "{step: 4, fail: 2, message: no room yet}")
    answer = heddle(*apply_words(transition, "--faults", faults))
    assert answer.exit_code == 0
    assert ", 2 further attempts\n" in answer.out
    assert answer.out.endswith(
        "On the way:\n" + "- step 4 (create on 1g.10gb at 6 of gpu-0) failed: no room yet\n" * 2
    )
    assert answer.err == (
        "heddle: 0.0 s: step 4 (create on 1g.10gb at 6 of gpu-0) failed: no room yet\n"
        "heddle: 1.1 s: step 4 (create on 1g.10gb at 6 of gpu-0) failed: no room yet\n"
    )


def test_where_nothing_else_can_be_done_it_stops_and_says_why(
    heddle: Heddle, transition: Path, tmp_path: Path
) -> None:
    faults = write_faults(tmp_path, "{step: 1, fail: always, retryable: false, message: broken}")
    answer = heddle(*apply_words(transition, "--faults", faults))
    assert answer.exit_code == 1
    assert answer.out.startswith("stopped where every floor holds: no way to the target: ")
    assert "- step 1 (start chat on 3g.40gb at 4 of gpu-1) was tried once and is given up" in (
        answer.out
    )
    assert heddle(*apply_words(transition, "--faults", faults, "--extra-gpus", 1)).out.startswith(
        "done: the target is reached\n"
    )


# Pausing, going on, going back


def apply_process(transition: Path, *words: object) -> subprocess.Popen[str]:
    """Start ``heddle apply`` at a pace that leaves time to interfere."""
    command = [*apply_words(transition, *words), "--speed", 8]
    return subprocess.Popen(
        [sys.executable, "-m", "heddle", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def wait_for_log(journal: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a journal has its beginning and the first intentions."""
    log = journal.with_name(journal.name + "-wal")
    while not (log.exists() and log.stat().st_size > 25_000):
        assert process.poll() is None, process.communicate()
        os.sched_yield()


@pytest.fixture
def half_way(transition: Path, journal: Path) -> Path:
    """The journal of a transition that was paused in the middle by Ctrl-C."""
    process = apply_process(transition, "--journal", journal)
    wait_for_log(journal, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out.startswith("paused as asked\n")
    assert err.splitlines()[-1] == (
        "heddle: paused; the same command goes on from the journal, with --abort it goes back"
    )
    assert kinds(journal)[-1] == "transition.paused"
    return journal


def test_a_paused_transition_goes_on_with_the_same_command(
    heddle: Heddle, transition: Path, half_way: Path
) -> None:
    answer = heddle(*apply_words(transition, "--journal", half_way))
    assert answer.exit_code == 0
    assert answer.out.startswith("done: the target is reached\n6 steps done in ")
    assert "- paused as asked\n- goes on after a pause\n" in answer.out
    written = kinds(half_way)
    assert written.count("step.intended") == written.count("step.ended") == 6


def test_a_paused_transition_goes_back(heddle: Heddle, transition: Path, half_way: Path) -> None:
    answer = heddle(*apply_words(transition, "--journal", half_way, "--abort"))
    assert answer.exit_code == 0
    assert answer.out.startswith("aborted: ")
    with contextlib.closing(SqliteLedger(half_way)) as ledger:
        deployed = json.loads(ledger.entries()[-1].members["deployment"])
    assert [len(gpu["instances"]) for gpu in deployed["gpus"]] == [1, 1]


def test_a_killed_transition_goes_on_with_the_same_command(
    heddle: Heddle, transition: Path, journal: Path
) -> None:
    process = apply_process(transition, "--journal", journal)
    wait_for_log(journal, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 1 <= len(kinds(journal)) < 14
    answer = heddle(*apply_words(transition, "--journal", journal))
    assert answer.exit_code == 0
    assert answer.out.startswith("done: the target is reached\n6 steps done in ")


def test_a_second_interruption_ends_the_program(transition: Path, journal: Path) -> None:
    process = apply_process(transition, "--journal", journal)
    wait_for_log(journal, process)
    # Signals of one kind that wait together are one; so the second waits for the first.
    process.send_signal(signal.SIGINT)
    while "paus" not in (line := process.stderr.readline() if process.stderr else "paus"):
        assert line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "heddle: interrupted" in err
    assert "Traceback" not in err


# A cluster in its own process


@contextlib.contextmanager
def simulated(folder: Path, *words: object) -> Iterator[Path]:
    """Serve a cluster at a socket."""
    path = folder / "cluster.sock"
    process = subprocess.Popen(
        [sys.executable, "-m", "heddle", "simulate", *map(str, words), "--listen", str(path)],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        assert "listening" in process.stdout.readline()
        yield path
    finally:
        process.kill()
        process.communicate()


def test_a_cluster_behind_a_socket_is_changed_and_found_changed(
    heddle: Heddle, transition: Path, journal: Path, tmp_path: Path
) -> None:
    with simulated(tmp_path, transition) as socket:
        words = ["apply", transition, "--host", socket]
        answer = heddle(*words, "--journal", journal)
        assert answer.exit_code == 0, answer.err
        with SocketDriver(socket) as driver:
            assert driver.observe().deployment(TARGET.services) == TARGET
        again = heddle(*words)
    assert again.exit_code == 2
    assert again.err == (
        f"heddle: {transition}: this transition does not begin with what runs: "
        "gpu-0 at 0: runs nothing, should run 3g.40gb with chat (batch 8, 1 processes), "
        "gpu-0 at 6: runs 1g.10gb with vision (batch 4, 1 processes), should run nothing, "
        "gpu-1 at 4: runs 3g.40gb with chat (batch 8, 1 processes), should run nothing; "
        "plan one from what runs. Nothing was changed\n"
    )


def test_a_target_on_gpus_that_are_not_there_is_refused(
    heddle: Heddle, tmp_path: Path, journal: Path
) -> None:
    text = transition_text(small_transition())
    document = json.loads(text)
    moved = next(gpu for gpu in document["to"]["gpus"] if gpu["id"] == "gpu-1")
    stays, goes = moved["instances"]
    moved["instances"] = [stays]
    document["to"]["gpus"].append({**moved, "id": "gpu-7", "instances": [goes]})
    for step in document["steps"]:
        if (step["gpu"], step["start"]) == ("gpu-1", RIGHT.start):
            step["gpu"] = "gpu-7"
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    write_deployment(tmp_path / "runs.json", ORIGIN)
    with simulated(tmp_path, tmp_path / "runs.json") as socket:
        answer = heddle("apply", path, "--host", socket, "--journal", journal)
    assert answer.exit_code == 2
    assert "gpu-7 (A100-80GB in node-1) is needed: no node has this GPU" in answer.err
    assert not journal.exists()


def test_a_socket_where_nobody_listens_is_an_error(
    heddle: Heddle, transition: Path, tmp_path: Path
) -> None:
    answer = heddle("apply", transition, "--host", tmp_path / "none.sock")
    assert answer.exit_code == 1
    assert "no cluster listens here" in answer.err


# Bad input


def refused(heddle: Heddle, *words: object) -> str:
    """Return the one line with which a command line is refused."""
    answer = heddle(*words)
    assert (answer.exit_code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    return answer.err


def edited(path: Path, change: Any) -> Path:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_file_that_was_edited_so_that_a_floor_breaks_is_refused_with_step_and_service(
    heddle: Heddle, transition: Path, journal: Path
) -> None:
    def change(document: Any) -> None:
        document["steps"][2]["after"] = []

    message = refused(heddle, *apply_words(edited(transition, change), "--journal", journal))
    assert message.startswith(f"heddle: {transition}: this transition is not safe: service chat ")
    assert "step 2 (stop chat on 3g.40gb at 0 of gpu-0)" in message
    assert not journal.exists()


def test_steps_that_wait_for_each_other_in_a_circle_are_refused(
    heddle: Heddle, transition: Path
) -> None:
    def change(document: Any) -> None:
        document["steps"][0]["after"] = [3]

    message = refused(heddle, *apply_words(edited(transition, change)))
    assert "steps wait for each other in a circle: " in message


def test_a_journal_of_another_transition_is_refused(
    heddle: Heddle, transition: Path, journal: Path
) -> None:
    assert heddle(*apply_words(transition, "--journal", journal)).exit_code == 0
    before = journal.read_bytes()

    def change(document: Any) -> None:
        document["steps"][0]["estimate_s"] = 2.0
        document["makespan_s"] += 1.0

    message = refused(heddle, *apply_words(edited(transition, change), "--journal", journal))
    assert f"{journal}: this journal belongs to another transition (from 2 GPUs" in message
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty (0 bytes)"),
        (b"SQLite format 3\x00half a header", "file is not a database"),
        (b'{"version": 1}\n', "file is not a database"),
    ],
)
def test_a_corrupt_journal_is_refused_and_kept(
    heddle: Heddle, transition: Path, journal: Path, content: bytes, what: str
) -> None:
    journal.write_bytes(content)
    message = refused(heddle, *apply_words(transition, "--journal", journal))
    assert message == (
        f"heddle: {journal}: this is not a whole ledger: {what}. It was left as it is; "
        "to start over, name another file or move this one away\n"
    )
    assert journal.read_bytes() == content


def test_a_transition_is_no_journal(heddle: Heddle, transition: Path) -> None:
    before = transition.read_bytes()
    assert "not a whole ledger" in refused(
        heddle, *apply_words(transition, "--journal", transition)
    )
    assert transition.read_bytes() == before


def test_there_is_nothing_to_go_back_from_without_a_journal(
    heddle: Heddle, transition: Path, journal: Path
) -> None:
    for words in ((), ("--journal", journal)):
        message = refused(heddle, *apply_words(transition, "--abort", *words))
        assert "--abort goes back along a journal" in message
    SqliteLedger(journal).close()
    message = refused(heddle, *apply_words(transition, "--abort", "--journal", journal))
    assert "nothing was begun yet" in message


def test_faults_of_a_cluster_elsewhere_are_its_own_affair(
    heddle: Heddle, transition: Path, tmp_path: Path
) -> None:
    faults = write_faults(tmp_path, "{step: 4, fail: once}")
    message = refused(heddle, "apply", transition, "--host", "x.sock", "--faults", faults)
    assert "give them to heddle simulate" in message


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast"])
def test_a_speed_is_a_number_above_0(heddle: Heddle, transition: Path, speed: str) -> None:
    message = refused(heddle, *apply_words(transition, f"--speed={speed}"))
    assert f"expected a number above 0, found '{speed}'" in message
