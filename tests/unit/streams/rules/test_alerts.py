"""An alert says why, and can be sent whatever stands in labels, rules and events."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.codec import encode, read
from callgauge.schema import Alert
from callgauge.texts import joined, repaired
from callgauge_rules.alert_ids import fingerprint_of
from callgauge_rules.alerts import alert_of, ended, state_of
from callgauge_rules.lifecycle import State, Timing, held_until_ms, step
from callgauge_rules.rules import BoundRule, Rule
from callgauge_windows.grouping import GroupingSet
from callgauge_windows.totals import MeasureTotals, Totals

MINUTE_MS, WINDOW_MS = 60_000, 10_000
any_text = st.text(st.characters(exclude_categories=()), max_size=20)
surrogates = st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF, categories=["Cs"]), max_size=4)
texts = any_text | surrogates | st.builds("".join, st.lists(any_text | surrogates, max_size=4))


def bound(**fields: str) -> BoundRule:
    plain = {"name": "slow", "aggregate": "latency_p95_ms", "lookback": "5m", "value": "1000"}
    return BoundRule(Rule.model_validate(plain | fields), GroupingSet(("model",), WINDOW_MS))


def expected(text: str) -> str:
    """Another way to the same: JSON joins pairs, and what it leaves alone is replaced."""
    pairs_joined = json.loads(json.dumps(text))
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in pairs_joined)


@given(texts)
def test_a_repaired_text_is_utf_8(text: str) -> None:
    """Pairs of surrogates become one character, the others U+FFFD; repaired again nothing changes."""
    assert repaired(text) == expected(text)
    assert repaired(repaired(text)) == repaired(text)
    assert repaired(text).encode().decode() == repaired(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("\ud83d\udd25 busy", "\U0001f525 busy"),
        ("\ud83d busy", "\ufffd busy"),
        ("\udd25\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\udd25", "\ufffd\U0001f525"),
        ("früh \U0001f525\x00\n", "früh \U0001f525\x00\n"),
    ],
)
def test_repaired_texts(text: str, meant: str) -> None:
    assert repaired(text) == meant
    assert joined(text) == json.loads(json.dumps(text))


@given(st.dictionaries(texts, texts, max_size=3), texts, texts, texts, texts, texts)
def test_an_alert_can_always_be_sent(
    labels: dict[str, str], summary: str, runbook: str, reason: str, event_id: str, log: str
) -> None:
    """Made, encoded and read back, all its texts are the repaired ones."""
    rule = bound()
    broken = rule.rule.model_copy(update={"summary": summary, "runbook": runbook})
    latency = MeasureTotals(count=1, sum=5, max=5, max_event_id=event_id)
    totals = Totals(Counter(n=1), measures={"latency": latency})
    state = State("firing", 20_000, 10_000, 1, 20_000, 20_000, 20_000)
    alert = alert_of(BoundRule(broken, rule.grouping), labels, state, 5.0, totals, reason=reason, log=log)
    sent = read(Alert, encode(alert))
    assert sent == alert
    assert sent.labels == {expected(label): expected(name) for label, name in labels.items()}
    assert sent.summary.startswith(expected(f"{summary}: " if summary else "latency_p95_ms of "))
    assert (sent.runbook, sent.reason) == (expected(runbook), expected(reason))
    assert (sent.event_id, sent.log) == (expected(event_id), expected(log))
    assert sent.fingerprint == fingerprint_of("slow", labels)
    assert state_of(sent, log).offset == state.offset
    over = ended(alert, 30_000, 7, reason)
    assert read(Alert, encode(over)) == over
    assert over.reason == expected(reason)


HOUR = Timing(for_ms=30_000, cooldown_ms=3_600_000)
FIRED_MS = 1_700_000_000_000


def pending_after(ms: int, timing: Timing) -> State:
    """Pending since so long after it fired."""
    resolved = State("inactive", FIRED_MS + WINDOW_MS, FIRED_MS, 2, FIRED_MS, FIRED_MS, FIRED_MS)
    return step(resolved, timing, True, FIRED_MS + ms)


def test_held_until_the_cooldown_is_over() -> None:
    """Only if it lasts longer than `for`, and only an episode that has not fired."""
    cooled_ms = FIRED_MS + 3_600_000
    assert held_until_ms(pending_after(2 * MINUTE_MS, HOUR), HOUR) == cooled_ms
    assert held_until_ms(pending_after(3_600_000 - 30_001, HOUR), HOUR) == cooled_ms
    assert held_until_ms(pending_after(3_600_000 - 30_000, HOUR), HOUR) is None
    assert held_until_ms(step(State(), HOUR, True, FIRED_MS), HOUR) is None
    assert held_until_ms(State("firing", 9, 5, 1, 9, 9, 9), HOUR) is None


def reason_of(state: State, given: str = "", **fields: str) -> str:
    fields = {"for": "30s", "cooldown": "1h"} | fields
    return alert_of(bound(**fields), {"model": "a"}, state, 5.0, Totals(Counter(n=1)), reason=given).reason


def test_a_pending_alert_says_that_its_cooldown_holds_it_back() -> None:
    """From the start, since `for` is over first; beside what else caused the transition."""
    pending, held = pending_after(2 * MINUTE_MS, HOUR), "held back by its cooldown until 2023-11-14 23:13:20 UTC"
    assert reason_of(pending) == held
    assert reason_of(pending, "a late row changed the window") == f"a late row changed the window; {held}"
    assert reason_of(pending_after(3_600_000, HOUR)) == ""
    assert reason_of(pending, cooldown="0s") == ""
    assert reason_of(pending, "a late row changed the window", cooldown="0s") == "a late row changed the window"


def test_an_alert_that_ended_while_held_back_says_so() -> None:
    """If its `for` was over; otherwise it has not held for long enough."""
    pending = pending_after(2 * MINUTE_MS, HOUR)
    early = step(pending, HOUR, False, pending.at_ms + 30_000)
    late = step(pending, HOUR, False, pending.at_ms + 40_000)
    assert reason_of(early) == "ended before it had held for 30s"
    assert reason_of(late) == "ended while it was held back by its cooldown until 2023-11-14 23:13:20 UTC"
    assert reason_of(late, cooldown="0s") == "ended before it had held for 30s"
