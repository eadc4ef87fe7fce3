"""Dead letters of the store are those that were written."""

from __future__ import annotations

import base64

from callgauge.codec import decode_call, encode
from callgauge.schema import Call, DeadLetter
from callgauge.structs import struct_of
from callgauge_history.store import Store
from callgauge_sinks.dead.resend import Resend
from callgauge_sinks.dead.selection import LetterId, Selection, groups_of
from callgauge_sinks.dead.stored import StoredLetters, literal, stored_ids
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows, dead_letter_rows
from tests.unit.sinks.fakes import FakeMessage


def letter(offset: int, reason: str, topic: str = "llm.calls") -> DeadLetter:
    raw, ts = base64.b64encode(b"{%d" % offset).decode(), 1_700_000_000.125 + offset
    return DeadLetter(topic=topic, partition=0, offset=offset, ts=ts, reason=reason, field="f'\\", size=2, raw=raw)


LETTERS = [
    letter(1, "byte 12 of it's\\"),
    letter(2, "byte 3 of it's\\"),
    letter(300, "other"),
    letter(1, "x", "llm.scores"),
]


def insert(store: Store) -> None:
    struct = struct_of(DeadLetter)
    records = [Record(struct(**found.model_dump()), FakeMessage(None)) for found in LETTERS]
    for _ in range(2):
        store.insert("dead_letters", dead_letter_rows(records)["dead_letters"])


def test_groups_are_those_of_the_topic(store: Store) -> None:
    """ClickHouse counts as `groups_of` does."""
    insert(store)
    assert StoredLetters(store.query).groups() == groups_of(LETTERS)


def test_letters_read_back(store: Store) -> None:
    """Whole, the earliest first, each once; chosen by everything that can be given."""
    insert(store)
    letters = StoredLetters(store.query)
    assert list(letters.letters(Selection(topic="llm.calls"))) == LETTERS[:3]
    chosen = Selection(
        reason="f'\\: byte", since=LETTERS[0].ts, until=LETTERS[1].ts, ids=frozenset({LetterId("llm.calls", 0, 1)})
    )
    assert list(letters.letters(chosen)) == LETTERS[:1]
    assert [found.offset for found in letters.heads(Selection(since=LETTERS[2].ts))] == [300]
    assert list(letters.letters(Selection(reason="nothing like it"))) == []


def test_which_events_are_stored(store: Store) -> None:
    """By their ids, whatever these hold."""
    call = Call(event_id="it's\\", ts=1_700_000_000.5, service="s", model="m")
    store.insert("calls", call_rows([Record(decode_call(encode(call)), FakeMessage(b""))])["calls"])
    place = LetterId("llm.calls", 0, 1)
    events = [Resend("llm.calls", 0, None, b"", event_id, call.ts, place) for event_id in (call.event_id, "b", "")]
    assert stored_ids(store.query, "calls", events) == {call.event_id}
    assert stored_ids(store.query, "scores", events) == set()
    assert stored_ids(store.query, "alerts", events) == set()


def test_texts_in_sql(store: Store) -> None:
    """Come back as they were."""
    text = "it's \\ a \n\x1b \" test\\"
    assert store.query(f"SELECT {literal(text)}").rows == [[text]]
