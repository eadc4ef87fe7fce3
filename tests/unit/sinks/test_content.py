"""Prompts and answers are stored for a while, once each, and never end in a dead letter."""

from __future__ import annotations

import time

import msgspec

from callgauge.codec import decoder_of, encode
from callgauge.schema import Content
from callgauge.settings import load_settings
from callgauge_history.retention import keep
from callgauge_history.store import Store
from callgauge_intake.consumer import Intake
from callgauge_sinks.records import Record
from callgauge_sinks.rows import content_rows
from callgauge_sinks.sink import Sink
from callgauge_sinks.specs import spec_of
from tests.unit.sinks.fakes import FakeConsumer, FakeLetterBox, FakeMessage, FakeStore, ManualClock
from tests.unit.sinks.test_rows import columns_of

CONTENT = Content(
    event_id="e1",
    trace_id="t1",
    ts=1_700_000_000.25,
    service="chat",
    labels={"model": "m"},
    prompt="write to [email]",
    response="ok",
    sample_rate=0.05,
    redactions={"email": 1},
    prompt_chars=24,
    response_chars=70_000,
    response_truncated=True,
)


def record(content: Content) -> Record:
    """Appended now: what is older than its time to live may vanish at any moment."""
    message = FakeMessage(b"", "llm.content", 0, 1, round(time.time() * 1e3))
    return Record(decoder_of(Content)(encode(content)), message)


def test_a_content_is_stored_as_it_is(store: Store) -> None:
    """Column for column; the same content twice is one row."""
    (table,) = content_rows([record(CONTENT)]).values()
    assert set(table.column_names) == columns_of(store, "content") == {*Content.model_fields, "appended_at"}
    for _ in range(2):
        store.insert("content", table)
    names = "event_id, labels['model'], prompt, response, sample_rate, redactions['email'], response_truncated"
    assert store.query(f"SELECT {names}, toString(ts) FROM content FINAL").rows == [
        ["e1", "m", "write to [email]", "ok", 0.05, 1, True, "2023-11-14 22:13:20.250"]
    ]


def test_the_time_to_live_is_the_setting(store: Store) -> None:
    """It is changed when the sinks start, and only when it differs."""

    def ttl() -> str:
        return str(store.query("SELECT engine_full FROM system.tables WHERE name = 'content'").rows[0][0])

    assert f"toIntervalDay({load_settings().content_days})" in ttl()
    keep(store, {"content": 3})
    assert "toIntervalDay(3)" in ttl()
    keep(store, {"content": 7})
    assert "toIntervalDay(7)" in ttl()


def test_an_unreadable_content_leaves_no_text_behind() -> None:
    """Its dead letter says where and why, and holds nothing of it: dead letters are kept for longer."""
    broken = msgspec.json.encode({"event_id": "e1", "prompt": "whisper", "ts": "x"})
    letters, store = FakeLetterBox(), FakeStore()
    consumer = FakeConsumer({0: [broken, encode(CONTENT)]}, "llm.content")
    intake = Intake(consumer, "llm.content", ManualClock())
    Sink(spec_of("content", load_settings()), intake, store, letters, clock=ManualClock()).step()
    (letter,) = letters.letters
    assert (letter.topic, letter.offset, letter.raw, letter.size) == ("llm.content", 0, "", len(broken))
    assert "whisper" not in letter.reason
    assert [row["event_id"] for row in store.tables["content"]] == ["e1"]
