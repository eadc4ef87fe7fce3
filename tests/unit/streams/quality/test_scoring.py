"""From a record of the bus to the scores that are sent, and what the settings change of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callgauge.codec import decode_score, encode, read
from callgauge.content.choice import parse_choice
from callgauge.counted import LABELS
from callgauge.errors import DecodeError, SettingError
from callgauge.schema import Call, Content, Score
from callgauge.settings import load_settings
from callgauge_quality.heuristics import Expected, Heuristics
from callgauge_quality.names import BY_CALL, BY_TEXT
from callgauge_streams.quality.config import heuristics_of, parse_expected
from callgauge_streams.quality.messages import score_id_of
from callgauge_streams.quality.scoring import call_scores, content_scores

CONTENT = Content(
    event_id="e1",
    trace_id="t1",
    ts=1_700_000_000.0,
    service="chat",
    labels={"model": "m", "prompt_version": "v1"},
    prompt="How do I restart the gateway?",
    response="Sorry, but I can't assist with that.",
    sample_rate=0.5,
)
CALL = Call(
    event_id="e1", trace_id="t1", ts=1_700_000_000.0, latency_ms=2_000.0, service="chat", model="m",
    finish_reason="length", response_chars=40,
)  # fmt: skip


def scores(made: Any, message: Any, at_ms: int = 1_700_000_009_000) -> dict[str, Score]:
    value = message if isinstance(message, bytes | None) else encode(message)
    found = [(key, read(Score, score)) for key, score in made(value, at_ms)]
    assert all(key == (score.trace_id or score.score_id).encode() for key, score in found)
    return {score.name: score for _, score in found}


def test_a_content_has_the_scores_of_its_text() -> None:
    """With its call's labels, when it was appended, for as many calls as it stands for."""
    found = scores(content_scores(Heuristics()), CONTENT)
    assert {name: score.value for name, score in found.items()} == Heuristics().scores(
        CONTENT.prompt, CONTENT.response, "chat"
    )
    refusal = found["refusal"]
    assert refusal.value == 1.0
    assert (refusal.origin, refusal.service) == ("heuristic", "chat")
    # As the call's windows have them: what a call does not have is empty, and the series are the same.
    assert refusal.labels == {label: "" for label in LABELS if label != "service"} | CONTENT.labels
    assert (refusal.event_id, refusal.trace_id, refusal.ts, refusal.sample_rate) == ("e1", "t1", 1_700_000_009.0, 0.5)


def test_a_replay_gives_the_same_bytes() -> None:
    """So whoever has counted them once knows them again."""
    made, value = content_scores(Heuristics()), encode(CONTENT)
    assert list(made(value, 5_000)) == list(made(value, 5_000))
    ids = [decode_score(score).event_id for _, score in made(value, 5_000)]
    assert len(set(ids)) == len(ids)
    assert score_id_of("heuristic", "e1", "refusal") in ids
    assert score_id_of("judge:a", "e1", "refusal") != score_id_of("judge:b", "e1", "refusal")


def test_an_answer_without_text_has_no_scores() -> None:
    """There is nothing to say of it; a record that cannot be read is an error."""
    assert scores(content_scores(Heuristics()), CONTENT.model_copy(update={"response": ""})) == {}
    for broken in (b"{", b"", None, b'{"event_id": "x"}'):
        with pytest.raises(DecodeError):
            scores(content_scores(Heuristics()), broken)


def test_a_call_has_the_scores_that_need_no_text() -> None:
    """Under names of their own, at the end of the call, with all labels, known or empty."""
    found = scores(call_scores(parse_choice("all")), CALL)
    assert {name: score.value for name, score in found.items()} == {
        "response_length": 40.0, "cut_off": 1.0, "blocked": 0.0,
    }  # fmt: skip
    assert found.keys().isdisjoint(each.name for each in BY_TEXT)
    assert found.keys() == {each.name for each in BY_CALL}
    assert found["cut_off"].ts == 1_700_000_002.0
    assert found["cut_off"].labels["model"] == "m"
    assert found["cut_off"].labels["variant"] == ""


