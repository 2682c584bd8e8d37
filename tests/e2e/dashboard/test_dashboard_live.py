"""The dashboard shows what the daemon says, at once, and through the daemon's death."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dashboard_server import DashboardServer, serving
from dashboard_states import eight_gpus, instance, one_gpu, service

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
_TOKEN = "opens-the-door"  # noqa: S105 (a scripted daemon's)


@pytest.fixture
def server() -> Iterator[DashboardServer]:
    """A scripted daemon of one GPU."""
    with serving(one_gpu()) as made:
        yield made


def row(page: Page, name: str) -> Any:
    """Return the row of a service."""
    return page.locator(f'tr[data-service="{name}"]')


def tile(page: Page, gpu: str, start: int) -> Any:
    """Return the tile of an instance."""
    return page.locator(f'.tile[data-gpu="{gpu}"][data-start="{start}"]')


def wait_for_text(locator: Any, text: str) -> None:
    """Wait until an element says something."""
    locator.filter(has_text=text).first.wait_for()


def connection(page: Page, state: str) -> None:
    """Wait for a state of the connection."""
    page.wait_for_selector(f'body[data-connection="{state}"]')


def test_it_shows_services_gpus_and_empty_slots(server: DashboardServer, open_page: Open) -> None:
    page = open_page(server.url)
    connection(page, "live")
    wait_for_text(row(page, "vision"), "71.4 arrived")
    vision = row(page, "vision").inner_text()
    assert all(said in vision for said in ("98.0 planned", "80.0 required", "88.5 ms", "99.9 %"))
    assert "2 / 2" in vision
    assert page.locator(".tile").count() == 4
    assert "2 of 8 free" in page.locator(".gpu-head").inner_text()
    assert (
        tile(page, "cpu-0", 0).get_attribute("aria-label") == "vision on cpu-0, slot 0, 2c, ready"
    )
    assert tile(page, "cpu-0", 3).get_attribute("data-phase") == "idle"


def test_a_new_state_is_shown_without_a_reload(server: DashboardServer, open_page: Open) -> None:
    page = open_page(server.url)
    connection(page, "live")
    state = one_gpu()
    state["services"][0].update(arrived_rps=12.34, p99_ms=417.0)
    state["devices"][0]["instances"][1]["phase"] = "draining"
    server.publish(state)
    wait_for_text(row(page, "vision"), "12.3 arrived")
    assert row(page, "vision").locator("b[data-bad]").first.inner_text() == "417 ms"
    page.wait_for_selector('.tile[data-start="2"][data-phase="draining"]')
    assert server.num_streams == 1


def test_each_state_is_a_point_of_the_sparkline(server: DashboardServer, open_page: Open) -> None:
    page = open_page(server.url)
    connection(page, "live")
    for p99_ms in (90.0, 120.0, 250.0):
        state = one_gpu()
        state["services"][0]["p99_ms"] = p99_ms
        server.publish(state)
        wait_for_text(row(page, "vision"), f"{p99_ms:.0f}" if p99_ms >= 100 else f"{p99_ms:.1f}")
    line = row(page, "vision").locator(".spark-line").get_attribute("d")
    assert len(line.replace("M", "L").split("L")) > 3
    assert row(page, "vision").locator(".spark").get_attribute("data-over") == ""
    assert row(page, "search").locator(".spark").get_attribute("data-over") is None


def test_it_says_when_the_daemon_is_gone_and_heals_when_it_is_back(
    server: DashboardServer, open_page: Open
) -> None:
    page = open_page(server.url)
    connection(page, "live")
    server.tell("daemon.started", "heddle is up")
    wait_for_text(page.locator("#event-rows"), "heddle is up")
    server.stop()
    connection(page, "lost")
    assert "No connection" in page.locator("#lost").inner_text()
    assert page.title() == "heddle (no connection)"
    assert page.locator(".tile").count() == 4
    server.tell("instance.died", "died while nobody looked", service="search")
    state = one_gpu()
    state["services"][0]["arrived_rps"] = 55.5
    server.publish(state)
    server.start()
    connection(page, "live")
    wait_for_text(row(page, "vision"), "55.5 arrived")
    wait_for_text(page.locator("#event-rows"), "died while nobody looked")
    assert page.locator("#event-rows li").count() == 2
    assert page.locator("#lost").is_hidden()
    assert page.title() == "heddle"


def test_events_of_another_state_folder_replace_those_before(
    server: DashboardServer, open_page: Open
) -> None:
    for number in range(5):
        server.tell("service.stale", f"old {number}")
    page = open_page(server.url)
    wait_for_text(page.locator("#event-rows"), "old 4")
    server.stop()
    connection(page, "lost")
    server.events.clear()
    server.tell("daemon.started", "a new history")
    server.start()
    wait_for_text(page.locator("#event-rows"), "a new history")
    assert page.locator("#event-rows li").count() == 1


def test_events_stand_newest_first_and_can_be_chosen(
    server: DashboardServer, open_page: Open
) -> None:
    server.tell("instance.died", "vision died", reason="restarted", service="vision")
    server.tell("transition.decided", "step 3 is done", reason="step_done")
    server.tell("following.stayed", "not worth the move", reason="hysteresis")
    page = open_page(server.url)
    rows = page.locator("#event-rows li")
    wait_for_text(rows, "not worth")
    assert "not worth the move" in rows.first.inner_text()
    assert rows.count() == 2
    page.select_option("#event-kind", "all kinds")
    assert rows.count() == 3
    page.select_option("#event-kind", "following")
    assert rows.count() == 1
    assert "hysteresis" in rows.inner_text()
    page.select_option("#event-kind", "")
    page.select_option("#event-service", "vision")
    server.tell("instance.died", "search died", service="search")
    server.tell("instance.stale", "vision is slow", service="vision")
    wait_for_text(rows, "vision is slow")
    assert rows.count() == 2


def test_the_end_of_a_long_history_is_found_through_its_gaps(
    server: DashboardServer, open_page: Open
) -> None:
    for number in range(1200):
        server.tell("service.stale", f"event {number}")
    page = open_page(server.url)
    wait_for_text(page.locator("#event-rows"), "event 1199")
    assert page.locator("#event-rows li").count() == 200


def test_a_transition_shows_progress_floors_and_what_steps_wait_for(open_page: Open) -> None:
    with serving(eight_gpus()) as server:
        page = open_page(server.url)
        wait_for_text(page.locator("#transition"), "6 of 14 steps done")
        bar = page.locator("#transition [role=progressbar]")
        assert (bar.get_attribute("aria-valuenow"), bar.get_attribute("aria-valuemax")) == (
            "6",
            "14",
        )
        floors = page.locator(".floors li")
        assert "220 ready ≥ 180 floor" in floors.nth(0).inner_text()
        assert "49.0 ready < 60.0 floor" in floors.nth(1).inner_text()
        assert page.locator(".steps li").count() == 8
        waiting = page.locator('.steps li[data-state="waiting"]').first
        assert waiting.locator(".before").inner_text() == "#7"
        assert (
            waiting.locator(".before").get_attribute("title") == "waits for: destroy 2c at cpu-7:6"
        )
        page.check("#with-done")
        assert page.locator(".steps li").count() == 14
        state = copy.deepcopy(server.status)
        state["transition"].update(state="done", num_done=14, message="the target is reached")
        server.publish(state)
        wait_for_text(page.locator("#transition-state"), "done")
        assert page.locator(".floors li").count() == 0


def test_a_tile_opens_all_about_its_instance_and_follows_it(
    server: DashboardServer, open_page: Open
) -> None:
    server.logs["cpu-0.0-7"] = ["ready at port 40100", "batch of 4 in 12.1 ms"]
    page = open_page(server.url)
    tile(page, "cpu-0", 0).click()
    drawer = page.locator("#instance")
    wait_for_text(drawer, "batch of 4 in 12.1 ms")
    said = drawer.inner_text()
    for value in ("cpu-0.0-7", "CPU-cpu-0-0", "quota", "49.0 requests/s", "4100", "40100"):
        assert value in said
    state = one_gpu()
    state["devices"][0]["instances"][0].update(
        instance="cpu-0.0-8", phase="backing_off", num_restarts=3, message="exit code 2"
    )
    server.publish(state)
    wait_for_text(drawer, "backing off")
    assert "exit code 2" in drawer.inner_text()
    wait_for_text(drawer, "has no log")
    state["devices"][0]["instances"] = [instance("cpu-0", 4, 2, "vision")]
    server.publish(state)
    wait_for_text(drawer, "This instance is gone")


def test_services_that_are_suspended_stale_or_forecast_say_so(open_page: Open) -> None:
    with serving(eight_gpus()) as server:
        page = open_page(server.url)
        wait_for_text(row(page, "rank-batch"), "suspended")
        wait_for_text(row(page, "search"), "measurement stale")
        wait_for_text(row(page, "speech"), "forecast 64.0 ± 8 %")
        wait_for_text(row(page, "speech"), "below its floor")


def test_the_token_is_asked_for_once_a_tab(open_page: Open) -> None:
    with serving(one_gpu(), token=_TOKEN) as server:
        page = open_page(server.url)
        page.wait_for_selector("#token[open]")
        page.fill("#token-text", "guess")
        page.press("#token-text", "Enter")
        wait_for_text(page.locator("#token-wrong"), "That was not the token.")
        page.fill("#token-text", _TOKEN)
        page.press("#token-text", "Enter")
        connection(page, "live")
        page.reload()
        connection(page, "live")
        assert page.locator(".tile").count() == 4
        assert page.evaluate("localStorage.length") == 0


def test_the_address_of_a_service_is_copied(server: DashboardServer, open_page: Open) -> None:
    page = open_page(server.url, permissions=["clipboard-read", "clipboard-write"])
    row(page, "search").get_by_role("button").click()
    wait_for_text(row(page, "search"), "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "http://127.0.0.1:8102"


def test_a_machine_without_services_says_what_to_do(open_page: Open) -> None:
    state = one_gpu()
    state["services"], state["devices"][0]["instances"] = [], []
    with serving(state) as server:
        page = open_page(server.url)
        page.locator("#no-services").wait_for()
        assert "heddle apply" in page.locator("#no-services").inner_text()
        state["services"] = [service("late")]
        server.publish(state)
        row(page, "late").wait_for()
        assert page.locator("#no-services").is_hidden()
