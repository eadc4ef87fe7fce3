"""Scanning calls gives the rows and dead letters that decoding them one by one gives."""

from __future__ import annotations

import json
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.codec import decode_calls, encode
from callgauge.schema import Call
from callgauge_history.store import Store
from callgauge_sinks.building import reading
from callgauge_sinks.call_reading import read_calls
from callgauge_sinks.call_scan import CHOICES, FLAGS, NUMBERS, TEXTS, scan_calls
from callgauge_sinks.records import Batch
from callgauge_sinks.rows import call_rows
from tests.random_calls import random_call, random_calls
from tests.unit.sinks.fakes import FakeMessage

PLAIN = {"event_id": "e-1", "ts": 1_700_000_000.25, "service": "s"}
read_one_by_one = reading(decode_calls, call_rows)


def written(**fields: Any) -> bytes:
    """A call as JSON; a field that is bytes is put in as it is."""
    parts = [
        f'"{name}":'.encode() + (v if isinstance(v, bytes) else json.dumps(v, ensure_ascii=False).encode())
        for name, v in (PLAIN | fields).items()
    ]
    return b"{" + b",".join(parts) + b"}"


def messages_of(values: list[bytes | None]) -> list[FakeMessage]:
    return [FakeMessage(value, "llm.calls", at % 3, at) for at, value in enumerate(values)]


def rows_of(tables: dict[str, pa.Table]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables["calls"].to_pylist() if tables else []
    return sorted(rows, key=lambda row: row["kafka_offset"])


def assert_same(values: list[bytes | None]) -> Batch:
    messages = messages_of(values)
    batch, tables = read_calls(messages)
    expected, expected_tables = read_one_by_one(messages)
    assert rows_of(tables) == rows_of(expected_tables)
    assert batch.dead == expected.dead
    assert batch.unreadable == expected.unreadable
    assert (batch.first_offsets, batch.next_offsets) == (expected.first_offsets, expected.next_offsets)
    return batch


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {"event_id": st.text('ab-19é"', min_size=1, max_size=70), "ts": st.floats(0, 4e9), "service": st.text(max_size=9)},
    optional={
        **{name: st.text('ab/é\\"', max_size=20) | st.none() for name in TEXTS if name not in PLAIN},
        **{name: st.floats(0, 1e6) | st.integers(-1, 10**13) | st.none() for name in NUMBERS if name != "ts"},
        **{name: st.booleans() | st.none() for name in FLAGS},
        "status": st.sampled_from(("success", "error", "fallback", "cancelled", "odd", None)),
        "error_type": st.sampled_from(("timeout", "other", "Odd", None)),
        "cache_level": st.sampled_from(("exact", "semantic", "other", None)),
        "http_status": st.integers(-1, 1_000),
        "tags": st.dictionaries(st.text("abé", max_size=4), st.text("xyé", max_size=9) | JSON, max_size=20),
    },
)
SEPARATORS = st.sampled_from(((",", ":"), (", ", ": "), (" ,\n", "\t:\r ")))


@settings(max_examples=60, deadline=None)
@given(
    many=st.lists(st.tuples(FIELDS, st.dictionaries(st.sampled_from((*PLAIN, "tags", "x", "")), JSON)), max_size=6),
    separators=SEPARATORS,
    ascii_only=st.booleans(),
)
def test_calls_of_all_sorts(many: list[Any], separators: tuple[str, str], ascii_only: bool) -> None:
    """Valid, odd and broken ones in one batch, in any mixture."""
    values: list[bytes | None] = [
        json.dumps(fields | more, separators=separators, ensure_ascii=ascii_only).encode() for fields, more in many
    ]
    assert_same([*values, encode(random_call(random.Random(0), "after", 1.0)), None])


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_a_call_with_some_bytes_changed(seed: int, data: st.DataObject) -> None:
    """Cut, overwritten or with bytes put in: whatever is still read is read as before."""
    call = random_call(random.Random(seed), "e", 1_700_000_000.0).model_copy(update={"tags": {"a": "b", "c": "é"}})
    value = bytearray(encode(call))
    pieces = (b"", b'"', b"\\", b"{", b"}", b",", b":", b"0", b"-", b".", b"e", b"\0", b" ", b"u", b"\xff", b"null")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value) - 1))
        value[at : at + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(pieces))
    assert_same([bytes(value), encode(call)])


