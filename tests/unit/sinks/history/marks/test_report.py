"""Marks are stored from the topic of rules, and compare before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callgauge.errors import DecodeError
from callgauge_history.marks.report import mark_report
from callgauge_history.marks.stored import NoSuchMark, find_mark, stored_marks
from callgauge_history.store import Store
from callgauge_sinks.marks import decode_rules, mark_rows
from callgauge_sinks.records import Record
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.made_calls import T0, store_calls, store_scores, totals_range

GOLDEN = Path(__file__).parents[4] / "golden" / "mark.json"
HOUR_MS, T0_MS = 3_600_000, int(T0 * 1000)


def store_marks(store: Store, *marks: dict[str, Any]) -> None:
    values = [json.dumps({"kind": "mark", "text": "t", "service": "chat", **mark}).encode() for mark in marks]
    records = [Record(decode_rules(value), FakeMessage(value)) for value in values]
    store.insert("marks", mark_rows(records)["marks"])


def test_the_golden_mark_is_stored(store: Store) -> None:
    """Every field has its column."""
    value = GOLDEN.read_bytes()
    store.insert("marks", mark_rows([Record(decode_rules(value), FakeMessage(value))])["marks"])
    sent = json.loads(value)
    columns = "mark_id, toUnixTimestamp(effective_from), text, service, labels, author, url, schema_version"
    assert store.query(f"SELECT {columns} FROM marks_final").rows == [
        [sent[name] for name in ("mark_id", "effective_from", "text", "service", "labels", "author", "url")] + [1]
    ]


def test_other_records_of_the_topic_are_passed_over() -> None:
    """Rule sets, and tombstones; what is no JSON is told."""
    assert decode_rules(None) is None
    rules = (GOLDEN.parent / "rule_set.json").read_bytes()
    records = [Record(decode_rules(value), FakeMessage(value)) for value in (rules, None)]
    assert mark_rows(records) == {}
    for wrong in (b"{", b'{"kind": "mark"}', b'{"kind": "other"}'):
        with pytest.raises(DecodeError):
            decode_rules(wrong)


def test_marks_are_found(store: Store) -> None:
    """By the beginning of their id; those of a service with everybody's, the newest first."""
    everybodys, others = {"service": "", "effective_from": T0 + 5}, {"service": "other", "effective_from": T0 + 9}
    store_marks(store, {"mark_id": "aa1", "effective_from": T0})
    store_marks(store, {"mark_id": "ab2", **everybodys}, {"mark_id": "ac3", **others})
    assert find_mark(store.query, "ab").text == "t"
    found = stored_marks(store.query, T0_MS, T0_MS + 60_000, "chat")
    assert [mark.mark_id for mark in found] == ["ab2", "aa1"]
    for name, why in (("a", "several"), ("zz", "no stored mark"), ("", "several")):
        with pytest.raises(NoSuchMark, match=why):
            find_mark(store.query, name)


def test_before_and_after(store: Store) -> None:
    """Dearer, slower, worse scores; other services and other hours do not matter."""
    for start, cost, latency, score in ((T0, 0.01, 500.0, 5.0), (T0 + 3_600, 0.02, 900.0, 3.0)):
        store_calls(store, totals_range(start + 1, 1, 100, cost_usd=cost, latency_ms=latency))
        store_scores(store, [{"ts": start + at, "name": "s", "value": score + at % 2} for at in range(50)])
    store_calls(store, totals_range(T0 + 3_600, 1, 50, service="other", cost_usd=9.0))
    store_marks(store, {"mark_id": "m", "effective_from": T0 + 3_600})
    found = mark_report(store.query, find_mark(store.query, "m"), HOUR_MS, T0_MS + 3 * HOUR_MS)
    assert (found.calls_a, found.calls_b) == (100, 100)
    assert {each.name: each.comparison.shift for each in found.beside} == {
        "cost": pytest.approx(0.01), "latency": pytest.approx(400.0)
    }  # fmt: skip
    assert [(each.name, each.mean_a, each.mean_b) for each in found.scores] == [("s", 5.5, 3.5)]
    half = mark_report(store.query, find_mark(store.query, "m"), HOUR_MS, T0_MS + 3 * HOUR_MS // 2)
    assert (half.before.from_ms, half.after.to_ms) == (T0_MS + HOUR_MS // 2, T0_MS + 3 * HOUR_MS // 2)
    with pytest.raises(NoSuchMark, match="lies in the future"):
        mark_report(store.query, find_mark(store.query, "m"), HOUR_MS, T0_MS)
