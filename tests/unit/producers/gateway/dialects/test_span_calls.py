"""Spans become calls: by which names, with which operation, and what stays out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.ids import uuid5_of
from callgauge.mending import MENDED, mended_call
from callgauge.schema import Call
from callgauge_gateway.dialects.gen_ai import GEN_AI, RESOURCE
from callgauge_gateway.dialects.litellm import LITELLM
from callgauge_gateway.dialects.openinference import OPENINFERENCE
from callgauge_gateway.dialects.openllmetry import OPENLLMETRY
from callgauge_gateway.dialects.span import ERROR, Span
from callgauge_gateway.dialects.span_calls import call_of_span, is_ours, resource_fields
from callgauge_gateway.dialects.table import Row
from tests.unit.producers.gateway.dialects.spans import START, call, event, span_of

MODEL = {"gen_ai.request.model": "m"}


@pytest.mark.parametrize("row", [*GEN_AI, *OPENLLMETRY, *OPENINFERENCE, *LITELLM, *RESOURCE], ids=lambda row: row.field)
def test_every_row_names_a_field_of_a_call(row: Row) -> None:
    """Or, with an underscore before it, says in its note what is made of it."""
    assert row.note if row.field.startswith("_") else row.field in Call.model_fields


def test_the_newest_name_counts_whatever_the_order() -> None:
    """gen_ai.provider.name goes before gen_ai.system, input_tokens before prompt_tokens."""
    attributes = {
        "gen_ai.system": "az.ai.openai",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.usage.prompt_tokens": 1,
        "gen_ai.usage.input_tokens": 2,
    }
    for order in (attributes, dict(reversed(attributes.items()))):
        found = call(MODEL | order)
        assert (found["provider"], found["input_tokens"]) == ("azure.ai.openai", 2)


def test_seconds_become_milliseconds() -> None:
    """time_to_first_chunk is in seconds."""
    found = call(MODEL | {"gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.request.stream": True})
    assert (found["time_to_first_token_ms"], found["stream"]) == (250.0, True)


def test_times_and_ids_are_the_spans() -> None:
    """The id is made of trace and span, so a span that is exported again is the same call."""
    found = call(MODEL, parent_span_id="c" * 16)
    assert (found["ts"], found["latency_ms"]) == (START / 1e9, 250.0)
    assert (found["trace_id"], found["span_id"], found["parent_span_id"]) == ("a" * 32, "b" * 16, "c" * 16)
    assert found["event_id"] == uuid5_of("a" * 32, "b" * 16) == call(MODEL)["event_id"]


def test_a_span_that_ends_before_it_starts_has_no_latency() -> None:
    """A wrong clock costs the latency, not the call."""
    assert "latency_ms" not in call(MODEL, end_ns=START - 1)


@pytest.mark.parametrize(
    ("attributes", "operation"),
    [
        ({"gen_ai.operation.name": "generate_content"}, "generate_content"),
        ({"gen_ai.operation.name": "execute_tool", "openinference.span.kind": "LLM"}, "execute_tool"),
        ({"openinference.span.kind": "RERANKER"}, "retrieval"),
        ({"openinference.span.kind": "guardrail"}, "chain"),
        ({"openinference.span.kind": "something new"}, "chain"),
        ({"llm.request.type": "completion", "traceloop.span.kind": "task"}, "text_completion"),
        ({"traceloop.span.kind": "agent"}, "invoke_agent"),
        ({"traceloop.span.kind": "workflow"}, "chain"),
        (MODEL, "chat"),
        ({"gen_ai.system": "openai"}, "chain"),
    ],
)
def test_the_operation_is_what_the_span_says_it_is(attributes: dict[str, Any], operation: str) -> None:
    """Each convention has its own word; OpenTelemetry's goes first."""
    assert call(attributes)["operation"] == operation


