"""The page in a real Chromium, over a filled store: one browser for all tests."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page

from callgauge.keys.key_hash import hash_of, id_of, new_key
from callgauge.schema import Call
from callgauge_history.store import Store
from tests.console.checks import barriers, check_numbers, runs_nothing, too_wide
from tests.console.chromium import Faults, browser, open_page, show
from tests.console.fill import fill
from tests.console.pages import addresses
from tests.console.served import GROUPINGS, Served, serve
from tests.console.traffic import NASTY, Traffic, made_traffic

BUDGETS = "budgets: [{name: everyone, limit: 5, period: day}, {name: users, by: user_id, of: tokens, limit: 300000}]"


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return made_traffic(time.time(), calls=2_500)


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], Store], traffic: Traffic
) -> Iterator[Store]:
    opened = new_store(tmp_path_factory.mktemp("store") / "clickhouse")
    fill(opened, traffic, GROUPINGS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served(store: Store, traffic: Traffic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    budgets = tmp_path_factory.mktemp("budgets") / "budgets.yaml"
    budgets.write_text(BUDGETS)
    with serve(store, traffic.alerts, budgets_file=budgets) as console:
        yield console


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def faults() -> Iterator[Faults]:
    """What went wrong in the browser: nothing may."""
    found = Faults()
    yield found
    assert not found


@pytest.fixture
def page(chromium: Browser, served: Served, faults: Faults) -> Iterator[Page]:
    with open_page(chromium, served.url, faults) as opened:
        yield opened


def fixed(now: float, back_s: float = 3_600.0) -> str:
    """Parameters of a time that ends now: the page does not go on asking."""
    return between(now - back_s, now)


def between(since: float, until: float) -> str:
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (since, until)]
    return f"from={times[0]}&to={times[1]}"


def get(served: Served, path: str) -> httpx.Response:
    return httpx.get(f"{served.url}{path}", timeout=30)


def test_every_page_can_be_used(page: Page, served: Served) -> None:
    """It shows its data, fits the window, has no barrier that axe-core knows, and runs no label or tag."""
    for name, address in addresses(lambda path: get(served, path).json(), fixed(time.time())).items():
        show(page, address)
        assert not barriers(page), name
        assert not too_wide(page), name
        assert runs_nothing(page), name
        assert page.locator("main").inner_text().strip(), name


@pytest.mark.parametrize(("theme", "width"), [("dark", 1_440), ("light", 390)])
def test_other_looks(chromium: Browser, served: Served, faults: Faults, theme: str, width: int) -> None:
    """Dark, and on a phone: legible, and nothing is cut off."""
    with open_page(chromium, served.url, faults, theme, width, 844) as page:
        for address in ("/", "/alerts", "/rules", "/calls", "/user/user-01", "/pipeline"):
            show(page, f"{address}?{fixed(time.time())}")
            assert not barriers(page), address
            assert not too_wide(page), address


def test_numbers_are_the_apis(page: Page, served: Served) -> None:
    """Figures and table of the overview, for one and the same time."""
    of_time = fixed(time.time() - 600, 2_400)
    show(page, f"/?{of_time}")
    assert check_numbers(page, get(served, f"/v1/summary?{of_time}").json()) == []
    show(page, f"/services?{of_time}")
    shown = {
        row.locator("td").nth(0).inner_text(): row.locator("td").nth(2).inner_text()
        for row in page.locator("tbody tr").all()
    }
    rows = get(served, f"/v1/breakdown?by=service&{of_time}").json()["rows"]
    assert shown == {row["value"]: f"{row['totals']['calls']:,}" for row in rows}


def test_a_user_has_a_page(page: Page, served: Served) -> None:
    """Usage by day, figures, budgets, errors and latest calls, each as the API has them; reached from the table."""
    of_time = fixed(time.time() - 600, 2_400)
    show(page, f"/users?{of_time}")
    user = page.locator("tbody tr a.name").first.inner_text()
    page.get_by_role("link", name=user, exact=True).click()
    page.wait_for_selector(f"body[data-loaded='/user/{user}']", state="attached")
    summary = get(served, f"/v1/summary?user={user}&{of_time}").json()
    assert check_numbers(page, summary) == []
    budget = get(served, f"/v1/users/{user}/budget").json()
    assert page.locator(".badge", has_text="used up" if budget["decision"] == "hard" else "budget").count() >= 1
    days = page.locator(".chart", has=page.get_by_role("heading", name="Calls", exact=True))
    days.locator("summary").click()
    shown = {
        row.locator("td").nth(0).inner_text(): row.locator("td").nth(1).inner_text()
        for row in days.locator("tbody tr").all()
    }
    assert len(shown) == 30
    used = get(
        served, f"/v1/usage?user={user}&from={time.time() - 40 * 86_400:.0f}&to={of_time.partition('to=')[2]}"
    ).json()
    assert {day: text for day, text in shown.items() if text != "0"} == {
        row["start"]: f"{row['calls']:,}" for row in used["rows"]
    }
    calls = get(served, f"/v1/calls?user={user}&limit=12&{of_time}").json()["calls"]
    table = page.get_by_role("region", name="Calls", exact=True)
    assert table.locator("tbody tr").count() == len(calls)


def test_an_odd_user_has_a_page(page: Page, served: Served) -> None:
    """Of any name: what it says is text, and its own calls are shown. The plural leads there too."""
    for address in ("user", "users"):
        show(page, f"/{address}/{quote(NASTY['user_id'], safe='')}?{fixed(time.time())}")
        assert page.locator("h1").inner_text() == NASTY["user_id"]
        assert page.get_by_role("region", name="Calls", exact=True).locator("tbody tr").count() > 0
        assert page.locator("main svg[onload]").count() == 0


def test_alerts_are_on_every_chart(page: Page, served: Served) -> None:
    """From its left edge, if they began before the shown time; on an alert's own chart too, and marks beside them."""
    history = get(served, f"/v1/alerts?state=history&from={time.time() - 86_400:.0f}").json()["alerts"]
    [over] = [alert for alert in history if alert["rule"] == "hourly_cost"]  # of chat; it ended before others began
    of_time = between(over["fired_at"] + 300, over["ends_at"] + 800)
    for address in ("/", "/service/chat"):
        show(page, f"{address}?{of_time}")
        for chart in page.locator(".chart .plot").all():
            assert re.search(r"; 1 alert in this time", chart.get_attribute("aria-label") or ""), address
    show(page, f"/service/summaries?{of_time}")
    assert "alert" not in (page.locator(".chart .plot").first.get_attribute("aria-label") or "")
    assert "1 mark" in (page.locator(".chart .plot").first.get_attribute("aria-label") or "")
    [high] = [a for a in get(served, "/v1/alerts").json()["alerts"] if a["rule"] == "high_error_rate"]
    show(page, f"/alert/{high['alert_id']}")
    assert "1 alert in this time" in (page.locator(".chart .plot").get_attribute("aria-label") or "")


