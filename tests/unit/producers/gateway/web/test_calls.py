"""POST /v1/calls: what is taken, what is refused, and what is answered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from callgauge.codec import decode_call, encode
from callgauge.dead_letter import dead_key
from callgauge.errors import BrokerError, DecodeError
from callgauge.ids import uuid5_of
from callgauge.mending import MENDED
from callgauge.redaction.redactor import Redactor
from callgauge.schema import Call
from callgauge_gateway.bus import Busy
from callgauge_gateway.web.body import Limits
from tests.gateway.served import NOW, Served
from tests.random_calls import random_calls
from tests.unit.producers.gateway.web.odd_json import JSON

CALL = {"event_id": "e1", "ts": 1_699_999_000.0, "service": "chat", "model": "gpt-4o", "latency_ms": 812.0}
GOLDEN = sorted((Path(__file__).parents[4] / "golden").glob("call*.json"))


@pytest.mark.parametrize(
    ("encoding", "encode_body"), [("", bytes), ("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
@pytest.mark.parametrize("form", ["array", "lines", "object"])
def test_calls_are_taken_in_every_form(form: str, encoding: str, encode_body: Any) -> None:
    """One, an array, or one a line; in gzip and zstd."""
    calls = [CALL | {"event_id": f"e{n}"} for n in range(1 if form == "object" else 3)]
    body = b"\n".join(json.dumps(call).encode() for call in calls) if form != "array" else json.dumps(calls).encode()
    served = Served()
    answer = served.post("/v1/calls", content=encode_body(body), headers={"content-encoding": encoding})
    assert (answer.status_code, answer.json()) == (200, {"accepted": len(calls)})
    assert [call.event_id for call in served.calls] == [call["event_id"] for call in calls]
    assert served.calls[0] == Call(**calls[0])  # type: ignore[arg-type]


def test_one_bad_event_never_costs_its_batch() -> None:
    """It is named by its place, and what could not be read is a dead letter."""
    served = Served()
    body = b'[%s, {"model": "m"}, 7, {"service": "s", "ts": NaN, "latency_ms": "12"}]' % json.dumps(CALL).encode()
    answer = served.post("/v1/calls", content=body)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 2)
    assert told["errors"] == [
        {"index": 1, "field": "service", "reason": "missing"},
        {"index": 2, "reason": "an event is a JSON object, and this is a number"},
    ]
    assert [call.service for call in served.calls] == ["chat", "s"]
    assert sorted(letter.reason for letter in served.dead) == [
        "an event is a JSON object, and this is a number",
        "missing",
    ]
    assert {letter.topic for letter in served.dead} == {"gateway calls"}


@pytest.mark.parametrize("bad", ['{"service": None}', '{"service": "s", "tags": ' + "[" * 2_000 + "]" * 2_000 + "}"])
def test_what_comes_after_a_bad_event_is_taken(bad: str) -> None:
    """One that is no JSON, or nested too deep."""
    served = Served()
    answer = served.post("/v1/calls", content=f"[{bad}, {json.dumps(CALL)}]".encode()).json()
    assert (answer["accepted"], [error["index"] for error in answer["errors"]]) == (1, [0])
    assert [call.event_id for call in served.calls] == ["e1"]
    assert len(served.dead) == 1


def test_a_slash_at_the_end_of_a_path_is_no_other_path() -> None:
    """Not a redirect either, which few follow with a POST."""
    served = Served()
    assert served.post("/v1/calls/", CALL).json() == {"accepted": 1}
    served.bus.failure = Busy("full")
    assert served.post("/v1/litellm/", {"id": "1", "startTime": 1.7e9}).status_code == 503


def test_an_idempotency_key_is_its_senders_own() -> None:
    """Another service, or another kind of event, with the same key is no duplicate."""
    served = Served()
    headers = {"idempotency-key": "1"}
    for path, service in (("calls", "a"), ("calls", "b"), ("outcomes", "a"), ("metrics", "a")) * 2:
        body = {"service": service, "name": "n", "value": 1}
        assert served.post(f"/v1/{path}", body, headers=headers).status_code == 200
    ids = [event.event_id for event in served.calls] + [score.score_id for score in served.scores]
    assert len(ids) == 2 * len(set(ids)) == 8


def test_hexadecimal_ids_in_capitals_are_those_in_small_letters() -> None:
    """As OTLP writes them, so calls, spans and scores of a trace join; other ids stay as they are."""
    served = Served()
    ids = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}
    upper = {name: value.upper() for name, value in ids.items()}
    own = {"trace_id": "Order-4711", "span_id": "A" * 15 + "G"}
    for given_ids in (ids, upper, own):
        assert served.post("/v1/calls", {"service": "s", **given_ids}).status_code == 200
    small, capital, other = served.calls
    assert (capital.event_id, capital.trace_id, capital.span_id) == (small.event_id, *ids.values())
    assert {"trace_id": other.trace_id, "span_id": other.span_id} == own
    assert served.post("/v1/feedback", {"service": "s", "rating": "up", **upper}).status_code == 200
    assert served.scores[0].trace_id == ids["trace_id"]


def test_a_dead_letter_of_the_same_bytes_is_the_same() -> None:
    """However often it is sent: its place is made of them."""
    served = Served()
    for _ in range(2):
        served.post("/v1/calls", content=b"{broken")
    [key] = {dead_key(letter) for letter in served.dead}
    assert key.startswith(b"gateway calls/0/")


def test_nothing_taken_is_400() -> None:
    """With the reason; an empty array is nothing wrong."""
    served = Served()
    assert served.post("/v1/calls", {"model": "m"}).status_code == 400
    assert served.post("/v1/calls", content=b"").json() == {
        "error": "the body is empty: send a JSON object, an array of them, or one a line"
    }
    assert served.post("/v1/calls", []).json() == {"accepted": 0}


def test_fields_that_are_none_of_a_call_are_named_and_left_out() -> None:
    """They may hold a prompt, and a misspelt one should be seen."""
    served = Served()
    answer = served.post("/v1/calls", CALL | {"latency": 3, "messages": ["secret"]})
    assert answer.json() == {"accepted": 1, "ignored_fields": ["latency", "messages"]}
    assert b"secret" not in served.values(served.topics.calls.name)[0]
    without_id = {"service": "chat", "latency": 3}  # the id that it is given must not hide what is left out
    assert served.post("/v1/calls", without_id).json() == {"accepted": 1, "ignored_fields": ["latency"]}


def test_ids_are_derived() -> None:
    """Of trace and span, as OTLP's are; of the Idempotency-Key; of the message; made only without a time."""
    served = Served()
    bare = {name: value for name, value in CALL.items() if name != "event_id"}
    served.post("/v1/calls", bare | {"trace_id": "t", "span_id": "s"})
    for _ in range(2):
        served.post("/v1/calls", [bare, bare | {"model": "n"}])
        served.post("/v1/calls", {"service": "s"}, headers={"idempotency-key": "k"})
        served.post("/v1/calls", {"service": "s"})
    by_span, first, second, keyed, fresh, first_again, second_again, keyed_again, fresh_again = served.calls
    assert by_span.event_id == uuid5_of("t", "s")
    assert (first.event_id, second.event_id) == (first_again.event_id, second_again.event_id)
    assert first.event_id != second.event_id
    assert first.event_id == decode_call(json.dumps(bare).encode()).event_id
    assert keyed.event_id == keyed_again.event_id
    assert fresh.event_id != fresh_again.event_id
    assert fresh.tags[MENDED] == "event_id: made on arrival, without an id or a time: sent again it counts twice"
    assert fresh.ts == NOW