def test_what_is_no_call_of_a_model_has_no_tokens() -> None:
    """Its tokens are those of the calls inside it."""
    found = call({"openinference.span.kind": "AGENT", "llm.token_count.prompt": 5, "llm.cost.total": 0.1})
    assert found["operation"] == "invoke_agent"
    assert not {"input_tokens", "cost_usd", "price_source"} & found.keys()


def test_counts_that_exclude_become_counts_that_include() -> None:
    """More cached than the whole input: the emitter counts as Anthropic's API does."""
    found = call(
        MODEL
        | {
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": 128_955,
            "gen_ai.usage.cache_creation.input_tokens": 1_253,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": 90,
        }
    )
    assert (found["input_tokens"], found["output_tokens"]) == (130_213, 100)
    assert found["tags"][MENDED].startswith("input_tokens: the cached ones were not in it")


def test_a_total_alone_is_a_tag() -> None:
    """It is never split into input and output."""
    assert call(MODEL | {"llm.usage.total_tokens": 9})["tags"] == {"total_tokens": "9"}
    assert call(MODEL | {"gen_ai.usage.input_tokens": 4, "llm.usage.total_tokens": 9})["tags"] == {}


def test_associations_of_openllmetry_are_fields_and_tags() -> None:
    """user_id, session_id and feature are fields."""
    prefix = "traceloop.association.properties."
    found = call(MODEL | {f"{prefix}{name}": name for name in ("user_id", "session_id", "feature", "tenant")})
    assert (found["user_id"], found["session_id"], found["feature"]) == ("user_id", "session_id", "feature")
    assert found["tags"] == {"tenant": "tenant"}


def test_metadata_of_openinference_is_tags() -> None:
    """JSON text, of which short values are kept."""
    metadata = json.dumps({"tenant": "acme", "prompt": "secret", "long": "x" * 300, "plan": 2})
    found = call({"llm.model_name": "m", "metadata": metadata, "tag.tags": ["a", "b"]})
    assert found["tags"] == {"tenant": "acme", "plan": "2", "tags": "a,b"}


