"""Feedback, outcomes and metrics become scores."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.errors import DecodeError
from callgauge.refs import ref_of
from callgauge_gateway.dialects.judgements import SHAPES, call_of_ref


def score(shape: str, **given: Any) -> dict[str, Any]:
    return SHAPES[shape](given, call_of_ref).fields


def test_a_score_stays_as_it_is() -> None:
    """So does the change of a breaker."""
    given = {"score_id": "s", "ts": 1.0, "service": "a", "name": "n", "value": 1}
    assert score("scores", **given) == {**given, "kind": "score"}
    assert score("scores", to_state="open", breaker="b")["kind"] == "state_change"
    with pytest.raises(DecodeError, match="kind: missing"):
        score("scores", name="n")


@pytest.mark.parametrize(
    ("rating", "value"), [("up", 1.0), ("👎", 0.0), (" Like ", 1.0), (True, True), (4, 4), ("2", "2")]
)
def test_a_rating_is_a_value(rating: Any, value: Any) -> None:
    """Words, flags (mended to 1 and 0) and numbers."""
    found = score("feedback", rating=rating, event_id="e")
    assert (found["value"], found["name"], found["origin"]) == (value, "feedback", "user")


@pytest.mark.parametrize(
    ("given", "said"), [({"rating": "so-so"}, "neither up nor down nor a number"), ({}, "missing")]
)
def test_a_rating_that_is_none_is_refused_by_its_name(given: dict[str, Any], said: str) -> None:
    """People send `rating`, so that is what they hear of."""
    with pytest.raises(DecodeError, match=f"rating: {said}"):
        score("feedback", event_id="e", service="s", **given)


def test_an_outcome_that_is_told_happened() -> None:
    """Without a value it is 1."""
    found = score("outcomes", name="resolved", trace_id="t")
    assert (found["value"], found["origin"], found["name"]) == (1.0, "business", "resolved")
    assert score("outcomes", name="revenue", value=12.5)["value"] == 12.5
    with pytest.raises(DecodeError, match="name: missing"):
        score("outcomes", value=1)


def test_labels_beside_are_labels() -> None:
    """Those that calls have; `labels` itself goes first."""
    found = score("metrics", name="queue", value=3, model="m", variant="b", labels={"variant": "a"}, service="s")
    assert (found["labels"], found["origin"], found["service"]) == ({"model": "m", "variant": "a"}, "other", "s")


def test_a_ref_stands_for_its_call() -> None:
    """What is given besides goes first; a token that is none is refused."""
    ref = ref_of({"event_id": "e1", "trace_id": "t1", "service": "s", "model": "m"}, complete=False)
    found = score("feedback", ref=ref, rating="up", service="mine")
    assert (found["event_id"], found["trace_id"], found["service"]) == ("e1", "t1", "mine")
    assert found["labels"] == {"model": "m"}
    with pytest.raises(DecodeError, match=r"ref: it is no ref of a call, .* give event_id"):
        score("feedback", ref="r1", rating="up")
    with pytest.raises(DecodeError, match="ref: a token is text"):
        score("feedback", ref=1, rating="up")