@pytest.mark.parametrize("odd", [{"finish_reason": None, "response_chars": "40"}, {"model": 7}, {"ts": "1700000000"}])
def test_a_call_with_an_odd_field_is_scored(odd: dict[str, Any]) -> None:
    """As rollup mends it; what cannot be counted is an error."""
    value = json.dumps(json.loads(encode(CALL)) | odd).encode()
    assert scores(call_scores(parse_choice("all")), value)["response_length"].value == 40.0
    for broken in (b"{", b"", None, b'{"event_id": "x"}'):
        with pytest.raises(DecodeError):
            scores(call_scores(parse_choice("all")), broken)


def test_calls_are_sampled_by_service() -> None:
    """By trace; a call of which nothing is known has none."""
    assert scores(call_scores(parse_choice("all,chat=off")), CALL) == {}
    assert (
        scores(call_scores(parse_choice("all")), CALL.model_copy(update={"finish_reason": "", "response_chars": None}))
        == {}
    )
    many = [
        scores(call_scores(parse_choice("0.1")), CALL.model_copy(update={"trace_id": f"t{n}"})) for n in range(1_000)
    ]
    assert 60 < sum(map(bool, many)) < 140
    assert {score.sample_rate for found in many for score in found.values()} == {0.1}


def test_a_clock_ahead_makes_no_score_of_the_future() -> None:
    """A call that ends after it was appended is scored when it was appended."""
    found = scores(call_scores(parse_choice("all")), CALL, at_ms=1_700_000_001_000)
    assert found["cut_off"].ts == 1_700_000_001.0


def test_what_services_expect_is_read() -> None:
    """JSON, a language, both; what stands alone is for all others."""
    assert parse_expected("") == {}
    assert parse_expected("extract=json, chat=de, extract=en, fr") == {
        "extract": Expected(json=True, language="en"),
        "chat": Expected(language="de"),
        "": Expected(language="fr"),
    }


def test_a_schema_is_compiled(tmp_path: Path) -> None:
    """And used; what is no schema is refused with its path."""
    path = tmp_path / "order.json"
    path.write_text(json.dumps({"type": "object", "required": ["id"]}))
    expected = parse_expected(f"orders={path}")
    judge = Heuristics(expected=expected)
    assert judge.scores("Order?", '{"id": 1}', "orders")["format_valid"] == 1.0
    assert judge.scores("Order?", '{"no": 1}', "orders")["format_valid"] == 0.0
    path.write_text('{"type": "objekt"}')
    with pytest.raises(SettingError, match=r"order.json: no JSON Schema"):
        parse_expected(f"orders={path}")
    with pytest.raises(SettingError, match="No such file"):
        parse_expected(f"orders={tmp_path / 'none.json'}")
    with pytest.raises(SettingError, match="write json"):
        parse_expected("orders=xml")


def test_settings_make_the_heuristics(tmp_path: Path) -> None:
    """Weights, threshold, phrases; wrong ones are refused by name."""
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("# ours\nBlast it\n\n")
    made = heuristics_of(
        load_settings(quality_weights="coherence=0", quality_refusal_threshold=0.99, quality_unsafe_file=phrases)
    )
    assert made.weights["coherence"] == 0.0
    assert made.scores("?", "Sorry, but I can't assist with that.")["refusal"] == 0.0
    assert made.scores("?", "Blast it! The pump is broken.")["unsafe_terms"] == 1.0
    with pytest.raises(SettingError, match="CALLGAUGE_QUALITY_WEIGHTS"):
        heuristics_of(load_settings(quality_weights="refusl=1"))
    with pytest.raises(SettingError, match="CALLGAUGE_QUALITY_UNSAFE_FILE"):
        heuristics_of(load_settings(quality_unsafe_file=tmp_path / "none"))


def test_scores_say_which_others_are_missing() -> None:
    """Of an answer in another language, in their comment."""
    german = CONTENT.model_copy(
        update={"prompt": "Wie geht das?", "response": "Das kann ich nicht sagen, es tut mir leid."}
    )
    found = scores(content_scores(Heuristics()), german)
    assert "refusal" not in found
    assert {score.comment for score in found.values()} == {"not scored: language (de)"}
    assert {score.comment for score in scores(content_scores(Heuristics()), CONTENT).values()} == {""}