def test_costs_are_filled_in() -> None:
    """By the price table, as a Gauge does; a cost that is given stays."""
    served = Served()
    tokens = {"provider": "openai", "input_tokens": 1_000, "output_tokens": 100}
    served.post("/v1/calls", [CALL | tokens, CALL | tokens | {"cost_usd": 7.0}])
    assert [call.cost_usd for call in served.calls] == [0.0035, 7.0]
    assert served.calls[0].price_source.startswith("genai-prices")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_readers_of_the_bus_accept_is_accepted(path: Path) -> None:
    """Every golden call, and it stays what it was but for its cost."""
    raw = path.read_bytes()
    try:
        expected = msgspec.to_builtins(decode_call(raw))
    except DecodeError:
        return
    served = Served()
    assert served.post("/v1/calls", content=raw).status_code == 200
    assert msgspec.to_builtins(decode_call(served.values("llm.calls")[0])) == expected


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(sorted(Call.model_fields)), JSON), st.integers(0, 5))
def test_whatever_readers_make_of_a_call_is_made_here(changes: dict[str, Any], seed: int) -> None:
    """Any JSON in any field: accepted if they accept it, and then the same, but for what is filled in."""
    [base] = random_calls(1, seed=seed)
    raw = json.dumps(json.loads(encode(base)) | changes).encode()
    served = Served()
    answer = served.post("/v1/calls", content=raw)
    try:
        expected = msgspec.to_builtins(decode_call(raw))
    except DecodeError:
        return
    assert answer.status_code == 200, answer.text
    found = msgspec.to_builtins(decode_call(served.values("llm.calls")[0]))
    for name in expected.keys() - {"tags", "cost_usd", "price_source", "event_id"}:
        assert found[name] == expected[name], name


