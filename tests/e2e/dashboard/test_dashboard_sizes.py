"""The dashboard fits: a telephone and a wall, one GPU and five hundred; and it does little work."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dashboard_server import DashboardServer, serving
from dashboard_states import (
    device,
    eight_gpus,
    instance,
    many_gpus,
    one_gpu,
    service,
    status,
    transition,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
_LONG = "recommendation-ranker-with-a-name-that-nobody-can-remember-" * 4
_OUTSIDE = """() => {
    const right = (one) => one.getBoundingClientRect().right;
    const parts = "table, .gpu, .event-rows, .steps, .rate, .address";
    return [...document.querySelectorAll(".panel")]
        .filter((panel) => [...panel.querySelectorAll(parts)]
            .some((one) => right(one) > right(panel) + 1))
        .map((panel) => panel.id);
}"""
_COUNT = """() => {
    window.numTouched = 0;
    window.numPaints = 0;
    new MutationObserver((found) => { window.numTouched += found.length; window.numPaints += 1; })
        .observe(document.getElementById("gpu-grid"),
            { subtree: true, childList: true, attributes: true, characterData: true });
}"""


def live(server: DashboardServer, open_page: Open, **options: Any) -> Page:
    """Return the page once it shows tiles."""
    page = open_page(server.url, **options)
    page.wait_for_selector('body[data-connection="live"]')
    page.wait_for_selector(".tile", state="attached")
    return page


def with_long_names() -> dict[str, Any]:
    """Return eight GPUs on which one service has a name of 240 letters."""
    state = eight_gpus()
    state["services"].append(service(_LONG, model=_LONG, url=f"http://{_LONG[:60]}.example:8101"))
    for one in state["devices"][2]["instances"]:
        one["service"] = _LONG
    state["transition"]["floors"][_LONG] = 20.0
    state["daemon"]["state_folder"] = "/srv/" + _LONG
    return state


@pytest.mark.parametrize("width", [380, 700, 900, 1281, 1400, 2200])
@pytest.mark.parametrize("state", [one_gpu, with_long_names])
def test_nothing_is_wider_than_the_window(
    open_page: Open, state: Callable[[], dict[str, Any]], width: int
) -> None:
    with serving(state()) as server:
        server.tell("instance.died", _LONG, reason=_LONG, service=_LONG, instance=_LONG)
        page = live(server, open_page, viewport={"width": width, "height": 900})
        page.locator("#event-rows li").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(_OUTSIDE) == []


def test_a_narrow_page_keeps_every_figure_readable(open_page: Open) -> None:
    with serving(eight_gpus()) as server:
        page = live(server, open_page, viewport={"width": 380, "height": 800})
        row = page.locator('tr[data-service="search"]')
        labels = row.locator("td").evaluate_all("(cells) => cells.map((one) => one.dataset.label)")
        assert labels == ["Rate", "p99", "In time", "Ready", "Address"]
        sizes = page.evaluate("""() => [...document.querySelectorAll("main *")]
            .filter((one) => one.childElementCount === 0 && one.textContent.trim() !== ""
                && one.getClientRects().length > 0)
            .map((one) => parseFloat(getComputedStyle(one).fontSize))""")
        assert min(sizes) >= 9
        page.locator(".tile").first.click()
        drawer = page.locator("#instance").bounding_box()
        assert drawer is not None
        assert drawer["width"] <= 380


def test_one_gpu_fills_the_width_and_names_its_instances(open_page: Open) -> None:
    with serving(one_gpu()) as server:
        page = live(server, open_page)
        whole = page.locator(".slots").bounding_box()
        frame = page.locator("#gpus").bounding_box()
        assert whole is not None
        assert frame is not None
        assert whole["width"] > 0.9 * frame["width"]
        first = page.locator(".tile").first
        box = first.bounding_box()
        assert box is not None
        assert box["width"] == pytest.approx(whole["width"] / 4, abs=3)
        assert first.locator(".tile-minor").inner_text() == "2c · batch 4 · 49.0/s"


def test_five_hundred_gpus_are_all_there_and_a_state_touches_what_differs(open_page: Open) -> None:
    state = many_gpus(500)
    with serving(state) as server:
        page = live(server, open_page)
        assert page.locator(".tile").count() == 3500
        page.evaluate(_COUNT)
        # 1. The same GPUs again: nothing is touched.
        state["services"][0]["arrived_rps"] = 61.7
        server.publish(state)
        page.locator("tr", has_text="61.7 arrived").wait_for()
        assert page.evaluate("window.numTouched") == 0
        # 2. One instance is another: its tile, and no other.
        changed = copy.deepcopy(state)
        one = changed["devices"][321]["instances"][3]
        one["phase"] = "failed" if one["phase"] == "ready" else "ready"
        server.publish(changed)
        tile = f'.tile[data-gpu="{one["gpu"]}"][data-start="3"][data-phase="{one["phase"]}"]'
        page.wait_for_selector(tile, state="attached")
        assert 0 < page.evaluate("window.numTouched") <= 6


def test_states_that_come_faster_than_frames_are_painted_once_a_frame(open_page: Open) -> None:
    state = many_gpus(120)
    with serving(state) as server:
        page = live(server, open_page)
        page.evaluate("""() => {
            const asked = window.requestAnimationFrame;
            window.numAsked = 0; window.numOpen = 0; window.mostOpen = 0;
            window.requestAnimationFrame = (paint) => {
                window.numAsked += 1; window.numOpen += 1;
                window.mostOpen = Math.max(window.mostOpen, window.numOpen);
                return asked((now) => { window.numOpen -= 1; paint(now); });
            };
        }""")
        for number in range(30):
            state["services"][0]["arrived_rps"] = 100.0 + number
            server.publish(state)
        page.locator("tr", has_text="129 arrived").wait_for()
        assert 1 <= page.evaluate("window.numAsked") <= 30
        assert page.evaluate("window.mostOpen") == 1


def test_thousands_of_steps_are_a_list_of_the_nearest(open_page: Open) -> None:
    state = eight_gpus()
    state["transition"] = transition(3000, 1000)
    with serving(state) as server:
        page = live(server, open_page)
        page.locator(".steps li").first.wait_for()
        assert page.locator(".steps li").count() == 200
        assert page.locator(".steps li").first.get_attribute("data-state") == "running"
        assert "and 1,800 steps more" in page.locator("#transition").inner_text()


def test_a_gpu_that_is_one_slot_names_what_is_on_it(open_page: Open) -> None:
    whole = instance("nvidia-0", 0, 1, "vision", profile="whole")
    state = status([device("nvidia-0", [whole], num_units=1)], [service("vision")])
    with serving(state) as server:
        page = live(server, open_page)
        assert page.locator(".tile-name").is_visible()
        assert page.locator(".tile-code").is_hidden()
