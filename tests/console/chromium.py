"""A real Chromium, driven by Playwright: Debian's package `chromium`. With CI=true a missing one is a failure."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from tests.brokers import in_ci

__all__ = ["AXE", "Faults", "browser", "open_page", "show"]

#: axe-core, which judges whether a page can be used by everybody.
AXE = Path(__file__).parent / "axe" / "axe.min.js"
_PROGRAM = "/usr/bin/chromium"
_LOAD_MS = 30_000


@contextmanager
def browser() -> Iterator[Browser]:
    """One Chromium; skips the test, or fails it in CI, where there is none."""
    program = _PROGRAM if Path(_PROGRAM).exists() else shutil.which("chromium")
    if program is None:
        told = "there is no Chromium: apt-get install chromium"
        if in_ci():
            pytest.fail(told)
        pytest.skip(told)
    with sync_playwright() as playwright:
        # Root, as in containers, has no sandbox; and their /dev/shm is small.
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield started
        started.close()


class Faults(list[str]):
    """What a page's console said, what it raised, and what it could not load."""

    def watch(self, page: Page) -> None:
        """Take note of it."""
        page.on("console", lambda message: self._add("console", message.text, message.type in ("error", "warning")))
        page.on("pageerror", lambda error: self._add("raised", str(error)))
        page.on("requestfailed", lambda request: self._add("failed", request.url, not _is_aborted(request)))
        page.on("dialog", self._refuse)

    def _refuse(self, dialog: Dialog) -> None:
        self._add("dialog", dialog.message)
        dialog.dismiss()

    def _add(self, kind: str, text: str, counts: bool = True) -> None:
        if counts:
            self.append(f"{kind}: {text[:300]}")


def _is_aborted(request: Any) -> bool:
    """The page itself ends requests of which it needs no answer any more."""
    return "ERR_ABORTED" in (request.failure or "")


@contextmanager
def open_page(
    started: Browser, url: str, faults: Faults, theme: str = "light", width: int = 1_440, height: int = 900
) -> Iterator[Page]:
    """A page of its own, with nothing remembered."""
    phone = width < 600
    context = started.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id="Europe/Berlin",
        locale="en-GB",
        has_touch=phone,
        reduced_motion="reduce",
    )
    page = context.new_page()
    faults.watch(page)
    yield page
    context.close()


def show(page: Page, address: str) -> None:
    """Go there, and wait until the page shows what it asked for."""
    page.goto(address)
    path = address.partition("?")[0]
    page.wait_for_selector(f"body[data-loaded={_quoted(path)}]", state="attached", timeout=_LOAD_MS)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
