"""The codec: both definitions of a wire type agree, and poison is refused by name."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from callgauge import schema
from callgauge.codec import (
    decode_call,
    decode_counted,
    decode_score,
    decode_scores,
    decode_window_record,
    decoder_of,
    encode,
    read,
)
from callgauge.errors import DecodeError
from callgauge.schema import Call
from callgauge.structs import struct_of

MODELS = [
    schema.Call,
    schema.Score,
    schema.StateChange,
    schema.WindowRow,
    schema.ScoreRow,
    schema.BlockSummary,
    schema.EpochStart,
    schema.Progress,
    schema.Alert,
    schema.DeadLetter,
]
BASE: dict[str, Any] = {"event_id": "e", "ts": 1.0, "service": "s"}

text = st.text(st.characters(codec="utf-8"), max_size=20)
label = st.one_of(text, st.text(st.characters(codec="utf-8"), min_size=256, max_size=256))
count = st.none() | st.integers(0, 1_000_000_000_000)
millis = st.floats(0, 1e12)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "event_id": st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    "ts": st.floats(0, 4_102_444_800),
    "service": st.text(st.characters(codec="utf-8"), min_size=1, max_size=256),
    "latency_ms": millis,
    "time_to_first_token_ms": st.none() | millis,
    "tags": st.dictionaries(text, text, max_size=3),
    "cost_usd": st.none() | st.floats(0, 1e9),
    "status": st.sampled_from(get_args(schema.Status)),
    "error_type": st.none() | st.sampled_from(get_args(schema.ErrorType)),
    "error_message": st.text(st.characters(codec="utf-8"), max_size=1024),
    "http_status": st.none() | st.integers(0, 999),
    "stream": st.booleans(),
    "cache_hit": st.booleans(),
    "cache_level": st.none() | st.sampled_from(["exact", "semantic"]),
    "retry_count": st.integers(0, 1_000_000_000_000),
    "schema_version": st.integers(1, 1_000),
}
COUNTS = [name for name in Call.model_fields if name.endswith("_tokens") or name.startswith("rate_limit_")]
CALL_FIELDS = dict.fromkeys(Call.model_fields, label) | dict.fromkeys([*COUNTS, "response_chars"], count)
calls = st.fixed_dictionaries(
    {name: STRATEGIES[name] for name in BASE},
    optional={n: s for n, s in (CALL_FIELDS | STRATEGIES).items() if n not in BASE},
).map(lambda fields: Call(**fields))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_struct_has_the_models_fields_and_defaults(model: type[BaseModel]) -> None:
    """Same fields in the same order, same ones required, same defaults."""
    fields = {field.name: field for field in msgspec.structs.fields(struct_of(model))}
    assert list(fields) == list(model.model_fields)
    for name, info in model.model_fields.items():
        assert fields[name].required == info.is_required(), name
        if not info.is_required():
            factory = fields[name].default_factory
            default = fields[name].default if factory is msgspec.NODEFAULT else factory()
            assert default == info.default, name


@settings(max_examples=60, deadline=None)
@given(calls)
def test_any_call_survives_both_ways(call: Call) -> None:
    """pydantic -> bytes -> struct -> bytes -> pydantic gives the call back."""
    struct = decoder_of(Call)(encode(call))
    assert msgspec.to_builtins(struct) == call.model_dump()
    assert read(Call, encode(struct)) == call


wild = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 2), st.floats(), st.text(max_size=3), st.just("x" * 257),
    st.sampled_from([1e12, 1.1e12, 4_102_444_800, 4_102_444_801, 10**12, 10**12 + 1, 999, 1000, "", "error", "other"]),
    st.lists(st.integers(), max_size=1), st.dictionaries(text, st.none() | text | st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(Call.model_fields)), wild)
def test_both_refuse_the_same(name: str, value: Any) -> None:
    """Whatever stands in a field, both definitions take it or both refuse it (pydantic in its strict mode)."""
    raw = json.dumps(BASE | {name: value}).encode()
    try:
        by_pydantic = Call.model_validate_json(raw, strict=True)
    except ValidationError:
        by_pydantic = None
    if by_pydantic is None:
        with pytest.raises(DecodeError):
            decoder_of(Call)(raw)
    else:
        assert msgspec.to_builtins(decoder_of(Call)(raw)) == by_pydantic.model_dump()


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(Call.model_fields)), wild, max_size=3), st.binary(max_size=2))
def test_what_is_counted_is_stored(fields: dict[str, Any], garbage: bytes) -> None:
    """decode_counted and decode_call refuse the same messages and read the same from the others."""
    raw = json.dumps(BASE | fields).encode() + garbage
    (counted, dead), whole = decode_counted([raw]), None
    try:
        whole = decode_call(raw)
    except DecodeError:
        assert (counted, dead) == ([], [0])
        return
    assert dead == []
    for name in counted[0].__struct_fields__:
        value = getattr(counted[0], name)
        assert getattr(whole, name) == (None if value == -1 else value)


def test_one_bad_message_of_many() -> None:
    """The others are read, the position of the bad one is told."""
    values = [call_with(event_id="a"), None, call_with(event_id="b"), b"{"]
    calls, dead = decode_counted(values)
    assert ([call.event_id for call in calls], dead) == (["a", "b"], [1, 3])


def call_with(**fields: Any) -> bytes:
    return json.dumps(BASE | fields).encode()


@pytest.mark.parametrize(
    ("raw", "field", "reason"),
    [
        (None, "", "empty message"),
        (b"", "", "empty message"),
        (b"{", "", "not JSON"),
        (b"[]", "", "Expected `object`"),
        (b"null", "", "Expected `object`"),
        (call_with() + b"x", "", "not JSON"),
        (b'{"event_id": "\xff", "ts": 1, "service": "s"}', "", "not JSON"),
        (b'{"event_id": "\\ud800", "ts": 1, "service": "s"}', "", "not JSON"),
        (b'{"event_id": "e", "ts": NaN, "service": "s"}', "", "not JSON"),
        (b'{"event_id": "e", "ts": 1e999, "service": "s"}', "ts", "out of range"),
        (call_with(latency_ms=10**400), "latency_ms", "out of range"),
        (call_with(input_tokens=10**30), "input_tokens", "<= 1000000000000"),
        (call_with(latency_ms="8"), "latency_ms", "got `str`"),
        (call_with(latency_ms=-1), "latency_ms", ">= 0"),
        (call_with(input_tokens=1.5), "input_tokens", "got `float`"),
        (call_with(model=None), "model", "got `null`"),
        (call_with(model="x" * 257), "model", "length <= 256"),
        (call_with(service=""), "service", "length >= 1"),
        (call_with(status="great"), "status", "great"),
        (call_with(tags={"a": 1}), "tags[...]", "got `int`"),
        (b'{"ts": 1, "service": "s"}', "", "event_id"),
        (call_with(model="x" * 2_000_000), "model", "length <= 256"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "", "nested too deep"),
    ],
)
def test_what_the_strict_decoder_refuses_is_named(raw: bytes | None, field: str, reason: str) -> None:
    """A message that is not as its model says gives DecodeError, never anything else, with the field and the reason."""
    with pytest.raises(DecodeError) as caught:
        decoder_of(Call)(raw)
    assert caught.value.field == field
    assert reason in caught.value.reason


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    """Random bytes are read or refused with DecodeError, by both kinds of decoders."""
    for decode in (decode_call, decode_window_record, decode_score):
        with pytest.raises(DecodeError):
            decode(raw)


def test_kind_picks_the_window_record() -> None:
    """A record of the windows topic is read by its `kind`; an unknown kind is named."""
    record = schema.EpochStart(source="c/t/0", from_offset=0, epoch="ab", term=1)
    assert msgspec.to_builtins(decode_window_record(encode(record))) == record.model_dump()
    with pytest.raises(DecodeError, match="'no' is none of epoch, progress, row, score_row, summary"):
        decode_window_record(b'{"kind": "no"}')
    with pytest.raises(DecodeError, match="kind"):
        decode_window_record(b"{}")


SCORE: dict[str, Any] = {"kind": "score", "score_id": "s", "ts": 1.0, "service": "s", "name": "n", "value": 0.5}
CHANGE: dict[str, Any] = {
    "kind": "state_change", "event_id": "c", "ts": 1.0, "service": "s", "breaker": "b", "from_state": "closed",
    "to_state": "open",
}  # fmt: skip
SCORE_FIELDS = sorted({*schema.Score.model_fields, *schema.StateChange.model_fields})
odd = st.one_of(
    wild, st.sampled_from(["score", "state_change", "judge", "open", "closed", 1e6, 1.1e6, {"model": "x" * 257}])
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([SCORE, CHANGE]), st.dictionaries(st.sampled_from(SCORE_FIELDS), odd, max_size=2))
def test_what_is_read_of_the_scores_topic_is_what_the_models_say(base: dict[str, Any], fields: dict[str, Any]) -> None:
    """What its model reads is read as the model does, alone as among others, and under names common to both kinds; of
    the rest both ways read the same, or refuse it."""
    raw = json.dumps(base | fields).encode()
    try:
        found = decode_score(raw)
    except DecodeError:
        assert decode_scores([encode_of(SCORE), raw])[1] == [1]
        with pytest.raises(DecodeError):
            decoder_of(schema.Score | schema.StateChange)(raw)
        return
    assert decode_scores([encode_of(SCORE), raw]) == ([decode_score(encode_of(SCORE)), found], [])
    try:
        expected = decoder_of(schema.Score | schema.StateChange)(raw)
    except DecodeError:
        return  # it was mended: test_mending.py says how
    assert (found.ts, found.service, found.labels) == (expected.ts, expected.service, expected.labels)
    common = (found.event_id, found.call_id, found.name, found.origin, found.value)
    if expected.kind == "score":
        given = (expected.score_id, expected.event_id, expected.name, expected.origin, expected.value)
    else:
        opened = float(expected.to_state == "open")
        given = (expected.event_id, expected.event_id, schema.BREAKER_OPEN, expected.breaker, opened)
    assert common == given


def encode_of(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()
