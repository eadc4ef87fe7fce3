"""No call is lost for one odd field: in the SDK and on the wire, the same is made of it, and it is said."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge import Gauge, load_settings
from callgauge.codec import decode_call, decode_counted, decode_score, decoder_of, encode, read
from callgauge.errors import DecodeError
from callgauge.lenient import score_fields
from callgauge.mending import MENDED, mended_call, mended_mark, mended_score
from callgauge.outgoing import Outgoing
from callgauge.schema import Call, Mark, Score, StateChange
from callgauge.testing import ManualClock, MemoryTransport
from tests.examples import examples

BASE: dict[str, Any] = {"event_id": "e", "ts": 1_700_000_000.0, "service": "s"}


def sent(**fields: Any) -> Call:
    """The call that a Gauge sends of these fields."""
    transport = MemoryTransport()
    with Gauge(load_settings(service="s"), transport=transport, clock=ManualClock(1_700_000_000.0)) as gauge:
        assert gauge.emit(**({"event_id": "e"} | fields))
        assert gauge.flush(5) == 0
        assert gauge.stats.invalid == gauge.stats.dropped == gauge.stats.failed == 0
    [call] = transport.calls
    return call


def received(raw: bytes) -> dict[str, Any]:
    """What the wire's decoder gives for a message."""
    fields: dict[str, Any] = msgspec.to_builtins(decode_call(raw))
    return fields


#: Fields that are odd, what becomes of them, and the mark.
ODD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"feature": None, "finish_reason": None, "tags": None}, {"feature": "", "finish_reason": "", "tags": {}}, ""),
    ({"input_tokens": 12.0, "user_id": 7}, {"input_tokens": 12, "user_id": "7"}, ""),
    ({"latency_ms": math.nan}, {"latency_ms": None}, "latency_ms: out of range"),
    ({"latency_ms": -math.inf}, {"latency_ms": None}, "latency_ms: out of range"),
    ({"model": "m\ud800"}, {"model": "m\ufffd"}, "model: broken text was repaired"),
    ({"model": "x" * 300}, {"model": "x" * 256}, "model: cut to 256 characters"),
    ({"input_tokens": 10.5}, {"input_tokens": 10}, "input_tokens: rounded to a whole number"),
    ({"cost_usd": -0.01}, {"cost_usd": None}, "cost_usd: out of range"),
    ({"status": "ok"}, {"status": "success"}, ""),
    ({"status": "cancelled"}, {"status": "cancelled"}, ""),
    ({"status": "great"}, {"status": "success"}, "status: not a value that is known, read as success"),
    (
        {"status": "great", "error_type": "timeout"},
        {"status": "error", "error_type": "timeout"},
        "status: not a value that is known, read as error",
    ),
    ({"error_type": "RateLimitError"}, {"status": "error", "error_type": "rate_limit"}, ""),
    (
        {"error_type": "ValueError"},
        {"status": "error", "error_type": "other", "error_message": "ValueError"},
        "error_type: not a type that is known",
    ),
    (
        {"status": "success", "http_status": 429},
        {"status": "error", "error_type": "rate_limit"},
        "status: success, though it tells of a failure",
    ),
    ({"prompt_version": 7}, {"prompt_version": "7"}, ""),
    ({"ts": 1_700_000_000_500}, {"ts": 1_700_000_000.5}, "ts: read as milliseconds"),
    ({"cache_level": "warm"}, {"cache_level": None}, "cache_level: not a value that is known"),
    ({"stream": "maybe", "retry_count": "2"}, {"stream": False, "retry_count": 2}, "stream: neither true nor false"),
    ({"http_status": 7_000}, {"http_status": None}, "http_status: out of range"),
]


@pytest.mark.parametrize(("odd", "expected", "mark"), ODD, ids=lambda value: str(value)[:40])
def test_both_ends_mend_the_same(odd: dict[str, Any], expected: dict[str, Any], mark: str) -> None:
    """A Gauge and a reader of the wire make the same of an odd field, and mark it in the same words."""
    by_gauge = sent(**odd).model_dump()
    by_wire = received(json.dumps(BASE | odd).encode())
    for call in (by_gauge, by_wire):
        assert {name: call[name] for name in expected} == expected
        assert call["tags"].get(MENDED, "") == mark


