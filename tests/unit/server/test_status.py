"""The state of the machine as one object, as the API, the CLI and the dashboard read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon_cases import service_counters, spec, stats
from executions import small_transition
from heddle.cluster.deployment import ServedService
from heddle.cluster.guest import GuestPoint, Lodging
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.server.metrics_text import metrics_text
from heddle.server.status import devices_status, services_status, transition_status
from heddle.server.store import Store
from heddle.server.traffic_window import TrafficWindow
from heddle.transition.transition import Floor

#: What the design promises of each service.
SERVICE_KEYS = {
    "name", "model", "engine", "path", "url", "is_suspended", "required_rps", "latency_ms",
    "planned_rps", "ready_rps", "floor_rps", "arrived_rps", "answered_rps", "p50_ms", "p99_ms",
    "attained", "num_arrived", "num_answered", "num_failed", "num_refused", "num_retried",
    "is_stale", "forecast_rps", "forecast_error",
}  # fmt: skip


def instance(service: str | None, phase: str, gpu: str = "cpu-0") -> dict[str, Any]:
    return {"gpu": gpu, "service": service, "phase": phase, "rate_rps": 90.0}


def details(*instances: dict[str, Any]) -> dict[str, Any]:
    devices = [{"id": f"cpu-{index}", "units": 8} for index in range(2)]
    return {"devices": devices, "instances": list(instances)}


def services(store: Store, *instances: dict[str, Any], **extra: Any) -> list[dict[str, Any]]:
    window = TrafficWindow()
    window.learn(0.0, stats(services={"chat": service_counters(0)}))
    window.learn(2.0, stats(services={"chat": service_counters(8, failed=2)}))
    return services_status(store, details(*instances), window, extra, "127.0.0.1")


def store_of(*names: str) -> Store:
    store = Store(MemoryLedger())
    store.want([spec(name, 8100 + index) for index, name in enumerate(names)])
    return store


def test_every_device_has_its_own_instances() -> None:
    found = devices_status(details(instance("chat", "ready", "cpu-1")))
    assert [len(one["instances"]) for one in found] == [0, 1]
    assert [one["num_units"] for one in found] == [8, 8]
    assert devices_status({}) == [], "before the agent has answered there are none"


def test_only_ready_instances_count_as_served() -> None:
    phases = ("ready", "starting", "draining", "backing_off", "failed")
    (found,) = services(store_of("chat"), *(instance("chat", phase) for phase in phases))
    assert (found["planned_rps"], found["ready_rps"], found["num_ready"]) == (450.0, 90.0, 1)


def test_a_service_shows_its_traffic_and_its_address() -> None:
    chat, doze = services(store_of("chat", "doze"))
    assert set(chat) >= SERVICE_KEYS
    assert (chat["arrived_rps"], chat["answered_rps"], chat["num_failed"]) == (5.0, 4.0, 2)
    assert chat["attained"] == 0.8
    assert (chat["url"], doze["url"]) == ("http://127.0.0.1:8100", "http://127.0.0.1:8101")
    assert (doze["arrived_rps"], doze["attained"], doze["num_arrived"]) == (0.0, None, 0)


def test_what_is_known_beyond_counters_is_shown() -> None:
    store = store_of("chat")
    store.suspend("chat")
    (found,) = services(store, chat={"is_stale": True, "forecast_rps": 7.0})
    assert (found["is_suspended"], found["is_stale"], found["forecast_rps"]) == (True, True, 7.0)


def test_floors_are_shown_while_a_transition_runs() -> None:
    store = store_of("chat")
    store.accept(replace(small_transition(), floors={"chat": Floor(150.0, 200.0)}))
    assert services(store)[0]["floor_rps"] == 150.0
    store.end("done", "")
    assert services(store)[0]["floor_rps"] is None


def test_a_transition_shows_its_steps_before_and_after_it_runs() -> None:
    store = store_of("chat")
    assert transition_status(store.move, None) is None
    store.accept(small_transition())
    begun = transition_status(store.move, None)
    assert begun is not None
    assert (begun["state"], begun["num_steps"], begun["num_done"]) == ("running", 6, 0)
    assert {step["state"] for step in begun["steps"]} == {"waiting"}
    assert [step["action"] for step in begun["steps"]][:2] == ["create", "start"]
    assert begun["steps"][1]["after"] == [0]
    assert begun["floors"].keys() == small_transition().floors.keys()
    store.end("done", "all is done")
    ended = transition_status(store.move, None)
    assert ended is not None
    assert (ended["state"], ended["num_done"], ended["message"]) == ("done", 6, "all is done")


def test_metrics_are_one_line_for_each_service_and_figure() -> None:
    found = metrics_text({"services": services(store_of("chat", "doze"))}).splitlines()
    assert found.count("# TYPE heddle_service_answered_total counter") == 1
    assert 'heddle_service_answered_total{service="chat"} 8' in found
    assert 'heddle_service_arrived_rps{service="doze"} 0' in found
    assert len([line for line in found if not line.startswith("#")]) == 2 * 11


def test_a_name_that_metrics_cannot_hold_is_escaped() -> None:
    (one,) = services(store_of('a"b\\c'))
    assert 'service="a\\"b\\\\c"' in metrics_text({"services": [one]})


def test_large_counts_are_whole_in_metrics() -> None:
    (one,) = services(store_of("chat"))
    text = metrics_text({"services": [{**one, "num_answered": 12_345_678}]})
    assert 'heddle_service_answered_total{service="chat"} 12345678' in text


def test_a_guest_is_expected_to_have_what_is_left_by_its_hosts() -> None:
    store = store_of("chat")
    host = replace(spec("chat", 8100), service=ServedService("net", 45.0, 100.0))
    lodging = Lodging(("chat",), (GuestPoint("CPU-8", "1c", 4, 30.0, 20.0),))
    store.want([host, replace(spec("tags", 8101), lodging=lodging)])
    shared = {**instance("chat", "ready"), "profile": "1c", "guests": ["tags", "other"]}
    late = {**shared, "phase": "starting", "guests": ["tags"]}
    window = TrafficWindow()
    found = details(shared, late)
    found["devices"][0]["gpu_type"] = "CPU-8"
    (chat, tags) = services_status(store, found, window, {}, "127.0.0.1")
    assert (chat["priority"], chat["hosts"]) == ("rt", [])
    assert (tags["priority"], tags["hosts"]) == ("be", ["chat"])
    # Three quarters of 30 requests/s: half of it on one instance, all of it on the other.
    assert (tags["planned_rps"], tags["ready_rps"]) == (33.75, 11.25)
    assert tags["num_ready"] == 1
