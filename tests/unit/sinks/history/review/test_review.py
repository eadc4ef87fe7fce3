"""The weekly review of made-up weeks: what is told, on the page too, and what is not worth a line."""

from __future__ import annotations

import re
from typing import Any

import pytest

from callgauge.errors import SettingError
from callgauge_history.review.facts import Facts, facts_of
from callgauge_history.review.page import page_of
from callgauge_history.review.plots import plots_of
from callgauge_history.review.sections import sections_of, text_of
from callgauge_history.review.week import WEEK_MS, week_of
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls, store_scores, totals_range

DAY_S, WEEK_S = 86_400.0, 7 * 86_400.0
WEEK = week_of("2026-W46", 0)


def week_calls(start: float, **fields: Any) -> list[dict[str, Any]]:
    return totals_range(start + 60, 7 * 24, 2, **fields)


@pytest.fixture
def facts(store: Store) -> Facts:
    base = {"service": "chat", "model": "m", "prompt_version": "v1", "input_tokens": 10}
    before = week_calls(T0, **base, latency_ms=500.0, cost_usd=0.01) + week_calls(T0, service="same", model="m")
    now = week_calls(T0 + WEEK_S, **base, latency_ms=900.0, cost_usd=0.02)
    now += week_calls(T0 + WEEK_S + 30, **base | {"prompt_version": "v2"}, latency_ms=900.0, cost_usd=0.02)
    now += week_calls(T0 + WEEK_S, service="same", model="m")
    for number, call in enumerate(now):
        if call["service"] == "chat" and number % 8 == 0:
            call |= {"status": "error", "error_type": "timeout"}
    now.append({"end": T0 + WEEK_S + DAY_S, "service": "chat", "model": "<b>new</b>"})
    store_calls(store, before + now)
    store_scores(store, [{"ts": T0 + at * 600, "name": "s", "value": 5.0 - at % 2} for at in range(100)])
    store_scores(store, [{"ts": T0 + WEEK_S + at * 600, "name": "s", "value": 3.0 - at % 2} for at in range(100)])
    store.command(
        "INSERT INTO alerts (alert_id, fingerprint, seq, rule, severity, starts_at, at, fired_at) VALUES "
        "('a', 'f', 0, 'slow', 'warning', '2026-11-10', '2026-11-10', '2026-11-10'),"
        "('a', 'f', 1, 'slow', 'critical', '2026-11-10', '2026-11-10', '2026-11-10'),"
        "('b', 'f', 0, 'slow', 'warning', '2026-11-02', '2026-11-02', '2026-11-02')"
    )
    store.command(
        "INSERT INTO marks (mark_id, effective_from, text, service) VALUES ('m', '2026-11-11', 'm -> n', 'chat')"
    )
    return facts_of(store.query, WEEK)


def test_what_changed_is_told(facts: Facts) -> None:
    """Grew, slower, dearer, worse, new; of the service that stayed as it was nothing."""
    lines = {section.title: section.lines for section in sections_of(facts)}
    assert lines["Grew"] == ("chat m: calls 336 -> 672 (+100%)",)
    [slower] = lines["Slower"]
    told = re.fullmatch(r"chat m: latency p95 (\d+) ms -> (\d+) ms \(\+\d+%\)", slower)
    assert told
    assert [int(ms) for ms in told.groups()] == pytest.approx([500, 900], rel=0.011)
    assert lines["Dearer"] == ("chat m: cost per call $0.01 -> $0.02 (+100%)",)
    assert lines["Worse"] == ("chat m: error rate 0.00% -> 12.50%", "chat: score s 4.5 -> 2.5 (-44%)")
    assert lines["New"] == (
        "model <b>new</b> of chat: 1 calls since 2026-11-10",
        "prompt v2 of chat: 336 calls since 2026-11-09",
        "error timeout of chat: 84 calls since 2026-11-09",
    )
    assert lines["Marks"] == ("2026-11-11 chat: m -> n",)
    assert lines["Alerts"] == ("slow (critical): 1",)
    assert lines["In all"][0] == "calls: 672 -> 1,009 (+50%)"
    assert not any("same" in line for section in lines.values() for line in section)


def test_the_text_has_every_section(facts: Facts) -> None:
    """Also those that are empty."""
    text = text_of(facts)
    assert text.startswith("Week 2026-W46, from 2026-11-09, against the week before\n\nIn all\n  calls: 672 -> 1,009")
    empty = text_of(Facts(WEEK, facts.total))
    assert "Grew\n  nothing" in empty
    assert "Alerts\n  none fired" in empty


def test_the_page_holds_its_plots_and_no_markup_of_others(facts: Facts) -> None:
    """A PNG inside, names escaped."""
    plots = plots_of(facts)
    assert plots.startswith(b"\x89PNG")
    assert len(facts.hours) == 2 * 168
    page = page_of(facts, plots)
    assert "data:image/png;base64,iVBOR" in page
    assert "&lt;b&gt;new&lt;/b&gt;" in page
    assert "<b>" not in page


def test_a_week_without_calls(store: Store) -> None:
    """It says so, and can be drawn."""
    nothing = facts_of(store.query, week_of("2020-W01", 0))
    assert "In all\n  no calls" in text_of(nothing)
    assert plots_of(nothing)


@pytest.mark.parametrize("text", ["2026-48", "W48", "2026-W54", "2026-W00", "soon"])
def test_other_words_are_no_weeks(text: str) -> None:
    """What to write is told."""
    with pytest.raises(SettingError, match="--week"):
        week_of(text, 0)


def test_weeks_end_where_the_next_begins() -> None:
    """At the turn of the year too."""
    assert week_of("2026-W53", 0).end_ms == week_of("2027-W01", 0).start_ms
    assert week_of("last", WEEK.end_ms) == WEEK
    assert week_of("last", WEEK.end_ms + WEEK_MS - 1) == WEEK
