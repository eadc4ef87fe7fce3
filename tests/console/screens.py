"""Pictures of every page on the demo's data, each with the checks that the tests make.

    make screens        -> build/screens/<page>-<theme>[-phone].png; the exit code is 0 only if every check held

It runs the demo's stack with budgets, replays its calls, adds scores and a mark, and drives Chromium over it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError

from callgauge import Gauge
from callgauge.schema import Call
from callgauge.settings import load_settings
from callgauge_deploy.demo import demo_calls, demo_opinions, demo_settings, settled
from callgauge_deploy.stack import LocalStack
from callgauge_load import replay, retime
from tests.console.checks import barriers, check_numbers, runs_nothing, too_wide
from tests.console.chromium import Faults, browser, open_page, show
from tests.console.pages import addresses

OUT = Path("build/screens")
LOOKS = [("light", 1_440, ""), ("dark", 1_440, ""), ("light", 390, "-phone"), ("dark", 390, "-phone")]
BUDGETS = """budgets:
  - {name: everything, limit: 900, period: day}
  - {name: services, by: service, limit: 400, period: day}
  - {name: models, by: model, of: tokens, limit: 60000000, period: day}
  - {name: users, by: user_id, limit: 250, period: day}
"""
_SPEED = 240.0
_STORED_S = 60.0


def main() -> int:
    """Make all pictures; returns the exit code."""
    OUT.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    with demo_stack() as url, browser() as started:
        for theme, width, suffix in LOOKS:
            wrong += pictures(started, url, theme, width, suffix)
    for line in wrong:
        print(f"wrong: {line}")
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}; {len(wrong)} checks failed")
    return 1 if wrong else 0


@contextmanager
def demo_stack() -> Iterator[str]:
    """The demo's stack with all its calls in it; gives the page's address."""
    with tempfile.TemporaryDirectory(prefix="callgauge-screens-") as folder:
        budgets = Path(folder) / "budgets.yaml"
        budgets.write_text(BUDGETS)
        settings = demo_settings(load_settings(budgets_file=budgets))
        with LocalStack(settings, data_dir=Path(folder) / "data", say=print, show_alert=print) as stack:
            calls = with_users(retime(demo_calls(), time.time() + 3_600 / _SPEED))
            result = replay(calls, stack.settings, speed=_SPEED, content_of=demo_opinions().content)
            judge(stack.info.api_url, calls)
            gauge = Gauge(stack.settings)
            gauge.mark("the provider swaps the models", at=time.time() - 1_800, service="llmdrift")
            gauge.close()
            settled(stack, result)
            trace_of(stack)
            yield stack.info.api_url


def with_users(calls: list[Call]) -> list[Call]:
    """The demo's calls know no users: each gets one of forty, a few of whom call most."""
    rng = random.Random(1)
    names = [f"user-{int(rng.paretovariate(0.9)) % 40:02d}" for _ in calls]
    return [call.model_copy(update={"user_id": name}) for call, name in zip(calls, names, strict=True)]


def trace_of(stack: LocalStack) -> None:
    """One trace of several steps, since the demo's calls have none; returns when it is stored and counted."""
    shared = {"service": "chat", "trace_id": "0af7651916cd43dd8448eb211c80319c"}
    at = time.time() - 5
    gauge = Gauge(stack.settings)
    gauge.emit(ts=at, span_id="a", operation="chain", name="answer question", latency_ms=2_400.0, **shared)
    gauge.emit(
        ts=at + 0.1, span_id="b", parent_span_id="a", operation="retrieval", name="search", latency_ms=420.0, **shared
    )
    gauge.emit(
        ts=at + 0.6, span_id="c", parent_span_id="a", model="gpt-4o", latency_ms=1_700.0, time_to_first_token_ms=310.0,
        input_tokens=1_840, output_tokens=212, cost_usd=0.0067, **shared,
    )  # fmt: skip
    gauge.close()
    trace = f"{stack.info.api_url}/v1/traces/{shared['trace_id']}"
    counted = f"{stack.info.api_url}/v1/summary?model=gpt-4o"
    deadline = time.monotonic() + _STORED_S
    # Its window is stored after it: a picture between the two would show other numbers than the API does then.
    while len(_json(trace).get("spans", ())) < 3 or _json(counted)["now"]["calls"] < 1:
        stack.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{trace}: the trace was not stored and counted within {_STORED_S:g} s")
        time.sleep(0.2)


def _json(address: str) -> Any:
    return httpx.get(address, timeout=60).json()


def judge(url: str, calls: list[Call]) -> None:
    """Some scores, as a heuristic would tell: whether an answer is short. Sent through the console itself."""
    scores = [
        {
            "name": "short_answer",
            "origin": "heuristic",
            "value": float((call.output_tokens or 0) < 20),
            "ts": call.ts + (call.latency_ms or 0.0) / 1e3,
            "event_id": call.event_id,
            "service": call.service,
            "labels": {"model": call.model},
        }
        for call in calls[::45]
    ]
    for at in range(0, len(scores), 500):
        httpx.post(f"{url}/v1/quality", json={"scores": scores[at : at + 500]}, timeout=60).raise_for_status()


def pictures(started: Browser, url: str, theme: str, width: int, suffix: str) -> list[str]:
    """One look at every page. Returns what is wrong, a line each."""
    wrong: list[str] = []
    with httpx.Client(base_url=url, timeout=60) as client:
        pages = addresses(lambda path: client.get(path).raise_for_status().json(), fixed())
        # The second half hour against the first: the demo's provider swapped its models there.
        pages["quality"] = f"/quality?service=llmdrift&{fixed(1_800)}"
        pages["experiments"] = f"/experiments?label=model&a=gpt-4&b=gpt-3.5-turbo&score=short_answer&{fixed()}"
        for name, address in pages.items():
            faults = Faults()
            with open_page(started, url, faults, theme, width, 844 if suffix else 900) as page:
                try:
                    show(page, address)
                except PlaywrightError as error:
                    wrong.append(f"{name}, {theme}{suffix}: {error.message.splitlines()[0]}")
                page.wait_for_timeout(150)
                page.screenshot(path=OUT / f"{name}-{theme}{suffix}.png", full_page=True)
                found = [*faults, *barriers(page)]
                found += ["wider than the window"] if too_wide(page) else []
                found += [] if runs_nothing(page) else ["a label was run"]
                if name == "overview":
                    found += check_numbers(page, client.get(f"/v1/summary?{address.partition('?')[2]}").json())
                wrong += [f"{name}, {theme}{suffix}: {line}" for line in found]
    return wrong


def fixed(back_s: float = 3_900.0) -> str:
    """The time up to now; a fixed one, so that the pictures show the same numbers as the API."""
    now = time.time()
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (now - back_s, now)]
    return f"from={times[0]}&to={times[1]}"


if __name__ == "__main__":
    sys.exit(main())
