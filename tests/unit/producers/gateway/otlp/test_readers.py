"""OTLP as protobuf, as JSON and as spans of the SDK says the same."""

from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from callgauge.errors import DecodeError
from callgauge.ids import uuid5_of
from callgauge.mending import MENDED
from callgauge_gateway.dialects.nesting import Nesting
from callgauge_gateway.dialects.traces import events_of_spans
from callgauge_gateway.otlp import json_export, protobuf, sdk_spans
from callgauge_gateway.otlp.answer import logs_answer, traces_answer
from callgauge_gateway.otlp.log_record import events_of_log_records
from callgauge_gateway.otlp.mended_protobuf import _as_varint, mended
from callgauge_gateway.reading.too_many import TooMany
from tests.quickest import quickest

MOST = 1_000
GOLDEN = sorted((Path(__file__).parents[4] / "golden" / "gateway").glob("gen_ai*.json"))


def sdk_export() -> Any:
    """Two spans with every kind of attribute, an exception and a failure."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "chat"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("around"), tracer.start_as_current_span("inside") as span:
        span.set_attributes({"gen_ai.system": "é", "n": 2**53 + 1, "x": 0.5, "b": True, "l": ["a", "b"], "e": []})
        span.add_event("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "n"})
        span.set_status(StatusCode.ERROR, "why")
    return memory.get_finished_spans()


def test_protobuf_says_what_the_sdk_says() -> None:
    """Field by field."""
    spans = sdk_export()
    read = protobuf.spans_of(encode_spans(spans).SerializeToString(), MOST)
    for ours, theirs in zip(read.items, sdk_spans.spans_of(spans), strict=True):
        assert ours._replace(attributes={}, events=()) == theirs._replace(attributes={}, events=())
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in theirs.attributes.items()}
        assert ours.attributes == plain
        assert [tuple(e) for e in ours.events] == [(n, t, dict(a)) for n, t, a in theirs.events]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_json_says_what_protobuf_says(path: Path) -> None:
    """Each golden export, turned into protobuf, is the same spans."""
    payload = json.loads(path.read_bytes())["payload"]
    read = protobuf.spans_of(as_protobuf(payload), MOST)
    assert json_export.spans_of(json.dumps(payload).encode(), MOST) == read


def as_protobuf(payload: dict[str, Any]) -> bytes:
    import base64

    from google.protobuf.json_format import ParseDict

    def bytes_ids(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: _b64(v) if k.endswith(("raceId", "panId")) else bytes_ids(v) for k, v in value.items()}
        return [bytes_ids(each) for each in value] if isinstance(value, list) else value

    def _b64(text: str) -> str:
        return base64.b64encode(bytes.fromhex(text)).decode()

    return bytes(ParseDict(bytes_ids(payload), ExportTraceServiceRequest()).SerializeToString())


@pytest.mark.parametrize("read", [protobuf.spans_of, protobuf.log_records_of, json_export.spans_of])
def test_what_is_no_export_is_refused(read: Any) -> None:
    """With a reason."""
    with pytest.raises(DecodeError):
        read(b"\xff\xff{not an export", MOST)


def test_an_export_of_another_kind_is_refused() -> None:
    """Logs sent to the path of traces, in JSON."""
    with pytest.raises(DecodeError, match="resourceSpans"):
        json_export.spans_of(b'{"resourceLogs": []}', MOST)
    for nothing in (b'{"resourceSpans": []}', b"{}"):
        assert json_export.spans_of(nothing, MOST) == ([], [])


HUGE = st.sampled_from([10**400, "1" + "0" * 400, "9" * 5_000, float("inf"), float("nan"), {"intValue": float("inf")}])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | HUGE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["traceId", "spanId", "name", "startTimeUnixNano", "endTimeUnixNano", "attributes", "events", "status"]
ODD = st.dictionaries(
    st.sampled_from(FIELDS),
    JSON,
)


@given(st.lists(ODD | JSON, max_size=4))
def test_odd_spans_in_json_cost_no_export(spans: list[Any]) -> None:
    """Whatever stands where a span should be, the rest is read."""
    export = {"resourceSpans": [{"scopeSpans": [{"spans": [*spans, {"name": "good", "attributes": [
        {"key": "gen_ai.system", "value": {"stringValue": "x"}}]}]}]}]}  # fmt: skip
    read = json_export.spans_of(json.dumps(export).encode(), MOST)
    assert len(read.items) + len(read.broken) == len(spans) + 1
    found = events_of_spans(read.items, Nesting())
    assert "good" in {event.fields.get("name") for event in found.events}


def test_ids_are_hex_however_they_are_written() -> None:
    """In capitals, in base64, as protobuf's own JSON has bytes; zeros are none, in protobuf too."""
    trace, span = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
    for trace_text, span_text in ((trace.upper(), span.upper()), ("W47/95gDgQPSabYzgT/GDA==", "7uGbfsPBsXQ=")):
        item = {"traceId": trace_text, "spanId": span_text, "parentSpanId": "0000000000000000"}
        [found] = json_export.spans_of(export_of(item), MOST).items
        assert (found.trace_id, found.span_id, found.parent_span_id) == (trace, span, "")
    export = ExportTraceServiceRequest()
    export.resource_spans.add().scope_spans.add().spans.add(trace_id=bytes(16), span_id=b"1", parent_span_id=bytes(8))
    [found] = protobuf.spans_of(export.SerializeToString(), MOST).items
    assert (found.trace_id, found.span_id, found.parent_span_id) == ("", "31", "")


