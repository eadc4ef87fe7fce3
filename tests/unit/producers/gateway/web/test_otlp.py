"""POST /v1/traces, /v1/logs and /v1/litellm, and keys."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from callgauge.dead_letter import dead_key
from callgauge.keys.key_hash import hash_of, id_of, new_key
from callgauge_gateway.guard.key_file import KeyFile
from callgauge_gateway.web.body import Limits
from tests.gateway.served import Served

GOLDEN = Path(__file__).parents[4] / "golden" / "gateway"
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
CHAT: dict[str, Any] = json.loads((GOLDEN / "litellm_chat.json").read_bytes())["payload"]


def export_of(*services: str) -> bytes:
    """A chat of each service; without a name it has no resource."""
    export = ExportTraceServiceRequest()
    for number, service in enumerate(services):
        group = export.resource_spans.add()
        if service:
            group.resource.attributes.add(key="service.name").value.string_value = service
        span = group.scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=bytes([number + 1]) * 8)
        span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + number
        span.attributes.add(key="gen_ai.request.model").value.string_value = "m"
    return bytes(export.SerializeToString())


@pytest.fixture
def keyed(tmp_path: Path) -> Callable[..., tuple[Served, dict[str, str]]]:
    """An application with one key, and the headers of who has it."""

    def make(service: Any) -> tuple[Served, dict[str, str]]:
        key = new_key()
        path = tmp_path / "keys.yaml"
        path.write_text(json.dumps({"keys": [{"id": id_of(key), "service": service, "sha256": hash_of(key)}]}))
        return Served(keys=KeyFile(path)), {"authorization": f"Bearer {key}"}

    return make


def test_an_export_is_answered_with_an_empty_message() -> None:
    """In protobuf, also gzipped."""
    served = Served()
    headers = PROTOBUF | {"content-encoding": "gzip"}
    answer = served.post("/v1/traces", content=gzip.compress(export_of("a", "b")), headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert [call.service for call in served.calls] == ["a", "b"]


def test_what_is_refused_of_an_export_is_told() -> None:
    """As partial success: the number and the reason; the rest is taken."""
    served = Served()
    answer = served.post("/v1/traces", content=export_of("a", "", ""), headers=PROTOBUF)
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, told.rejected_spans, told.error_message) == (200, 2, "2 × service: missing")
    assert [call.service for call in served.calls] == ["a"]
    assert [letter.field for letter in served.dead] == ["service", "service"]


def test_json_is_answered_in_json() -> None:
    """Partial success in camelCase."""
    payload = json.loads((GOLDEN / "gen_ai_chat.json").read_bytes())["payload"]
    served = Served()
    assert served.post("/v1/traces", payload, headers=JSON).json() == {}
    payload["resourceSpans"][0]["resource"] = {}
    assert served.post("/v1/traces", payload, headers=JSON).json() == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": "1 × service: missing"}
    }
    assert len(served.calls) == 1


def test_one_bad_span_never_costs_its_export() -> None:
    """Text that is no UTF-8 in protobuf, what is no span in JSON: the others are taken, and the refused are told."""
    served = Served()
    broken = export_of("a", "b", "c").replace(b"\x01b", b"\x01\xff")
    assert served.post("/v1/traces", content=broken, headers=PROTOBUF).content == b""
    assert [call.service for call in served.calls] == ["a", "\ufffd", "c"]
    payload = json.loads((GOLDEN / "gen_ai_chat.json").read_bytes())["payload"]
    payload["resourceSpans"][0]["scopeSpans"][0]["spans"].insert(0, 7)
    assert served.post("/v1/traces", payload, headers=JSON).json() == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": "1 × spans: an object is expected"}
    }
    assert (len(served.calls), [letter.reason for letter in served.dead]) == (4, ["an object is expected"])


def test_an_export_again_is_the_same_calls() -> None:
    """Byte for byte, so rollup counts them as duplicates."""
    served = Served()
    for _ in range(2):
        served.post("/v1/traces", content=export_of("a", "b"), headers=PROTOBUF)
    first, second, *again = served.values("llm.calls")
    assert again == [first, second]


def test_what_is_no_export_is_400_with_a_status() -> None:
    """google.rpc.Status in protobuf, whose message is field 2; a dead letter keeps the beginning of it."""
    served = Served()
    for path in ("/v1/traces", "/v1/logs"):
        answer = served.post(path, content=b"\xff" * 1_000, headers=PROTOBUF)
        assert answer.status_code == 400
        assert Status.FromString(answer.content).message == "not the protobuf message that OTLP sends here"
    assert served.post("/v1/traces", {"spans": []}, headers=JSON).json()["error"].startswith("resourceSpans: missing")
    first, again, json_letter = served.dead
    assert (first.topic, first.reason) == ("gateway otlp", "not the protobuf message that OTLP sends here")
    assert (dead_key(first), json_letter.field) == (dead_key(again), "resourceSpans")
    assert first.size <= 3 * 256  # each of the bytes is no text, and replaced


def test_too_many_spans_are_413() -> None:
    """Counted before anything is made of them."""
    served = Served(limits=Limits(10**6, 10**6, 1))
    assert served.post("/v1/traces", content=export_of("a", "b"), headers=PROTOBUF).status_code == 413


def test_deep_json_is_refused() -> None:
    """Not by an exception of the interpreter."""
    deep = b'{"resourceSpans": [' + b'{"a": [' * 5_000 + b"]}" * 5_000 + b"]}"
    assert Served().post("/v1/traces", content=deep, headers=JSON).status_code == 400


def test_logs_give_scores_and_the_rest_is_passed_over() -> None:
    """200 either way."""
    export = ExportLogsServiceRequest()
    group = export.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "chat"
    for name in ("gen_ai.evaluation.result", "other"):
        record = group.scope_logs.add().log_records.add(event_name=name, span_id=b"1" * 8, trace_id=b"2" * 16)
        record.attributes.add(key="gen_ai.evaluation.name").value.string_value = "Tone"
        record.attributes.add(key="gen_ai.evaluation.score.value").value.double_value = 0.5
    served = Served()
    answer = served.post("/v1/logs", content=export.SerializeToString(), headers=PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [(score.name, score.value, score.service) for score in served.scores] == [("Tone", 0.5, "chat")]


@pytest.mark.parametrize("form", ["array", "lines", "object"])
def test_litellm_sends_arrays_lines_and_objects(form: str) -> None:
    """All as application/json."""
    payloads = [CHAT] if form == "object" else [CHAT, CHAT | {"id": "other"}]
    body = "\n".join(map(json.dumps, payloads)) if form != "array" else json.dumps(payloads)
    served = Served()
    assert served.post("/v1/litellm", content=body.encode(), headers=JSON).json() == {"accepted": len(payloads)}
    assert served.calls[0].cost_usd == CHAT["response_cost"]


def test_a_batch_of_litellm_with_null_loses_nothing_else() -> None:
    """Nor does the old shape; their dead letters hold no content."""
    old = {"id": "x", "start_time": "now", "usage": {}, "messages": ["secret"]}
    served = Served()
    answer = served.post("/v1/litellm", [CHAT, None, old]).json()
    assert (answer["accepted"], [error["index"] for error in answer["errors"]]) == (1, [1, 2])
    assert "generic_api_use_v1" in answer["errors"][1]["reason"]
    assert not any(b"secret" in record.value for record in served.bus.records)


def test_a_key_is_asked_for(keyed: Callable[..., tuple[Served, dict[str, str]]]) -> None:
    """401 without, and with another; both headers are understood."""
    served, headers = keyed("chat")
    for wrong in ({}, {"authorization": f"Bearer {new_key()}"}, {"x-api-key": "x"}):
        answer = served.post("/v1/calls", {}, headers=wrong)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for right in (headers, {"x-api-key": headers["authorization"].removeprefix("Bearer ")}):
        assert served.post("/v1/calls", {"model": "m"}, headers=right).status_code == 200
    assert {call.service for call in served.calls} == {"chat"}


def test_a_key_speaks_only_for_its_service(keyed: Callable[..., tuple[Served, dict[str, str]]]) -> None:
    """Of a batch the others are taken; what is refused for that is no dead letter: it could be read."""
    served, headers = keyed("chat")
    answer = served.post("/v1/calls", [{"service": "chat"}, {"service": "bank"}], headers=headers).json()
    assert (answer["accepted"], answer["errors"]) == (1, [
        {"index": 1, "field": "service", "reason": "this key may only speak for chat, not for 'bank'"}])  # fmt: skip
    spans = served.post("/v1/traces", content=export_of("chat", "bank"), headers=headers | PROTOBUF)
    assert ExportTraceServiceResponse.FromString(spans.content).partial_success.rejected_spans == 1
    for path in ("scores", "marks"):
        body = {"service": "bank", "text": "t", "name": "n", "value": 1}
        assert served.post(f"/v1/{path}", body, headers=headers).status_code == 400
    assert served.post("/v1/marks", {"text": "t"}, headers=headers).status_code == 200
    assert [mark.service for mark in served.marks] == ["chat"]
    assert not served.dead


def test_a_proxys_teams_are_tags_where_its_key_is_for_one_service(
    keyed: Callable[..., tuple[Served, dict[str, str]]],
) -> None:
    """With a key for all they are services."""
    payload = CHAT | {"metadata": CHAT["metadata"] | {"user_api_key_team_alias": "red"}}
    for service, expected in (("proxy", ("proxy", "red")), ("*", ("red", None))):
        served, headers = keyed(service)
        served.post("/v1/litellm", payload, headers=headers)
        [call] = served.calls
        assert (call.service, call.tags.get("litellm.team")) == expected


def test_a_key_for_all_needs_services_in_events(keyed: Callable[..., tuple[Served, dict[str, str]]]) -> None:
    """It has no service of its own."""
    served, headers = keyed("*")
    assert served.post("/v1/calls", [{"service": "a"}, {"model": "m"}], headers=headers).json()["accepted"] == 1


def test_a_span_without_ids_is_a_call_all_the_same() -> None:
    """Its id is made of what it says, so the same span again is the same call."""
    span = {"name": "chat", "startTimeUnixNano": "1", "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}}]}  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}
    spans = [span, span, span | {"name": "other"}]
    served = Served()
    served.post(
        "/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}, headers=JSON
    )
    first, again, other = (call.event_id for call in served.calls)
    assert first == again != other