def test_the_request_tells_the_model_that_was_asked_for() -> None:
    """OpenInference's model_name is the one that answered."""
    parameters = json.dumps({"model": "gpt-4o", "stream": True, "user": "u", "messages": "never looked at"})
    found = call({"llm.model_name": "gpt-4o-2024-08-06", "llm.invocation_parameters": parameters})
    assert (found["model"], found["response_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (found["stream"], found["user_id"]) == (True, "u")


@pytest.mark.parametrize("name", ["First Token Stream Event", "llm.content.completion.chunk"])
def test_the_first_token_is_told_by_an_event(name: str) -> None:
    """The first of its kind."""
    found = call(MODEL, events=(event("other", 10), event(name, 40), event(name, 90)))
    assert (found["time_to_first_token_ms"], found["stream"]) == (40.0, True)


@pytest.mark.parametrize(
    ("attributes", "changes", "expected"),
    [
        ({}, {"status_code": 1}, {}),
        ({"error.type": "RateLimitError"}, {}, {"error_type": "rate_limit", "error_message": "RateLimitError"}),
        ({"error.type": "529"}, {}, {"error_type": "provider_down", "http_status": 529, "error_message": ""}),
        ({"error.type": "<class 'openai.APITimeoutError'>"}, {}, {"error_type": "timeout"}),
        ({"error.type": "_OTHER"}, {"status_code": ERROR}, {"error_type": "other", "error_message": ""}),
        ({"http.response.status_code": 503}, {"status_code": ERROR}, {"error_type": "provider_down"}),
        ({}, {"status_code": ERROR, "status_message": "Error code: 429 - {...}"}, {"error_type": "rate_limit"}),
        ({}, {"status_code": ERROR, "status_message": "my secret prompt"}, {"error_message": ""}),
        (
            {},
            {
                "status_code": ERROR,
                "events": (event("exception", exception__type="x.ContextWindowExceededError"),),
            },
            {"error_type": "context_window_exceeded", "error_message": "ContextWindowExceededError"},
        ),
    ],
)
def test_failures_are_told_by_name_and_status(
    attributes: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Never by free text, which might hold a prompt."""
    found = call(MODEL | attributes, **changes)
    assert found.get("status") == ("error" if expected else None)
    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("body", "error_type", "code"),
    [
        ({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}}, "other", " insufficient_quota"),
        ({"error": {"code": "context_length_exceeded"}}, "context_window_exceeded", " context_length_exceeded"),
        ({"type": "error", "error": {"type": "overloaded_error"}}, "provider_down", " overloaded_error"),
        ({"error": {"type": "requests", "code": "my_secret_word"}}, "rate_limit", ""),
        ({"error": {"type": "requests", "code": None}}, "rate_limit", ""),
    ],
)
@pytest.mark.parametrize("write", [str, json.dumps])
@pytest.mark.parametrize("place", ["status", "exception"])
def test_the_providers_code_says_what_class_and_status_do_not(
    place: str, write: Callable[[Any], str], body: Any, error_type: str, code: str
) -> None:
    """A spent quota is answered 429 too. Words that are no known code stay out, as all free text does."""
    message = f"Error code: 429 - {write(body)}"
    exception = event("exception", exception__type="openai.RateLimitError", exception__message=message)
    told: dict[str, Any] = {"status_message": message} if place == "status" else {"events": [exception]}
    found = call({"gen_ai.system": "openai", "error.type": "RateLimitError"}, status_code=ERROR, **told)
    assert (found["error_type"], found["http_status"]) == (error_type, 429)
    assert found["error_message"] == f"RateLimitError{code}"


def test_a_stop_by_the_caller_is_no_error() -> None:
    """A cancelled task."""
    found = call(MODEL | {"error.type": "CancelledError"}, status_code=ERROR)
    assert (found["status"], "error_type" in found) == ("cancelled", False)


def test_what_may_hold_content_or_secrets_is_no_tag() -> None:
    """By name and by length."""
    attributes = {
        "gen_ai.input.messages": "q",
        "traceloop.entity.output": "a",
        "db.query.text": "q",
        "http.request.header.authorization": "Bearer x",
        "app.apiKey": "k",
        "my.note": "n" * 257,
        "gen_ai.request.temperature": 0.2,
        "app.flag": True,
        "app.list": ["a", 1],
        "app.object": [{"a": 1}],
    }
    tags = call(MODEL | attributes)["tags"]
    assert tags == {"gen_ai.request.temperature": "0.2", "app.flag": "true", "app.list": '["a",1]'}


def test_tags_have_a_limit() -> None:
    """64 of them."""
    assert len(call(MODEL | {f"app.{n}": n for n in range(200)})["tags"]) == 64


def test_a_service_that_nobody_named_is_none() -> None:
    """Then the key's service is taken."""
    assert "service" not in resource_fields({"service.name": "unknown_service:python"})
    assert resource_fields({"service.name": "a", "deployment.environment": "prod"})["environment"] == "prod"


def test_spans_of_other_things_are_not_ours() -> None:
    """No attribute of the conventions."""
    assert not is_ours(span_of({"http.request.method": "GET"}))
    assert is_ours(span_of({"gen_ai.system": "x"}))


HUGE = st.sampled_from([10**400, -(10**400), float("inf"), float("nan"), "9" * 5_000])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | HUGE,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
NAMES = st.sampled_from([name for table in (GEN_AI, OPENLLMETRY, OPENINFERENCE) for row in table for name in row.names])


@given(st.dictionaries(NAMES, VALUES), st.integers(0, 3), st.integers(0, 2**63))
def test_no_span_is_lost_for_an_odd_attribute(attributes: dict[str, Any], code: int, end_ns: int) -> None:
    """Whatever stands in any attribute, there is a call that can be counted."""
    span: Span = span_of(attributes, status_code=code, end_ns=end_ns)
    Call(**mended_call(call_of_span(span).fields, now_s=1.0))