SCANNED = [
    written(),
    written(model="größe", tags={"a": "é", "b": ""}, user_id="u"),
    written(feature=None, tags=None, retry_count=None, stream=None, status=None, http_status=None, x={"y": [None]}),
    written(status="error", error_type="timeout", http_status=504, error_message="too late", cache_level="exact"),
    written(status="fallback", http_status=429, cost_usd=b"4.2e-05", input_tokens=12.0, schema_version=3),
    written(tags={str(at): "v" for at in range(16)}, operation="embeddings", name="", stream=True),
    b' \n{ "ts" : 1 , "service":"s","event_id":"e" , "tags" : { "a" : "b" , "c":"d" } } ',
]
LEFT = [
    written(error_message='a "quote"'),
    written(status="success", error_type="timeout"),
    written(http_status=500),
    written(status="great"),
    written(error_type="semantic"),
    written(model="x" * 257),
    written(model="é" * 200),
    written(model=7),
    written(stream="yes"),
    written(input_tokens=1.5),
    written(latency_ms=b"NaN"),
    written(tags={"a": 1}),
    written(tags={str(at): "v" for at in range(17)}),
    written(tags=b'{"a":"b","a":"c"}'),
    written(tags=b'{"a":"b",}'),
    written(tags=[]),
    written(service=""),
    written(service=None),
    written(event_id=""),
    written(model=b'"\xff"'),
    written(model=b'"\\ud83d"'),
    written()[:-1],
    b'{"event_id":"e","ts":1,"service":"s","ts":2}',
    b"",
    b"[]",
]


def test_what_emitters_write_is_scanned() -> None:
    """None of these goes the slow way."""
    values: list[bytes | None] = [*SCANNED]
    assert scan_calls(values).read.all()
    assert not assert_same(values).dead


@pytest.mark.parametrize("value", LEFT)
def test_what_is_odd_is_left_to_the_codec(value: bytes) -> None:
    """... and comes out as the codec says, also beside others."""
    assert not scan_calls([value]).read[0]
    assert_same([value])
    assert_same([SCANNED[1], value, SCANNED[3]])


def test_every_field_is_of_a_kind_that_is_scanned() -> None:
    """A new field of `Call` of another kind is noticed here."""
    assert {*TEXTS, *NUMBERS, *FLAGS, *CHOICES, "tags"} == set(Call.model_fields)


def test_many_different_texts_are_written_out() -> None:
    """A label with a new value in each call is a plain column, and the values stay right."""
    values: list[bytes | None] = [written(event_id=f"e{at}", model=f"m{at % 3_000}") for at in range(4_000)]
    _, tables = read_calls(messages_of(values))
    assert tables["calls"]["model"].type == pa.string()
    assert tables["calls"]["model"].to_pylist() == [f"m{at % 3_000}" for at in range(4_000)]
    assert pa.types.is_dictionary(tables["calls"]["service"].type)


def test_the_store_takes_both_kinds_alike(store: Store) -> None:
    """A batch with scanned and decoded calls is one insert, and every value arrives."""
    calls = [call.model_copy(update={"tags": {"team": "ops"}}) for call in random_calls(300, seed=3)]
    calls += [random_call(random.Random(at), f'odd "{at}"', 1_700_000_000.0) for at in range(20)]
    messages = messages_of([encode(call) for call in calls])
    _, tables = read_calls(messages)
    store.insert("calls", tables["calls"])
    found = store.query("SELECT * EXCEPT version FROM calls ORDER BY kafka_offset").rows
    store.command("TRUNCATE TABLE calls")
    store.insert("calls", read_one_by_one(messages)[1]["calls"])
    assert len(found) == 320
    assert found == store.query("SELECT * EXCEPT version FROM calls ORDER BY kafka_offset").rows


def test_odd_calls_with_more_different_texts_than_scanned_ones() -> None:
    """The codes have room for all of them."""
    odd: list[bytes | None] = [written(event_id=f"e{at}", user_id=f"{at}", name='"') for at in range(40_000)]
    _, tables = read_calls(messages_of([written(user_id="u"), *odd]))
    assert tables["calls"].num_rows == 40_001
    assert set(tables["calls"]["user_id"].to_pylist()) == {"u", *map(str, range(40_000))}