def export_of(*spans: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"doubleValue": "0.25"}, 0.25),
        ({"doubleValue": 1}, 1),
        ({"doubleValue": "no number"}, None),
        ({"intValue": "12"}, 12),
        ({"intValue": 10**400}, 10**400),
        ({"bytesValue": "AAA="}, None),
        ({"arrayValue": {"values": [{"stringValue": "a"}, 3]}}, ["a"]),
        ({"arrayValue": 3}, None),
    ],
)
def test_values_of_attributes_are_read(value: Any, expected: Any) -> None:
    """A number that stands as text is a number: 64-bit ones always do, and protobuf's JSON allows it for all."""
    [span] = json_export.spans_of(export_of({"attributes": [{"key": "k", "value": value}]}), MOST).items
    assert span.attributes == ({} if expected is None else {"k": expected})


def test_a_value_that_is_nested_too_deep_costs_no_span() -> None:
    """It is left out below a level."""
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(50):
        value = {"arrayValue": {"values": [value]}}
    attributes = [{"key": "k", "value": value}, {"key": "l", "value": {"intValue": 1}}]
    [span] = json_export.spans_of(export_of({"attributes": attributes}), MOST).items
    assert span.attributes["l"] == 1
    assert "deep" not in str(span.attributes["k"])


def test_what_stands_where_a_span_should_be_is_told() -> None:
    """Not passed over: it is refused, and counted."""
    read = json_export.spans_of(export_of({"name": "a"}, 7, None, [{"name": "b"}]), MOST)
    assert [span.name for span in read.items] == ["a"]
    assert [(broken.raw, str(broken.why)) for broken in read.broken] == [
        (raw, "spans: an object is expected") for raw in (b"7", b"null", b'[{"name":"b"}]')
    ]
    [broken] = json_export.spans_of(b'{"resourceSpans": {"scopeSpans": []}}', MOST).broken
    assert str(broken.why) == "resourceSpans: a list is expected"


def three_chats(mend: Any) -> bytes:
    """An export of three spans, the second of which `mend` has spoiled."""
    export = ExportTraceServiceRequest()
    spans = export.resource_spans.add().scope_spans.add().spans
    for name in ("first", "second", "third"):
        spans.add(name=name).attributes.add(key="user.id").value.string_value = f"user of the {name}"
    mend(spans[1])
    return bytes(export.SerializeToString())


def test_text_that_is_no_utf8_costs_no_export() -> None:
    """Protobuf refuses all of a message for it. The text is repaired, and the span says so."""
    body = three_chats(lambda span: None).replace(b"user of the second", b"us\xff\xfe of the second")
    first, second, third = protobuf.spans_of(body, MOST).items
    assert second.attributes == {"user.id": "us\ufffd\ufffd of the second", MENDED: "message: broken text was repaired"}
    assert [first.attributes, third.attributes] == [{"user.id": f"user of the {name}"} for name in ("first", "third")]


def test_a_value_that_protobuf_does_not_nest_costs_no_export() -> None:
    """It is left out where it lies too deep."""

    def nest(span: Any) -> None:
        value = span.attributes.add(key="deep").value
        for _ in range(100):
            value = value.array_value.values.add()
        value.int_value = 1

    assert [span.name for span in protobuf.spans_of(three_chats(nest), MOST).items] == ["first", "second", "third"]


@given(st.binary(max_size=200), st.integers(0, 400))
def test_mending_changes_nothing_but_what_is_broken(noise: bytes, at: int) -> None:
    """A good export stays as it is; of any bytes it makes a message or says that they are none."""
    body = three_chats(lambda span: None)
    kind = ExportTraceServiceRequest.DESCRIPTOR
    assert mended(body, kind) == body
    with suppress(DecodeError):
        protobuf.spans_of(body[:at] + noise + body[at + len(noise) :], MOST)