@pytest.mark.parametrize(
    ("odd", "original"),
    [
        ({"status": "great"}, {"callgauge.status": "great"}),
        ({"error_type": "litellm.Timeout"}, {"callgauge.error_type": "litellm.Timeout"}),
        ({"error_type": "Strange"}, {"callgauge.error_type": "Strange"}),
        ({"cache_level": "warm"}, {"callgauge.cache_level": "warm"}),
        ({"status": "success", "error_type": "timeout"}, {"callgauge.status": "success"}),
    ],
)
def test_what_stood_there_is_kept(odd: dict[str, Any], original: dict[str, str]) -> None:
    """Of enumerations, in the tags."""
    for tags in (sent(**odd).tags, received(json.dumps(BASE | odd).encode())["tags"]):
        assert original.items() <= tags.items()


class Team(StrEnum):
    SEARCH = "search"


def test_what_hosts_have_is_understood() -> None:
    """NumPy's numbers, UUIDs, enums, dates, bytes and exceptions."""
    trace = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    call = sent(
        event_id=trace, trace_id=trace, user_id=np.int64(12), feature=Team.SEARCH, endpoint=b"/v1",
        ts=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), latency_ms=timedelta(seconds=1.5),
        input_tokens=np.float32(8), output_tokens=Decimal(9), cost_usd=Decimal("0.25"),
        tags={"at": datetime(2026, 1, 2), "n": 3, "on": True}, error_type=TimeoutError("a prompt"),
    )  # fmt: skip
    assert (call.event_id, call.trace_id, call.user_id, call.feature) == (str(trace), str(trace), "12", "search")
    assert (call.endpoint, call.ts, call.latency_ms) == ("/v1", 1_700_000_000.0, 1_500.0)
    assert (call.input_tokens, call.output_tokens, call.cost_usd) == (8, 9, 0.25)
    assert call.tags == {"at": "2026-01-02T00:00:00", "n": "3", "on": "true"}
    assert (call.status, call.error_type, call.error_message) == ("error", "timeout", "TimeoutError")


def test_a_failure_by_its_exception() -> None:
    """Its class, its status, and whether the caller stopped."""
    refused = type("APIStatusError", (Exception,), {"status_code": 429})
    call = sent(error_type=refused(), status="success")
    assert (call.status, call.error_type, call.http_status) == ("error", "rate_limit", 429)
    stopped = sent(error_type=asyncio.CancelledError())
    assert (stopped.status, stopped.error_type) == ("cancelled", None)


def test_a_time_that_cannot_be_read_is_replaced_by_the_clock() -> None:
    """In the SDK, which has one."""
    call = sent(ts="yesterday", latency_ms=500.0)
    assert call.ts == 1_700_000_000.0 - 0.5
    assert call.tags[MENDED] == "ts: no time, replaced by the clock"


@pytest.mark.parametrize(
    ("raw", "field", "reason"),
    [
        (b'{"event_id": "e", "ts": 1}', "service", "missing"),
        (b'{"event_id": "e", "ts": 1, "service": null}', "service", "missing"),
        (b'{"event_id": "e", "ts": 1, "service": ""}', "service", "missing"),
        (b'{"event_id": "e", "service": "s"}', "ts", "missing"),
        (b'{"event_id": "e", "service": "s", "ts": "soon"}', "ts", "no time"),
        (b'{"event_id": "e", "service": "s", "ts": -1}', "ts", "no time between 1970 and 2100"),
        (b"[1]", "", "an event is a JSON object, and this is a list"),
        (b"null", "", "an event is a JSON object, and this is null"),
        (b"{", "", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"", "", "empty message"),
        (None, "", "empty message"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "", "nested too deep to be read"),
    ],
)
def test_only_what_cannot_be_counted_is_refused(raw: bytes | None, field: str, reason: str) -> None:
    """By both decoders, with the field and the reason."""
    with pytest.raises(DecodeError) as caught:
        decode_call(raw)
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert decode_counted([raw]) == ([], [0])


@pytest.mark.parametrize(
    ("raw", "expected", "mark"),
    [
        (b'{"event_id": "e", "ts": 1, "service": "s", "x": "\\ud83d"}', {"model": ""}, None),
        (b'{"event_id": "e", "ts": 1, "service": "s\xff"}', {"service": "s\ufffd"}, "message: bytes that are no text"),
        (b'\xef\xbb\xbf{"event_id": "e", "ts": 1, "service": "s"}', {"service": "s"}, None),
        (b'{"event_id": "e", "ts": 1, "service": "s", "latency_ms": NaN}', {"latency_ms": None}, "latency_ms: out of"),
        (b'{"event_id": "e", "ts": 1, "service": "s", "cost_usd": 1e999}', {"cost_usd": None}, "cost_usd: out of"),
        (b'{"event_id": "e", "ts": 1, "service": "s", "name": "a\nb"}', {"name": "a\nb"}, None),
        (b'{"event_id": "e", "ts": 1, "service": "s", "model": null}', {"model": ""}, None),
    ],
)
def test_json_that_is_a_little_broken_is_read(raw: bytes, expected: dict[str, Any], mark: str | None) -> None:
    """Half a surrogate in a field that nobody reads costs nothing; other things are marked."""
    call = received(raw)
    assert {name: call[name] for name in expected} == expected
    assert call["tags"].get(MENDED, "").startswith(mark or "")
    assert bool(call["tags"]) == (mark is not None)


