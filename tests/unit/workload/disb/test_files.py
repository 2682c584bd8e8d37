"""Reading both published DISB formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import EXAMPLES
from heddle.errors import InputError
from heddle.workload.disb.files import load_disb
from heddle.workload.disb.workload import Continuous, Dependent, Periodic, Poisson, Trace

A = {"id": "a_rt", "load": {"type": "continuous"}, "client": {"model_name": "vgg"}}


def task(task_id: str, load: dict[str, Any], **client: Any) -> dict[str, Any]:
    return {"id": task_id, "load": load, "client": client}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(content))
    return path


def test_every_load_of_the_current_format_is_read(tmp_path: Path) -> None:
    tasks = [
        task("a_rt", {"type": "periodic", "frequency": 100, "priority": 1}, model_name="vgg"),
        task("b", {"type": "poisson", "frequency": 2.5}),
        task("c", {"type": "trace", "trace": [30, 10]}),
        task("d", {"type": "dependent", "prev_task_ids": ["a_rt", "b"]}),
        task("e", {"type": "continuous"}),
    ]
    workload = load_disb(written(tmp_path, {"time": 5, "tasks": tasks}))
    assert [client.load for client in workload.clients] == [
        Periodic(100.0, 1), Poisson(2.5), Trace((10.0, 30.0)), Dependent(("a_rt", "b")),
        Continuous(),
    ]  # fmt: skip
    assert (workload.name, workload.duration_s) == ("w", 5.0)
    assert [client.id for client in workload.real_time()] == ["a_rt"]


def test_the_artifacts_format_gets_ids_of_network_and_kind(tmp_path: Path) -> None:
    content = {
        "time": 1,
        "rt": [{"name": "vgg", "frequency": 20, "trace": [64, 216]}],
        "be": [{"name": "densenet", "frequency": 100}, {"name": "densenet", "frequency": 100}],
    }
    clients = load_disb(written(tmp_path, content)).clients
    assert [client.id for client in clients] == ["vgg_rt", "densenet_be", "densenet_be_2"]
    assert [client.is_real_time for client in clients] == [True, False, False]
    assert clients[0].load == Trace((64.0, 216.0))
    assert clients[1].load == Periodic(100.0, priority=1)


@pytest.mark.parametrize(
    ("client", "kind"),
    [
        ({}, "rt"),
        ({"name": "someone"}, "rt"),
        ({"priority": "be"}, "be"),
    ],
)
def test_our_priority_wins_over_the_suffix(
    tmp_path: Path, client: dict[str, Any], kind: str
) -> None:
    content = {"time": 1, "tasks": [task("x_rt", {"type": "continuous"}, **client)]}
    assert load_disb(written(tmp_path, content)).clients[0].is_real_time is (kind == "rt")


def test_the_name_of_a_client_may_carry_the_suffix(tmp_path: Path) -> None:
    content = {"time": 1, "tasks": [task("x", {"type": "continuous"}, name="x_rt")]}
    assert load_disb(written(tmp_path, content)).clients[0].is_real_time


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ({"tasks": [A]}, "", "missing key 'time'"),
        ({"time": 0, "tasks": [A]}, "time", "above 0"),
        ({"time": 1}, "tasks", "missing key 'tasks'"),
        ({"time": 1, "tasks": []}, "tasks", "at least one client"),
        ({"time": 1, "tasks": [A, A]}, "tasks[1].id", "stands twice"),
        ({"time": 1, "tasks": [A], "rt": []}, "rt", "unknown key"),
        ({"time": 1, "tasks": [{"id": "a"}]}, "tasks[0]", "missing key 'load'"),
        ({"time": 1, "tasks": [task("a", {"type": "sometimes"})]}, "tasks[0].load.type", "allowed"),
        (
            {"time": 1, "tasks": [task("a", {"type": "periodic", "frequency": -1})]},
            "tasks[0].load.frequency", "above 0",
        ),
        (
            {"time": 1, "tasks": [task("a", {"type": "trace", "trace": [1, "x"]})]},
            "tasks[0].load.trace[1]", "finite number",
        ),
        (
            {"time": 1, "tasks": [task("a", {"type": "trace", "trace": [1, -2]})]},
            "tasks[0].load.trace[1]", "from 0",
        ),
        (
            {"time": 1, "tasks": [A, task("b", {"type": "dependent", "prev_task_ids": ["z"]})]},
            "tasks[1].load.prev_task_ids[0]", "no task 'z'",
        ),
        (
            {"time": 1, "tasks": [task("b", {"type": "dependent", "prev_task_ids": ["b"]})]},
            "tasks[0].load.prev_task_ids", "waits for itself",
        ),
        (
            {"time": 1, "tasks": [task("b", {"type": "continuous"}, priority="high")]},
            "tasks[0].client.priority", "allowed: rt, be",
        ),
        ({"time": 1, "rt": [{"name": "vgg"}]}, "rt[0]", "missing key 'frequency'"),
        ({"time": 1, "tasks": [{**A, "id": f"a{i}"} for i in range(25)]}, "tasks", "at most 24"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, content: Any, place: str, words: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        load_disb(path)
    assert (caught.value.location.file, caught.value.location.key) == (path, place)
    assert words in caught.value.message


def test_text_that_is_not_json_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text('{\n "time": 1,,\n}')
    with pytest.raises(InputError, match="not valid JSON") as caught:
        load_disb(path)
    assert caught.value.location.line == 2


@pytest.mark.parametrize(
    ("name", "num_rt", "num_be"), [("A", 1, 1), ("B", 1, 1), ("C", 1, 5), ("D", 5, 5), ("E", 5, 5)]
)
def test_our_examples_have_the_published_clients(name: str, num_rt: int, num_be: int) -> None:
    workload = load_disb(EXAMPLES / "07-real-time" / f"{name}.json")
    assert len(workload.real_time()) == num_rt
    assert len(workload.clients) == num_rt + num_be
    assert workload.duration_s == 60.0