@pytest.mark.parametrize("empty", ["spans", "groups", "scopes", "attributes"])
@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_an_export_of_nothing_is_not_read_for_long(empty: str, form: str) -> None:
    """A few kilobytes inflate to millions of empty parts: they are counted before anything is made of them."""
    count = 500_000
    if form == "json":
        parts = b"[" + b",".join([b"{}"] * count) + b"]"
        inner = parts if empty == "spans" else b'[{"attributes": %s}]' % parts if empty == "attributes" else b"[]"
        scopes = parts if empty == "scopes" else b'[{"spans": %s}]' % inner
        body = b'{"resourceSpans": %s}' % (parts if empty == "groups" else b'[{"scopeSpans": %s}]' % scopes)
        read: Any = json_export.spans_of
    else:
        tag = {"groups": b"\x0a\x00", "scopes": b"\x12\x00", "spans": b"\x12\x00", "attributes": b"\x4a\x00"}[empty]
        body, read = tag * count, protobuf.spans_of
        for outer in {"groups": b"", "scopes": b"\x0a", "spans": b"\x12\x0a", "attributes": b"\x12\x12\x0a"}[empty]:
            body = bytes([outer]) + _as_varint(len(body)) + body

    def took_s() -> float:
        began = time.process_time()
        with suppress(TooMany):
            assert empty == "attributes", read(body, MOST)
            assert len(read(body, MOST).items) == 1
        return time.process_time() - began

    assert quickest(took_s, 1.0) < 1.0


def test_evaluations_come_as_log_records_too() -> None:
    """As scores of the span's call, or of the response that they name; other records are passed over."""
    export = ExportLogsServiceRequest()
    group = export.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "chat"
    records = group.scope_logs.add().log_records
    for name in ("gen_ai.evaluation.result", "gen_ai.evaluation.result", "other"):
        record = records.add(event_name=name, time_unix_nano=1_700_000_000_000_000_000)
        record.attributes.add(key="gen_ai.evaluation.name").value.string_value = "Tone"
        record.attributes.add(key="gen_ai.evaluation.score.value").value.double_value = 0.5
    records[0].trace_id, records[0].span_id = b"\x01" * 16, b"\x02" * 8
    records[1].attributes.add(key="gen_ai.response.id").value.string_value = "chatcmpl-1"
    found = events_of_log_records(protobuf.log_records_of(export.SerializeToString(), MOST).items)
    first, second = (event.fields for event in found.events)
    assert found.passed_over == 1
    assert (first["name"], first["value"], first["service"], first["ts"]) == ("Tone", 0.5, "chat", 1_700_000_000.0)
    assert first["event_id"] == uuid5_of("01" * 16, "02" * 8)
    assert second["event_id"] == "chatcmpl-1"


def test_answers_tell_what_was_refused() -> None:
    """Nothing refused: an empty message. In JSON, 64-bit numbers are text."""
    assert traces_answer(0, "", as_json=False) == b""
    assert traces_answer(0, "", as_json=True) == b"{}"
    told = ExportTraceServiceResponse.FromString(traces_answer(2, "why", as_json=False)).partial_success
    assert (told.rejected_spans, told.error_message) == (2, "why")
    assert json.loads(traces_answer(2, "why", as_json=True)) == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "why"}
    }
    logs = ExportLogsServiceResponse.FromString(logs_answer(3, "why", as_json=False)).partial_success
    assert logs.rejected_log_records == 3
    assert json.loads(logs_answer(1, "w", as_json=True))["partialSuccess"]["rejectedLogRecords"] == "1"


def test_a_deep_value_is_not_copied_at_each_level() -> None:
    """A body of 5 MB in arrays inside each other would take some 400 MB."""
    value = b"\x0a" + _as_varint(100_000) + b"x" * 100_000
    for level in range(80):
        value = (b"\x0a" if level % 2 == 0 else b"\x2a") + _as_varint(len(value)) + value
    tracemalloc.start()
    try:
        assert mended(value, AnyValue.DESCRIPTOR) == value
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10 * len(value)


@pytest.mark.parametrize("spans", [r'["\ud800", NaN]', r'"\ud83d"'])
def test_half_a_surrogate_where_a_span_should_be_costs_no_export(spans: str) -> None:
    """It is told as broken, by bytes that can be kept; the other spans are read."""
    good = '{"scopeSpans": [{"spans": [{"name": "chat"}]}]}'
    found = json_export.spans_of(
        f'{{"resourceSpans": [{good}, {{"scopeSpans": [{{"spans": {spans}}}]}}]}}'.encode(), MOST
    )
    assert [span.name for span in found.items] == ["chat"]
    assert found.broken[0].raw.startswith(b'"\\ud8')


def test_what_can_just_be_read_is_told_too() -> None:
    """Written again it would need more levels than there are."""
    for levels in range(900, 1_100, 10):
        with suppress(DecodeError):
            assert json_export.spans_of(
                b'{"resourceSpans": [' + b"[" * levels + b"]" * levels + b", NaN]}", MOST
            ).broken