def test_labels_and_tags_are_text(page: Page, served: Served) -> None:
    """Names that try to be HTML, script or a link are shown letter by letter, and lead to their own page."""
    show(page, "/services")
    page.get_by_role("link", name=NASTY["service"]).click()
    page.wait_for_selector("h1:has-text('onerror')")
    assert page.locator("h1").inner_text() == NASTY["service"]
    assert runs_nothing(page) or "xss" in page.locator("h1").inner_text()
    odd = get(served, f"/v1/calls?limit=5&model={quote(NASTY['model'], safe='')}").json()["calls"]
    tagged = next(call for call in odd if call["tags"])
    show(page, f"/trace/{tagged['trace_id']}")
    page.get_by_role("button", name=tagged["model"]).first.click()
    assert f"span={tagged['event_id']}" in page.url
    for name in ("provider", "response_model", "prompt_version", "variant", "session_id"):
        assert page.locator("dd", has_text=NASTY[name]).count() == 1, name
    assert page.locator("dd :is(a[href^='javascript'], iframe, object, math, details)").count() == 0
    assert page.locator("dd", has_text=NASTY["tag"]).count() >= 1
    assert page.locator("dd b").count() == 0
    [slow] = [a for a in get(served, "/v1/alerts").json()["alerts"] if a["rule"] == "slow_model"]
    show(page, f"/alert/{slow['alert_id']}")
    assert page.locator("a", has_text="Runbook").count() == 0


