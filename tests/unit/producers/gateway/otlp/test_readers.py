"""OTLP as protobuf, as JSON and as spans of the SDK says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from callgauge.errors import DecodeError
from callgauge.ids import uuid5_of
from callgauge_gateway.dialects.nesting import Nesting
from callgauge_gateway.dialects.traces import events_of_spans
from callgauge_gateway.otlp import json_export, protobuf, sdk_spans
from callgauge_gateway.otlp.answer import logs_answer, traces_answer
from callgauge_gateway.otlp.log_record import events_of_log_records

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
    read = protobuf.spans_of(encode_spans(spans).SerializeToString())
    for ours, theirs in zip(read, sdk_spans.spans_of(spans), strict=True):
        assert ours._replace(attributes={}, events=()) == theirs._replace(attributes={}, events=())
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in theirs.attributes.items()}
        assert ours.attributes == plain
        assert [tuple(e) for e in ours.events] == [(n, t, dict(a)) for n, t, a in theirs.events]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_json_says_what_protobuf_says(path: Path) -> None:
    """Each golden export, turned into protobuf, is the same spans."""
    payload = json.loads(path.read_bytes())["payload"]
    assert json_export.spans_of(json.dumps(payload).encode()) == protobuf.spans_of(as_protobuf(payload))


def as_protobuf(payload: dict[str, Any]) -> bytes:
    import base64

    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

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
        read(b"\xff\xff{not an export")


def test_an_export_of_another_kind_is_refused() -> None:
    """Logs sent to the path of traces, in JSON."""
    with pytest.raises(DecodeError, match="resourceSpans"):
        json_export.spans_of(b'{"resourceLogs": []}')
    assert json_export.spans_of(b'{"resourceSpans": []}') == []


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
    found = events_of_spans(json_export.spans_of(json.dumps(export).encode()), Nesting())
    assert "good" in {event.fields.get("name") for event in found.events}


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
    found = events_of_log_records(protobuf.log_records_of(export.SerializeToString()))
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