@pytest.mark.parametrize(
    ("limits", "request_of", "status"),
    [
        (Limits(100, 5_000, 10), {"content": b" " * 101}, 413),
        (
            Limits(1_000, 2_000, 10),
            {"content": gzip.compress(b" " * 2_001), "headers": {"content-encoding": "gzip"}},
            413,
        ),
        (Limits(10_000, 10_000, 2), {"body": [CALL] * 3}, 413),
        (Limits(10_000, 10_000, 2), {"content": b"{}", "headers": {"content-encoding": "br"}}, 415),
        (Limits(10_000, 10_000, 2), {"content": b"{}", "headers": {"content-encoding": "gzip"}}, 400),
        (Limits(10_000, 10_000, 2), {"content": b'{"a":' * 100 + b"1" + b"}" * 100}, 400),
    ],
)
def test_limits_hold(limits: Limits, request_of: Mapping[str, Any], status: int) -> None:
    """And nothing of such a request is on the bus."""
    served = Served(limits=limits)
    assert served.post("/v1/calls", **request_of).status_code == status
    assert not served.calls


def test_pressure_is_429_and_a_bus_that_is_down_503() -> None:
    """Both say when to send again. LiteLLM sends again only after a 5xx."""
    served = Served()
    served.bus.failure = Busy("20,000 events wait")
    answer = served.post("/v1/calls", CALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert served.post("/v1/litellm", [None]).status_code == 503
    served.bus.failure = BrokerError("down")
    answer = served.post("/v1/calls", CALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_rate_is_429_with_the_time_to_wait() -> None:
    """Of the service that sends too much."""
    served = Served(per_s=1)
    assert served.post("/v1/calls", [CALL] * 5).status_code == 200
    answer = served.post("/v1/calls", CALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert served.post("/v1/calls", CALL | {"service": "other"}).status_code == 200


def test_what_the_broker_will_never_take_is_refused_by_its_place() -> None:
    """The others of the batch are taken."""
    served = Served()
    served.bus.faults = {1: "Broker: Message size too large"}
    answer = served.post("/v1/calls", [CALL, CALL | {"event_id": "e2"}])
    assert answer.json() == {
        "accepted": 1, "refused": 1, "errors": [{"index": 1, "reason": "Broker: Message size too large"}]}  # fmt: skip


def test_every_text_is_redacted() -> None:
    """As a Gauge's; so are dead letters."""
    served, secret = Served(redactor=Redactor()), "anna@example.org"
    served.post("/v1/calls", CALL | {"error_message": f"a {secret}", "tags": {"t": secret, "n": 1}, "user_id": secret})
    served.post("/v1/calls", content=f"{{broken {secret}".encode())
    served.post("/v1/scores", {"service": "s", "name": "n", "value": 1, "comment": secret})
    [call], [score] = served.calls, served.scores
    assert (call.error_message, call.tags["t"], score.comment) == ("a [email]", "[email]", "[email]")
    assert len(served.bus.records) == 3
    assert not any(b"anna" in record.value for record in served.bus.records)


def test_pages_in_a_browser_may_not_send_without_keys() -> None:
    """Any page could reach a gateway on the loopback."""
    assert Served().post("/v1/calls", CALL, headers={"origin": "https://example.com"}).status_code == 403


def test_other_paths_and_methods_are_told() -> None:
    """404 and 405, as all errors: JSON, or for OTLP protobuf; what is there is named."""
    served = Served()
    answer = served.post("/v1/noth%07ing", {})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json()["error"].startswith("there is no path /v1/noth\\x07ing; there are /v1/calls, ")
    answer = served.post("/health", {})
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/json")
    assert answer.json() == {"error": "/health takes GET, HEAD, not POST"}
    assert answer.headers["allow"] == "GET, HEAD"
    answer = served.post("/v1/trace", content=b"", headers={"content-type": "application/x-protobuf"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/x-protobuf")
    assert Status.FromString(answer.content).message.startswith("there is no path /v1/trace; ")