def test_the_address_holds_the_state(page: Page) -> None:
    """Range, zone and order: whoever gets the link sees the same. All by keyboard."""
    show(page, "/models?range=24h&tz=local")
    assert page.locator("button[aria-pressed=true]").all_inner_texts() == ["24h", "Local"]
    page.get_by_role("button", name="Cost").focus()
    page.keyboard.press("Enter")
    assert "sort=cost.down" in page.url
    page.keyboard.press("Enter")
    assert "sort=cost.up" in page.url
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Cost")
    page.get_by_role("link", name="Services").click()
    page.wait_for_url("**/services?range=24h&tz=local")
    page.go_back()
    assert page.locator("h1").inner_text() == "Models"


def test_an_alert_is_acknowledged_and_silenced(page: Page, served: Served) -> None:
    """Buttons open a dialog that the keyboard can use; what was done is on the bus, and shown."""
    show(page, "/alerts")
    page.get_by_role("button", name="Acknowledge high_error_rate").click()
    page.get_by_label("Your name").fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="acknowledge").wait_for()
    page.locator("td", has_text="acknowledged").first.wait_for()
    assert [(done.action, done.who, done.how) for done in served.written] == [("acknowledge", "Ada", "api")]
    page.get_by_role("button", name="Silence slow_model").click()
    page.get_by_role("button", name="Silence", exact=True).last.click()
    page.locator("li", has_text="hides 1").wait_for()
    assert served.written[-1].action == "silence"
    page.get_by_role("button", name="End the silence").click()
    page.get_by_text("Nothing is silenced").wait_for()


def test_it_is_live(page: Page, served: Served) -> None:
    """A call that is stored comes to the page by itself; how soon is for tests/bench."""
    show(page, "/calls")
    at = time.time()
    call = Call(event_id=f"new{at}", ts=at - 1, service="brand-new", model="m", latency_ms=900.0)
    fill(served.store, Traffic([call], [], []), GROUPINGS)
    page.locator("td", has_text="brand-new").wait_for(timeout=20_000)


def test_what_to_do_is_told(page: Page) -> None:
    """Where there is nothing, where there is no such page."""
    show(page, "/services?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
    assert "Choose a longer time" in page.locator("main").inner_text()
    show(page, "/service/nobody")
    assert page.locator(".chart .none:not([hidden])").count() >= 1


def test_a_key_is_asked_for(chromium: Browser, store: Store, tmp_path: Path) -> None:
    """Where the console has keys; a wrong one is told, a right one opens it, and it is not in the address."""
    key = new_key()
    file = tmp_path / "keys.yaml"
    line = f"{{id: '{id_of(key)}', sha256: '{hash_of(key)}', name: ops, scopes: [read]}}"
    file.write_text(f"keys: [{line}]")
    with serve(store, keys=file) as console, open_page(chromium, console.url, Faults()) as page:
        page.clock.install()
        page.goto("/services")
        field = page.get_by_label("Key", exact=True)
        field.fill("cg_wrong")
        page.get_by_role("button", name="Use key").click()
        page.get_by_text("this key is not known").wait_for()
        field.fill(key)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.fast_forward(60_000)  # longer than until it asks again after other faults
        assert (asked, field.input_value()) == ([], key)
        page.get_by_role("button", name="Use key").click()
        page.get_by_role("link", name="chat").wait_for()
        assert "key: ops" in page.locator(".side-foot").inner_text()
        assert key not in page.url


def test_an_error_is_told_and_passes(page: Page, faults: Faults) -> None:
    """While the API fails the page says so and keeps what it has; it goes on by itself."""
    show(page, "/services")
    page.route("**/v1/breakdown*", lambda route: route.fulfill(status=503, json={"detail": "the history is away"}))
    page.get_by_text("the history is away").wait_for()
    assert page.get_by_role("link", name="chat").count() == 1
    page.unroute("**/v1/breakdown*")
    page.get_by_text("the history is away").wait_for(state="detached", timeout=20_000)
    faults[:] = [fault for fault in faults if "503" not in fault]
