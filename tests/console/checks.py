"""What holds of every page: it can be used by everybody, fits its window, runs nothing that a label says, and shows the
API's numbers."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page

from tests.console.chromium import AXE

__all__ = ["barriers", "check_numbers", "runs_nothing", "too_wide"]


def barriers(page: Page) -> list[str]:
    """What axe-core finds (WCAG 2.1 A and AA): a line for each rule, with the first element that breaks it."""
    # Evaluated by the debugger, which the page's policy does not concern.
    page.evaluate(AXE.read_text("utf-8"))
    wanted = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found: dict[str, Any] = page.evaluate("(wanted) => axe.run(document, wanted)", wanted)
    return [
        f"{each['id']}: {each['nodes'][0]['target']} {each['nodes'][0]['failureSummary'][:200]}"
        for each in found["violations"]
    ]


def too_wide(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth + 1"))


def runs_nothing(page: Page) -> bool:
    """Whether no label became an element or was run: the attempts would change the title or add elements."""
    found = page.evaluate(
        "() => document.querySelectorAll('main script, main img, main iframe, main object, [onerror], [onload],"
        ' [onmouseover], a[href^="javascript:"]\').length'
    )
    return found == 0 and "xss" not in page.title()


def check_numbers(page: Page, api: Any) -> list[str]:
    """Where figures and tables of the overview differ from what the API says for the same time."""
    wrong = []
    now = api["now"]
    shown = {
        tile.query_selector(".name").inner_text(): tile.query_selector(".value").inner_text()  # type: ignore[union-attr]
        for tile in page.query_selector_all(".tile")
    }
    expected = {
        "Calls": f"{now['calls']:,}",
        "Errors": _percent(now["error_rate"]),
        "Latency p95": _seconds(now["latency_p95_ms"]),
        "Cost": f"${now['cost_usd']:,.2f}",
    }
    for name, text in expected.items():
        if re.sub(r"\s", " ", shown.get(name, "")) != text:
            wrong.append(f"{name}: the page shows {shown.get(name)!r}, the API says {text!r}")
    return wrong


def _percent(share: float) -> str:
    """As the page writes a share: three digits."""
    return "0 %" if share == 0 else f"{share * 100:.{2 if share < 0.1 else 1}f} %"


def _seconds(ms: float) -> str:
    """As the page writes a duration of a second and more."""
    return f"{ms / 1e3:.{2 if ms < 9_995 else 1}f} s" if ms >= 999.5 else f"{ms:.0f} ms"
