"""Playing workloads on a device whose tasks take fixed times."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from heddle.errors import HostError, InputError
from heddle.runtime.core import constants
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.replay.backends import open_backend
from heddle.runtime.replay.result_file import result_members, write_result
from heddle.runtime.replay.results import ClientResult, Preemptions, Requests, RunResult, phases_of
from heddle.runtime.replay.runner import Play, play
from heddle.runtime.replay.standalone import NUM_REQUESTS, alone_ms
from heddle.runtime.replay.window import Window, window_of
from heddle.workload.disb.workload import (
    Continuous,
    Dependent,
    DisbClient,
    DisbWorkload,
    Load,
    Periodic,
    Trace,
)
from scripted_backend import ScriptedBackend

MS = 1_000_000
TASK_NS = {"vgg": 4 * MS, "bert": 1 * MS}


def client(name: str, load: Load, network: str = "vgg") -> DisbClient:
    return DisbClient(name, network, name.endswith("_rt"), load, "tasks[0].client.model_name")


def workload(*clients: DisbClient) -> DisbWorkload:
    return DisbWorkload("w", 0.1, clients, Path("w.json"))


def played(asked: DisbWorkload, how: Play | None = None, start_ns: int = 0) -> RunResult:
    return play(ScriptedBackend(TASK_NS, start_ns), asked, how or Play())


def due_ms(one: ClientResult) -> list[float]:
    return [at_ns / MS for at_ns in one.requests.due_ns]


def test_a_schedule_and_a_closed_loop_run_side_by_side() -> None:
    result = played(workload(client("a_rt", Periodic(100.0)), client("b_be", Continuous())))
    a, b = result.clients
    assert due_ms(a) == [float(at) for at in range(0, 100, 10)]
    assert a.latency_ms() == {"mean": 4.0, "p50": 4.0, "p95": 4.0, "p99": 4.0}
    assert b.num_completed == 25
    assert due_ms(b)[:3] == [0.0, 4.0, 8.0]
    assert (a.num_unfinished, b.num_unfinished) == (0, 0)
    assert result.rate_rps(a) == pytest.approx(100.0)


def test_times_count_from_the_start_whatever_the_devices_clock_says() -> None:
    asked = workload(client("a_rt", Periodic(100.0)))
    assert due_ms(played(asked, start_ns=987_654_321).clients[0]) == due_ms(
        played(asked).clients[0]
    )


def test_a_schedule_that_is_too_fast_piles_up_and_says_so() -> None:
    (one,) = played(workload(client("a_rt", Periodic(500.0)))).clients
    assert one.num_completed == 25
    assert one.num_unfinished == 25
    assert one.latency_ms()["p99"] == pytest.approx(4.0 + 24 * 2.0)


def test_skipping_late_requests_takes_the_newest() -> None:
    asked = workload(client("a_rt", Periodic(500.0)))
    (one,) = played(asked, Play(is_late_skipped=True)).clients
    assert one.num_completed == 25
    assert one.num_skipped > 20
    assert max(one.requests.latency_ns) < 3 * 4 * MS


def test_a_dependent_client_follows_the_last_of_those_before_it() -> None:
    result = played(
        workload(
            client("a", Trace((10.0, 50.0))),
            client("b", Trace((20.0,)), "bert"),
            client("c", Dependent(("a", "b")), "bert"),
        )
    )
    assert due_ms(result.clients[2]) == [21.0]


def test_a_run_ends_when_it_is_told_to() -> None:
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > 5

    result = played(workload(client("a", Continuous())), Play(should_stop=should_stop))
    assert result.clients[0].num_completed == 5
    assert result.seconds == pytest.approx(0.02)


def test_a_request_that_failed_is_counted_and_not_timed() -> None:
    device = ScriptedBackend(TASK_NS)
    device.fails.add("bert")
    result = play(
        device,
        workload(client("a", Trace((1.0, 2.0)), "bert"), client("b", Trace((1.0,)))),
        Play(),
    )
    assert [one.num_failed for one in result.clients] == [2, 0]
    assert [one.num_completed for one in result.clients] == [0, 1]


def test_more_requests_than_the_board_has_rows_wait_in_the_schedule() -> None:
    clients = [client(f"c{i}", Periodic(20_000.0), "bert") for i in range(4)]
    result = played(workload(*clients))
    assert [one.num_completed for one in result.clients] == [100] * 4


def test_a_network_that_the_device_lacks_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match="no network 'gpt'; it has vgg, bert") as caught:
        played(workload(client("a", Continuous(), "gpt")))
    assert str(caught.value.location) == "w.json: tasks[0].client.model_name"


def test_a_client_without_a_network_gets_the_default_and_a_remark() -> None:
    asked = workload(client("a", Trace((0.0,)), ""))
    assert played(asked).remarks == ("a names no network; it ran vgg",)
    result = played(asked, Play(default_network="distilbert"))
    assert result.clients[0].network == "bert"
    with pytest.raises(InputError, match="no network 'gpt'"):
        played(asked, Play(default_network="gpt"))


def test_a_stuck_device_names_whose_kernel_does_not_end() -> None:
    device = ScriptedBackend(TASK_NS)
    device.board.counts.device_state[0] = constants.STUCK
    device.board.counts.stuck_launch[0] = 0
    with pytest.raises(HostError, match="stuck: kernel 0 of 'a_rt'"):
        play(device, workload(client("a_rt", Continuous())), Play())
    device.board.counts.device_state[0] = constants.LOST
    with pytest.raises(HostError, match="was lost"):
        play(device, workload(client("b_rt", Continuous())), Play())


def test_every_network_is_measured_alone_on_a_device_that_is_closed() -> None:
    devices: list[ScriptedBackend] = []

    def opened() -> ScriptedBackend:
        devices.append(ScriptedBackend(TASK_NS))
        return devices[-1]

    asked = workload(
        client("a_rt", Continuous()), client("b", Continuous(), "bert"), client("c", Continuous())
    )
    assert alone_ms(opened, asked) == {"a_rt": 4.0, "b": 1.0, "c": 4.0}
    assert [device.num_closed for device in devices] == [1, 1, 1]
    assert int(devices[1].board.counts.blocks_run[0]) >= NUM_REQUESTS


def test_preemptions_have_parts_and_belong_to_requests(tmp_path: Path) -> None:
    device = ScriptedBackend(TASK_NS)
    device.preempt(0, (10_000, 11_000, 13_000, 16_000, 20_000))
    result = play(
        device,
        workload(client("a_rt", Trace((0.01, 20.0)))),
        Play(policy="wait", alone_ms={"a_rt": 2.0}, seed=3),
    )
    members = result_members(result)
    assert list(members)[:6] == [
        "device", "policy", "workload", "clients", "preemption_us", "blocks"
    ]  # fmt: skip
    assert members["preemption_us"]["count"] == 1
    assert members["preemption_us"]["p50"] == 10.0
    assert {name: part["p99"] for name, part in members["preemption_us"]["parts"].items()} == {
        "notice": 1.0, "flag": 2.0, "drain": 3.0, "launch": 4.0
    }  # fmt: skip
    assert members["clients"]["a_rt"]["increase"] == {"over_standalone": 1.0, "over_shared": 0.5}
    assert members["phases"]["a_rt"]["preempt"]["count"] == 1
    write_result(tmp_path / "r.json", result)
    assert json.loads((tmp_path / "r.json").read_text())["seed"] == 3


def test_a_request_that_need_not_wait_for_the_drain_was_launched_at_once() -> None:
    marks_ns = np.array([[0, 0, 2, 100, 6]], dtype=np.int64)
    parts = Preemptions(1, np.array([0]), marks_ns[:, 0], marks_ns).parts_ns()
    assert [int(part[0]) for part in parts.values()] == [0, 2, 98, 4]


def test_a_wait_behind_real_time_work_is_no_wait_for_a_preemption() -> None:
    device = ScriptedBackend(TASK_NS)
    ends_ns = 4 * MS
    marks_ns = (ends_ns, ends_ns, ends_ns + 10, ends_ns + 20, ends_ns + 30)
    device.preempt(1, marks_ns, due_ns=1 * MS)
    result = play(device, workload(client("a_rt", Trace((0.0, 1.0)))), Play())
    assert result.preemptions.total_ns.tolist() == [30]
    assert [int(part[0]) for part in result.preemptions.parts_ns().values()] == [0, 10, 10, 10]
    (one,) = result.clients
    queued_ms = phases_of(one, result.preemptions)["queued_ms"]["p99"]
    assert queued_ms == pytest.approx(3.0, abs=1e-4)


def test_phases_of_nothing_are_empty() -> None:
    none = np.empty(0, dtype=np.int64)
    requests = Requests(none, none, none, none)
    one = ClientResult(
        "a", "vgg", is_real_time=True, requests=requests, alone_ms=None, num_unfinished=0
    )
    phases = phases_of(one, Preemptions(0, none, none, np.empty((0, 5), dtype=np.int64)))
    assert phases["run_ms"] == {"mean": None, "p50": None, "p99": None}
    assert one.over_alone() is None


def test_the_window_is_around_a_request_that_should_preempt() -> None:
    busy = workload(
        client("a_rt", Trace((18.0, 60.0))), client("b_rt", Trace((16.0, 20.0)), "bert")
    )
    window = window_of(busy, {"a_rt": 4.0, "b_rt": 1.0}, 0, 0.1)
    assert window == Window(round(15.85 * MS), round(17.35 * MS))
    crowded = workload(client("a_rt", Trace((14.0, 50.0))), client("b_rt", Trace((18.5,)), "bert"))
    assert window_of(crowded, {"a_rt": 4.0}, 0, 0.1).from_ns > 40 * MS
    assert window_of(workload(client("b", Continuous())), {}, 0, 0.1).from_ns > 0


@pytest.mark.parametrize(
    ("device", "policy", "words"),
    [
        ("gpu:0", "reef", "unknown device 'gpu:0'"),
        ("sim", "wait", "lacks its type"),
        ("cpu:1", "wait", "cpu takes nothing more"),
        ("cuda:x", "wait", "cuda needs an index"),
        ("sim:MI50", "fastest", "unknown policy 'fastest'.*; policies: rt-only"),
    ],
)
def test_strange_devices_and_policies_are_refused(device: str, policy: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_backend(device, BackendOptions(policy=policy))