def test_an_id_is_made_of_a_message_without_one() -> None:
    """The same when the message comes again, so that it is a duplicate then."""
    one, again, other = (received(b'{"ts": %d, "service": "s"}' % ts) for ts in (1, 1, 2))
    assert one["event_id"] == again["event_id"] != other["event_id"]
    assert (len(one["event_id"]), one["tags"][MENDED]) == (32, "event_id: made of the message")


def test_marks_come_behind_those_of_the_sdk() -> None:
    """A call that was mended at both ends says both."""
    raw = json.dumps(BASE | {"tags": {MENDED: "ts: read as milliseconds"}, "cost_usd": -1}).encode()
    assert received(raw)["tags"][MENDED] == "ts: read as milliseconds; cost_usd: out of range"


odd_things: list[Any] = [
    np.int8(3), np.float64("nan"), np.bool_(1), np.array([1, 2]), np.array(4), Team.SEARCH, object(), print,
    ValueError("x"), KeyError, asyncio.CancelledError(), "x" * 300, 10**400, -1, 1e300, "error", "other",
]  # fmt: skip
any_text = st.text(st.characters(exclude_categories=()), max_size=9)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary(max_size=4) | st.decimals()
    | st.uuids() | st.timedeltas() | st.datetimes() | st.dates() | st.complex_numbers() | st.sampled_from(odd_things),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
names = st.sampled_from([name for name in Call.model_fields if name != "service"])


@pytest.mark.parametrize("name", sorted(Call.model_fields))
@pytest.mark.parametrize("odd", odd_things, ids=lambda odd: type(odd).__name__)
def test_each_field_may_be_odd(name: str, odd: Any) -> None:
    """Arrays and classes, numbers out of range and exceptions, in each field, the service's too: the call is sent."""
    call = sent(**{name: odd})
    assert call.event_id != "" != call.service


