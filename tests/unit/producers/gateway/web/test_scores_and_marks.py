"""POST /v1/scores, feedback, outcomes, metrics and marks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.codec import decode_score
from callgauge.errors import DecodeError
from callgauge.schema import Mark, Score, StateChange
from callgauge_gateway.batch import Record
from tests.gateway.served import NOW, Served
from tests.unit.producers.gateway.web.odd_json import JSON


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("scores", {"score_id": "s1", "name": "help", "value": 0.5, "origin": "judge"}, ("help", 0.5, "judge")),
        ("feedback", {"rating": "down", "event_id": "e1", "comment": "no"}, ("thumbs", 0.0, "user")),
        ("outcomes", {"name": "resolved", "value": True}, ("resolved", 1.0, "business")),
        ("metrics", {"name": "queue", "value": 12, "model": "m"}, ("queue", 12.0, "other")),
    ],
)
def test_judgements_become_scores(path: str, body: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Each path has its origin."""
    served = Served()
    assert served.post(f"/v1/{path}", [body | {"service": "chat"}]).json() == {"accepted": 1}
    [score] = served.scores
    assert (score.name, score.value, score.origin) == expected
    assert (score.service, score.ts) == ("chat", NOW)


def test_a_score_that_readers_accept_is_accepted() -> None:
    """A state change among them; one without a value is refused."""
    served = Served()
    change = {"kind": "state_change", "event_id": "c", "ts": 1.0, "service": "s", "breaker": "b", "to_state": "open"}
    answer = served.post("/v1/scores", [change, {"name": "n", "service": "s"}, {"value": 1, "service": "s", "ts": 5}])
    assert answer.json()["accepted"] == 2
    found = [decode_score(value) for value in served.values("llm.scores")]
    assert [(each.event_id, each.name) for each in found] == [("c", "breaker_open"), (found[1].event_id, "other")]


def test_thumbs_and_a_rating_have_ids_of_their_own() -> None:
    """The same when they are sent again."""
    served = Served()
    for _ in range(2):
        said = {"thumbs": "up", "rating": 4, "service": "s", "event_id": "e", "ts": 1.7e9}
        assert served.post("/v1/feedback", said).json() == {"accepted": 2}
    thumbs, rating, *again = served.scores
    assert [thumbs, rating] == again
    assert thumbs.score_id != rating.score_id


@pytest.mark.parametrize("path", ["scores", "feedback", "outcomes", "metrics", "marks"])
def test_fields_that_none_has_are_named(path: str) -> None:
    """In the answer, as of calls: somebody has misspelt one."""
    body = {"service": "s", "name": "n", "value": 1, "text": "t", "model": "m", "coment": "c"}
    assert Served().post(f"/v1/{path}", body).json() == {"accepted": 1, "ignored_fields": ["coment"]}


def test_metrics_of_otlp_are_passed_over() -> None:
    """Exporters send them to the same path, and are not told that it fails."""
    served = Served()
    answer = served.post("/v1/metrics", content=b"\x0a\x00", headers={"content-type": "application/x-protobuf"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert served.post("/v1/metrics", {"resourceMetrics": []}).json() == {}
    assert not served.bus.records


def test_marks_are_kept_with_the_rules() -> None:
    """Under a key of their own; without a service they are everybody's."""
    served = Served()
    mark = {"text": "gpt-4o → gpt-4.1", "effective_from": "2023-11-14T22:00:00Z"}
    for _ in range(2):
        assert served.post("/v1/marks", [mark, mark | {"service": "chat"}]).json() == {"accepted": 2}
    first, second, *again = served.marks
    assert (first.text, first.service, second.service) == ("gpt-4o → gpt-4.1", "", "chat")
    assert [first, second] == again
    records: list[Record] = served.bus.records
    assert records[0].key == f"mark/{first.mark_id}".encode()
    assert served.post("/v1/marks", {"service": "chat"}).status_code == 400


SCORE = {"score_id": "s", "ts": 1.7e9, "name": "help", "value": 0.5, "service": "chat", "labels": {"model": "m"}}


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(sorted({*Score.model_fields, *StateChange.model_fields})), JSON))
def test_whatever_readers_make_of_a_score_is_made_here(changes: dict[str, Any]) -> None:
    """Of a score and of the change of a breaker: accepted if they accept it, and then the same."""
    raw = json.dumps(SCORE | changes).encode()
    served = Served()
    answer = served.post("/v1/scores", content=raw)
    try:
        expected = decode_score(raw)
    except DecodeError:
        return
    assert answer.status_code == 200, answer.text
    found = decode_score(served.values("llm.scores")[0])
    for name in ("ts", "service", "name", "origin", "value", "call_id"):
        assert getattr(found, name) == getattr(expected, name), name


FIELDS = sorted({*Score.model_fields, *Mark.model_fields, "rating", "ref", "model"})


@settings(max_examples=150)
@given(st.sampled_from(["feedback", "outcomes", "metrics", "marks"]), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_odd_judgements_and_marks_are_taken_or_refused(path: str, changes: dict[str, Any]) -> None:
    """Whatever stands in any field: never an error of ours, and what is taken can be read."""
    served = Served()
    answer = served.post(f"/v1/{path}", SCORE | {"text": "t", "rating": "up"} | changes)
    assert answer.status_code in (200, 400)
    assert len(served.scores) + len(served.marks) == answer.json()["accepted"]
