"""The dashboard on a real daemon: what it says is what runs, also after the daemon was killed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from one_machine import Machine, kill, machine_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that serves one service."""
    with machine_in(tmp_path) as made:
        made.up()
        made.must("apply", made.workload("day", {"nap": 30}))
        yield made


def test_it_shows_what_runs_and_survives_the_death_of_the_daemon(
    machine: Machine, open_page: Open
) -> None:
    page = open_page(f"http://127.0.0.1:{machine.port}/")
    page.wait_for_selector('body[data-connection="live"]')
    page.wait_for_selector('.tile[data-phase="ready"]')
    row = page.locator('tr[data-service="nap"]')
    (one,) = machine.instances()
    address = row.locator("code").get_attribute("title")
    assert address == machine.service("nap")["url"]
    page.locator("#transition-state", has_text="done").wait_for()
    # 1. All about the instance, and its log.
    page.locator(".tile").click()
    drawer = page.locator("#instance")
    assert one["instance"] in drawer.inner_text()
    drawer.locator("h3 .minor", has_text=".log").wait_for()
    page.keyboard.press("Escape")
    # 2. Requests are seen.
    with machine.load("nap", 20, 2):
        row.locator(".rate b").filter(has_text=re.compile("[1-9]")).wait_for()
    # 3. The daemon dies; the page says so, and shows the next one by itself.
    kill(machine.status()["daemon"]["pid"])
    page.wait_for_selector('body[data-connection="lost"]')
    machine.up()
    page.wait_for_selector('body[data-connection="live"]')
    page.locator("#event-rows li", has_text="daemon.started").nth(1).wait_for()
    assert page.locator('.tile[data-phase="ready"]').count() == 1
    assert machine.instances()[0]["pid"] == one["pid"]


def test_a_daemon_that_requires_its_token_is_opened_with_it(
    tmp_path: Path, open_page: Open
) -> None:
    with machine_in(tmp_path) as machine:
        machine.must("up", "--detach", "--port", machine.port, "--require-token")
        page = open_page(f"http://127.0.0.1:{machine.port}/")
        page.wait_for_selector("#token[open]")
        page.fill("#token-text", (machine.state / "token").read_text())
        page.press("#token-text", "Enter")
        page.wait_for_selector('body[data-connection="live"]')
        page.locator(".gpu-name", has_text="cpu-0").wait_for()
