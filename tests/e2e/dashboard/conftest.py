"""A real browser for the dashboard: Chromium as Debian packages it, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_DEADLINE_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file of tests; Playwright's event loop would be in the way of others."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install 'heddle-gpu[dev]'"
    )
    if CHROMIUM is None:
        pytest.skip("chromium is missing: scripts/provision-chromium installs it")
    with sync_api.sync_playwright() as playwright:
        # Without a sandbox, because tests also run as root; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return what opens an address; a script's error or a CSP violation fails the test."""
    faults: list[str] = []
    contexts = []

    def opened(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(_DEADLINE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if _is_fault(said.text) else None)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _is_fault(text: str) -> bool:
    return "Content Security Policy" in text or "Content-Security-Policy" in text