@settings(max_examples=examples(150, long=400), deadline=None)
@given(st.dictionaries(names, anything, max_size=4))
def test_a_gauge_takes_whatever_stands_in_a_field(fields: dict[str, Any]) -> None:
    """Any value of any type in any field: the call is taken, delivered, and as the schema says."""
    transport = MemoryTransport()
    with Gauge(load_settings(service="s"), transport=transport) as gauge:
        event_id = gauge.emit(fields)
        assert gauge.flush(5) == 0
        stats = gauge.stats
    assert (stats.emitted, stats.delivered, stats.failed, stats.dropped, stats.invalid) == (1, 1, 0, 0, 0)
    [message] = transport.messages
    assert read(Call, message.value).event_id == event_id != ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text
    | st.sampled_from(["x" * 300, 10**400, "error", "other", "ok", "429", 12.0, 10.5, 1.7e12, "1970-01-01T00:00:01Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(names, json_values, max_size=4))
def test_the_wire_takes_whatever_stands_in_a_field(fields: dict[str, Any]) -> None:
    """Any JSON in any field but service and ts, NaN and halves of surrogates too: the call is counted as it is stored,
    and what is stored is a valid call."""
    raw = json.dumps(BASE | {name: value for name, value in fields.items() if name != "ts"}).encode()
    whole = decode_call(raw)
    [counted], dead = decode_counted([raw])
    assert dead == []
    for name in counted.__struct_fields__:
        value = getattr(counted, name)
        assert getattr(whole, name) == (None if value == -1 else value)
    assert decoder_of(Call)(encode(whole)) == whole


SCORE: dict[str, Any] = {"kind": "score", "score_id": "i", "ts": 1.0, "service": "s", "name": "n", "value": 0.5}
CHANGE: dict[str, Any] = {
    "kind": "state_change", "event_id": "c", "ts": 1.0, "service": "s", "breaker": "b", "from_state": "closed",
    "to_state": "open",
}  # fmt: skip


SCORE_FIELDS = sorted({*Score.model_fields, *StateChange.model_fields})


@pytest.mark.parametrize(
    ("given_fields", "expected", "mark"),
    [
        (SCORE | {"comment": None, "labels": {"model": None, "variant": 7}}, {"labels": {"variant": "7"}}, ""),
        (SCORE | {"labels": {"prompt_version": 7}}, {"labels": {"prompt_version": "7"}}, ""),
        (SCORE | {"value": True}, {"value": 1.0}, ""),
        (SCORE | {"value": "0.25", "kind": None}, {"value": 0.25}, ""),
        (SCORE | {"value": 1e9}, {"value": 1e6}, "value: cut to the nearest bound"),
        (SCORE | {"origin": "jury"}, {"origin": "other"}, "origin: not a value that is known"),
        (SCORE | {"name": None}, {"name": "other"}, "name: missing"),
        (CHANGE | {"to_state": "Half-Open"}, {"to_state": "half_open", "value": 0.0}, ""),
        (CHANGE | {"to_state": "ajar"}, {"to_state": "other", "value": 0.0}, "to_state: not a value that is known"),
        (CHANGE | {"breaker": 5, "from_state": None}, {"origin": "5", "from_state": "other"}, "from_state: missing"),
    ],
)
def test_scores_and_changes_are_read_as_leniently(
    given_fields: dict[str, Any], expected: dict[str, Any], mark: str
) -> None:
    """Nulls, numbers for texts, and unknown members."""
    found = decode_score(json.dumps(given_fields).encode())
    labels = {name: value for name, value in found.labels.items() if not name.startswith("callgauge.")}
    values = {name: labels if name == "labels" else getattr(found, name) for name in expected}
    assert values == expected
    assert found.labels.get(MENDED, "") == mark


def test_a_score_that_says_nothing_is_refused() -> None:
    """Without a value, a service or a kind there is nothing to count."""
    for change, field in (({"value": None}, "value"), ({"value": "good"}, "value"), ({"service": None}, "service"),
                          ({"kind": "call"}, "kind"), ({"kind": None, "value": None}, "value")):  # fmt: skip
        with pytest.raises(DecodeError) as caught:
            decode_score(json.dumps(SCORE | change).encode())
        assert caught.value.field == field


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([SCORE, CHANGE]),
    st.sampled_from(sorted({*Score.model_fields, *StateChange.model_fields})),
    json_values,
)
def test_a_score_is_lost_for_few_reasons(base: dict[str, Any], name: str, value: Any) -> None:
    """Any JSON in any field but kind, service, ts and value: it is counted."""
    raw = json.dumps(base | {name: value}).encode()
    if name in ("kind", "service", "ts", "value"):
        return
    assert decode_score(raw).ts == 1.0


@pytest.mark.parametrize("model", [Score, StateChange, Mark])
def test_what_is_odd_in_every_field_fits_into_a_label(model: type[Score | StateChange | Mark]) -> None:
    """The mark is cut to what a label may hold: a score was lost for too much of it, and its batch with it."""
    good = {"ts": 1.0, "service": "s\ud800" * 500, "value": 1, "effective_from": 1.0, "text": "t"}
    odd = dict.fromkeys(model.model_fields, "\ud800" * 2_000) | good | {"labels": {"a": "\ud800", MENDED: "m" * 250}}
    fields = mended_mark(odd, now_s=1.0) if model is Mark else mended_score(model, odd)  # type: ignore[arg-type]
    ids = {name: "id" for name in ("score_id", "event_id", "mark_id") if name in model.model_fields}
    assert len(model.model_validate(ids | fields).labels[MENDED]) == 256
    if model is Score:
        raw = json.dumps(odd | {"kind": "score", "score_id": None}).encode()
        assert len(score_fields(raw)[1]["labels"][MENDED]) == 256


def test_a_huge_call_is_cut() -> None:
    """Tags of megabytes cost tags, never the call."""
    long = Call(**BASE, tags={"x": "y" * 2_000_000, "z": "1"})
    assert len(Outgoing({}).message_of(long)[1]) < 20_000
    cut = read(Call, Outgoing({}).message_of(long)[1])
    assert (cut.tags["x"], cut.tags["z"], cut.tags[MENDED]) == ("y" * 16_384, "1", "tags: cut to 16384 characters")
    many = Call(**BASE, tags={str(n): "\0" * 16_384 for n in range(99)})
    assert read(Call, Outgoing({}).message_of(many)[1]).tags == {
        MENDED: "tags: left out, the call was larger than a message may be"
    }


def test_a_call_made_unchecked_is_sent() -> None:
    """Half a surrogate in a model or a tag is repaired before it is encoded."""
    call = Call.model_construct(**BASE, model="m\ud800", tags={"t": "\ud83d\udd25"})
    key, value = Outgoing({}).message_of(call)
    assert (key, read(Call, value).model, read(Call, value).tags["t"]) == (b"e", "m\ufffd", "🔥")


def test_mending_needs_a_service() -> None:
    """And says so."""
    with pytest.raises(DecodeError, match="service: missing"):
        mended_call({"model": "m"}, now_s=1.0)
