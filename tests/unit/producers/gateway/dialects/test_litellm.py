"""LiteLLM's payloads: what the golden ones do not show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.errors import DecodeError
from callgauge.mending import mended_call
from callgauge.schema import Call
from callgauge_gateway.dialects.litellm import call_of_payload, without_content

GOLDEN = Path(__file__).parents[4] / "golden" / "gateway"
CHAT: dict[str, Any] = json.loads((GOLDEN / "litellm_chat.json").read_bytes())["payload"]
FAILED: dict[str, Any] = json.loads((GOLDEN / "litellm_rate_limit.json").read_bytes())["payload"]


def call(**changes: Any) -> dict[str, Any]:
    return call_of_payload(CHAT | changes, "litellm").fields


def test_null_says_what_it_is() -> None:
    """LiteLLM sends one where it had no payload."""
    with pytest.raises(DecodeError, match="no payload"):
        call_of_payload(None, "litellm")


def test_the_old_shape_is_refused_clearly() -> None:
    """And it is said how to leave it."""
    with pytest.raises(DecodeError, match="generic_api_use_v1"):
        call_of_payload({"id": "x", "call_type": "completion", "start_time": "2026-01-01", "usage": {}}, "litellm")


def test_zero_is_no_price_where_litellm_says_so() -> None:
    """The price table then has its say."""
    assert "cost_usd" not in call(response_cost=0.0, response_cost_failure_debug_info={"error_str": "unknown model"})


def test_an_answer_from_its_cache_costs_nothing() -> None:
    """Whatever the cost says."""
    found = call(cache_hit=True, response_cost=None)
    assert (found["cache_hit"], found["cost_usd"], found["price_source"]) == (True, 0.0, "litellm")


def test_the_model_asked_for_is_the_group() -> None:
    """A proxy's name for it goes first."""
    assert call(model_group="fast")["model"] == "fast"


def test_whose_call_it_is_comes_from_the_key() -> None:
    """The team, else the key, else LiteLLM itself."""
    team = CHAT["metadata"] | {"user_api_key_team_alias": "team", "user_api_key_alias": "key"}
    assert call(metadata=team)["service"] == "team"
    assert call(metadata=team | {"user_api_key_team_alias": None})["service"] == "key"
    assert call()["service"] == "litellm"


def test_metadata_are_tags_and_a_feature() -> None:
    """Short values; nothing that may hold content."""
    found = call(metadata=CHAT["metadata"] | {"spend_logs_metadata": {"feature": "search", "team": "a", "prompt": "p"}})
    assert (found["feature"], found["tags"]) == ("search", {"tags": "search", "team": "a"})


def test_headers_tell_of_rate_limits() -> None:
    """With underscores or dashes."""
    headers = {"x_ratelimit_limit_requests": 500, "llm_provider-x-ratelimit-remaining-tokens": "29000"}
    found = call(hidden_params=CHAT["hidden_params"] | {"additional_headers": headers})
    assert (found["rate_limit_limit_requests"], found["rate_limit_remaining_tokens"]) == (500, "29000")


@pytest.mark.parametrize(
    ("more", "error_type", "said"),
    [
        ({"error_message": "OpenAIException - {'code': 'insufficient_quota'}"}, "other", " insufficient_quota"),
        ({"error_rate_limit_type": "budget"}, "other", " budget"),
        ({"error_rate_limit_type": "tokens", "error_message": "a secret"}, "rate_limit", ""),
        ({"error_message": 5, "error_rate_limit_type": []}, "rate_limit", ""),
    ],
)
def test_a_spent_budget_is_no_rate_limit(more: dict[str, Any], error_type: str, said: str) -> None:
    """Though it has the class and the status of one; who limited is a tag."""
    told = {"error_class": "RateLimitError", "error_code": "429", "error_rate_limit_category": "vendor_rate_limit"}
    found = call(status="failure", error_information=told | more)
    assert (found["error_type"], found["http_status"]) == (error_type, 429)
    assert found["error_message"] == f"RateLimitError{said}"
    assert found["tags"]["rate_limit_category"] == "vendor_rate_limit"


def test_attempts_of_one_request_stay_apart() -> None:
    """They share LiteLLM's id; the same attempt sent again is the same call."""
    first = call_of_payload(FAILED, "l").fields["event_id"]
    again = call_of_payload(FAILED | {"startTime": FAILED["startTime"] + 1}, "l").fields["event_id"]
    assert first != again
    assert first == call_of_payload(FAILED, "l").fields["event_id"]


@pytest.mark.parametrize(
    ("call_type", "operation"),
    [
        ("acompletion", "chat"),
        ("aresponses", "chat"),
        ("anthropic_messages", "chat"),
        ("aembedding", "embeddings"),
        ("atext_completion", "text_completion"),
        ("arerank", "retrieval"),
        (None, "chat"),
    ],
)
def test_the_call_type_is_the_operation(call_type: str | None, operation: str) -> None:
    """Async or not."""
    assert call(call_type=call_type)["operation"] == operation


def test_a_dead_letter_of_it_holds_no_content() -> None:
    """Neither messages nor the response."""
    assert not {"messages", "response", "model_parameters"} & without_content(CHAT).keys()
    assert without_content([1]) == [1]


HUGE = st.sampled_from([10**400, -(10**400), float("inf"), float("nan"), "9" * 5_000])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | HUGE
VALUES: st.SearchStrategy[Any] = PLAIN | st.lists(st.text()) | st.just({"a": {}})


@given(st.dictionaries(st.sampled_from(sorted(CHAT)), VALUES))
def test_no_payload_is_lost_for_an_odd_field(changes: dict[str, Any]) -> None:
    """Whatever stands in any of its fields, there is a call that can be counted."""
    Call(**mended_call(call_of_payload(CHAT | changes, "litellm").fields | {"event_id": "e"}, now_s=1.0))
