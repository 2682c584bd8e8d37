"""The dashboard is for every user: by keyboard, by ear, in the dark, and whatever names say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from dashboard_server import DashboardServer, serving
from dashboard_states import device, eight_gpus, instance, service, status

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
_EVIL = '<img src=x onerror="window.harm=1">\'"&<script>window.harm=1</script>'
_FOCUSED = "document.activeElement"


@pytest.fixture
def server() -> Iterator[DashboardServer]:
    """A scripted daemon of eight GPUs."""
    with serving(eight_gpus()) as made:
        yield made


def opened(server: DashboardServer, open_page: Open, **options: object) -> Page:
    """Return the page once it is live."""
    page = open_page(server.url, **options)
    page.wait_for_selector('body[data-connection="live"] .tile')
    return page


def focused(page: Page, what: str) -> str:
    """Return something of the element that has the focus."""
    return str(page.evaluate(f"{_FOCUSED}.{what}"))


def test_tab_reaches_every_control_once_and_in_the_order_of_the_page(
    server: DashboardServer, open_page: Open
) -> None:
    server.tell("instance.died", "one", service="search")
    page = opened(server, open_page)
    page.locator("#event-rows li").first.wait_for()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page, "tagName") == "BODY":
            break
        seen.append(focused(page, "id") or focused(page, "className"))
    buttons = ["button small"] * 4
    legend = ["legend-item"] * 4
    rail = ["with-done", "steps", "event-service", "event-kind", "event-rows"]
    assert seen == ["skip", "theme", *buttons, "find", *legend, "tile", *rail]


def test_whatever_has_the_focus_shows_it(server: DashboardServer, open_page: Open) -> None:
    page = opened(server, open_page)
    for _ in range(16):
        page.keyboard.press("Tab")
        style = page.evaluate(f"getComputedStyle({_FOCUSED}).outlineStyle")
        assert style == "solid", focused(page, "outerHTML")


def test_arrow_keys_walk_over_the_tiles_and_enter_opens_one(
    server: DashboardServer, open_page: Open
) -> None:
    page = opened(server, open_page)
    page.locator('.tile[tabindex="0"]').focus()
    at = "dataset.gpu + ':' + document.activeElement.dataset.start"
    path = [focused(page, at)]
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "End", "ArrowRight", "Home", "ArrowLeft"):
        page.keyboard.press(key)
        path.append(focused(page, at))
    assert path[:2] == ["cpu-0:0", "cpu-0:4"]
    assert path[2].startswith("cpu-2:")
    assert path[3].startswith("cpu-0:")
    assert path[4:] == ["cpu-7:6", "cpu-7:6", "cpu-0:0", "cpu-0:0"]
    assert page.locator('.tile[tabindex="0"]').count() == 1
    page.keyboard.press("Enter")
    page.locator("#instance[open]").wait_for()
    assert page.evaluate("document.getElementById('instance').contains(document.activeElement)")
    page.keyboard.press("Escape")
    page.locator("#instance").wait_for(state="hidden")
    assert focused(page, at) == "cpu-0:0"


def test_the_focus_stays_where_it_is_while_states_come(
    server: DashboardServer, open_page: Open
) -> None:
    page = opened(server, open_page)
    page.locator(".tile").nth(5).focus()
    before = focused(page, "ariaLabel")
    state = eight_gpus()
    state["services"][0]["arrived_rps"] = 43.2
    state["devices"][1]["instances"][0]["phase"] = "draining"
    server.publish(state)
    page.locator("tr", has_text="43.2 arrived").wait_for()
    assert focused(page, "ariaLabel") == before


def test_the_skip_link_leads_to_the_services(server: DashboardServer, open_page: Open) -> None:
    page = opened(server, open_page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page, "id") == "services"


def test_new_events_are_read_out_and_old_ones_are_not(
    server: DashboardServer, open_page: Open
) -> None:
    server.tell("instance.died", "long ago", service="search")
    page = opened(server, open_page)
    said = page.locator("#announcer")
    assert said.get_attribute("aria-live") == "polite"
    server.tell("instance.died", "vision died", service="vision")
    said.filter(has_text="vision died").wait_for(state="attached")
    assert "long ago" not in said.inner_text()
    assert page.locator("#connection").get_attribute("role") == "status"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_system_until_the_switch_is_used(
    server: DashboardServer, open_page: Open, scheme: str
) -> None:
    page = opened(server, open_page, color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(244, 245, 247)", "rgb(13, 16, 21)"
    assert page.evaluate(ground) == (dark if scheme == "dark" else light)
    theme = page.locator("#theme")
    theme.click()
    assert theme.inner_text() == "Theme: light"
    assert page.evaluate(ground) == light
    theme.click()
    page.reload()
    page.wait_for_selector(".tile")
    assert theme.inner_text() == "Theme: dark"
    assert page.evaluate(ground) == dark


def test_names_are_text_whatever_they_contain(open_page: Open) -> None:
    evil = service(_EVIL, model=_EVIL, url=_EVIL)
    move = {
        "id": _EVIL, "state": "running", "message": _EVIL, "begun_unix_s": 1.0, "num_steps": 1,
        "num_done": 0, "makespan_s": 1.0, "floors": {_EVIL: 3.0},
        "steps": [
            {"id": 0, "move": 0, "action": "start", "gpu": _EVIL, "start": 0, "profile": _EVIL,
             "service": _EVIL, "state": "running", "after": []},
        ],
    }  # fmt: skip
    bad = instance(_EVIL, 0, 2, _EVIL, message=_EVIL, uuid=_EVIL, instance=_EVIL)
    state = status([device(_EVIL, [bad], description=_EVIL)], [evil], transition=move)
    with serving(state) as server:
        server.logs[_EVIL] = [_EVIL]
        server.tell(_EVIL, _EVIL, reason=_EVIL, service=_EVIL, instance=_EVIL)
        page = open_page(server.url)
        page.locator(".tile").click()
        page.locator("#instance pre", has_text="window.harm").wait_for()
        server.tell("x.y", _EVIL, service=_EVIL)
        page.locator("#announcer", has_text="window.harm").wait_for(state="attached")
        assert page.evaluate("window.harm") is None
        assert page.locator("img, body script").count() == 0
        assert page.locator("strong.name").inner_text() == _EVIL


def test_a_service_looks_the_same_in_every_order_and_unlike_all_others(
    server: DashboardServer, open_page: Open
) -> None:
    page = opened(server, open_page)
    looks = page.evaluate("""async () => {
        const { Palette } = await import("/static/palette.js");
        const names = Array.from({ length: 72 }, (_, number) => `service-${number * 7}`);
        const [one, other] = [new Palette(), new Palette()];
        one.learn(names);
        other.learn([...names].reverse());
        return names.map((name) => [one.look(name), other.look(name)]);
    }""")
    assert all(here == there for here, there in looks)
    assert len({(look["colour"], look["texture"]) for look, _ in looks}) == 72
    assert len({look["code"] for look, _ in looks}) == 72


def test_choosing_a_service_fades_the_tiles_of_others(
    server: DashboardServer, open_page: Open
) -> None:
    page = opened(server, open_page)
    button = page.get_by_role("button", name="Highlight search, 10 instances")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator(".tile:not([data-dim])").count() == 10
    button.click()
    assert page.locator(".tile[data-dim]").count() == 0
    page.fill("#find", "cpu-3")
    assert page.locator(".gpu").count() == 1
    page.fill("#find", "no such thing")
    assert page.locator("#no-gpus").inner_text() == "Nothing is called so."
