"""Feedback, outcomes and metrics become scores."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.errors import DecodeError
from callgauge.judgements import feedback_scores
from callgauge.refs import ref_of
from callgauge_gateway.dialects.judgements import SHAPES, call_of_ref


def score(shape: str, **given: Any) -> dict[str, Any]:
    [event] = SHAPES[shape](given, call_of_ref)
    return event.fields


def test_a_score_stays_as_it_is() -> None:
    """So does the change of a breaker."""
    given = {"score_id": "s", "ts": 1.0, "service": "a", "name": "n", "value": 1}
    assert score("scores", **given) == {**given, "kind": "score"}
    assert score("scores", to_state="open", breaker="b")["kind"] == "state_change"
    with pytest.raises(DecodeError, match="kind: missing"):
        score("scores", name="n")


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"rating": "up"}, "thumbs", 1.0),
        ({"rating": "👎"}, "thumbs", 0.0),
        ({"rating": " Like "}, "thumbs", 1.0),
        ({"rating": True}, "thumbs", 1.0),
        ({"rating": 4}, "rating", 4),
        ({"rating": "2"}, "rating", "2"),
        ({"rating": 1}, "rating", 1),
        ({"thumbs": "down"}, "thumbs", 0.0),
        ({"thumbs": 1}, "thumbs", 1.0),
        ({"value": 3}, "rating", 3),
        ({"rating": "up", "name": "helpful"}, "helpful", 1.0),
    ],
)
def test_feedback_has_the_names_that_the_sdk_gives_it(given: dict[str, Any], name: str, value: Any) -> None:
    """Thumbs and stars are no values of one score: their mean would mean nothing."""
    found = score("feedback", event_id="e", **given)
    assert (found["name"], found["value"], found["origin"]) == (name, value, "user")


def test_thumbs_and_a_rating_are_two_scores() -> None:
    """As in the SDK and the console."""
    events = SHAPES["feedback"]({"thumbs": True, "rating": 4, "comment": "c", "name": "one of both"}, call_of_ref)
    assert [(e.fields["name"], e.fields["value"], e.fields["comment"]) for e in events] == [
        ("thumbs", 1.0, "c"),
        ("rating", 4, "c"),
    ]
    for thumbs, rating in (("up", 4), ("down", None), (False, 2)):
        given = {"thumbs": thumbs, "rating": rating}
        ours = [(e.fields["name"], e.fields["value"]) for e in SHAPES["feedback"](given, call_of_ref)]
        assert ours == feedback_scores(thumbs, rating)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rating": "so-so"}, "rating: neither up nor down nor a number"),
        ({"thumbs": "so-so"}, "thumbs: neither up nor down"),
        ({"thumbs": []}, "thumbs: neither up nor down"),
        ({"thumbs": 3}, "thumbs: neither up nor down"),
        ({}, "rating: missing"),
    ],
)
def test_a_rating_that_is_none_is_refused_by_its_name(given: dict[str, Any], said: str) -> None:
    """People send `rating`, so that is what they hear of."""
    with pytest.raises(DecodeError, match=said):
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
