"""What is sent again for a dead letter, and why not."""

from __future__ import annotations

import base64

import pytest

from callgauge.codec import decode_call, decode_score, encode
from callgauge.dead_letter import RAW_BYTES
from callgauge.schema import Call, DeadLetter, Score, StateChange
from callgauge_sinks.dead.resend import Original, Resend, Skip, kept_bytes, resend_of
from callgauge_sinks.dead.selection import LetterId

DECODERS = {"llm.calls": decode_call, "llm.scores": decode_score}
CALL = Call(event_id="e1", trace_id="t1", ts=5.0, service="s", model="m")


def letter_of(value: bytes, topic: str = "llm.calls", reason: str = "was not known then") -> DeadLetter:
    raw = base64.b64encode(value[:RAW_BYTES]).decode()
    return DeadLetter(topic=topic, partition=2, offset=9, ts=50.0, reason=reason, size=len(value), raw=raw)


def why_not(letter: DeadLetter, original: Original | None = None) -> str:
    found = resend_of(letter, original, DECODERS)
    assert isinstance(found, Skip)
    assert found.letter == LetterId("llm.calls", 2, 9)
    return found.why


def test_it_goes_where_it_came_from() -> None:
    """Same topic, partition and bytes; the key as an emitter makes it; so the event is the same."""
    value = encode(CALL)
    place = LetterId("llm.calls", 2, 9)
    assert resend_of(letter_of(value), None, DECODERS) == Resend("llm.calls", 2, b"t1", value, "e1", 5.0, place)


def test_the_record_s_own_key_is_kept() -> None:
    """If its topic still holds the record, whatever its key is."""
    value = encode(CALL)
    found = resend_of(letter_of(value), Original(value, b"own"), DECODERS)
    assert isinstance(found, Resend)
    assert found.key == b"own"


@pytest.mark.parametrize(
    ("event", "topic", "key", "event_id"),
    [
        (CALL.model_copy(update={"trace_id": ""}), "llm.calls", b"e1", "e1"),
        (Score(score_id="s1", ts=1, name="n", value=1, service="s", event_id="e1"), "llm.scores", b"s1", "s1"),
        (Score(score_id="s1", ts=1, name="n", value=1, service="s", trace_id="t"), "llm.scores", b"t", "s1"),
        (
            StateChange(event_id="c1", ts=1, service="s", breaker="b", from_state="open", to_state="closed"),
            "llm.scores",
            b"c1",
            "c1",
        ),
    ],
)
def test_keys_and_ids(event: Call | Score | StateChange, topic: str, key: bytes, event_id: str) -> None:
    """trace_id, else the event's own id."""
    found = resend_of(letter_of(encode(event), topic), None, DECODERS)
    assert isinstance(found, Resend)
    assert (found.key, found.event_id) == (key, event_id)


def test_a_long_record_is_fetched() -> None:
    """Its letter has only the first 64 KiB; the whole is sent if the topic still has it, and it is the same record."""
    value = encode(CALL)[:-1] + b" " * RAW_BYTES + b"}"
    letter = letter_of(value)
    assert len(kept_bytes(letter)) == RAW_BYTES
    found = resend_of(letter, Original(value, b"t1"), DECODERS)
    assert isinstance(found, Resend)
    assert found.value == value
    for other in (None, Original(value + b" ", b"t1"), Original(b"x" + value[1:], b"t1")):
        assert why_not(letter, other).startswith(
            "only its first 64 KiB were kept, and its topic does not hold the record"
        )


def test_another_record_at_its_place_is_not_taken_for_it() -> None:
    """The topic was made anew: what the letter holds is sent."""
    value = encode(CALL)
    found = resend_of(letter_of(value), Original(b"other", b"k"), DECODERS)
    assert isinstance(found, Resend)
    assert (found.value, found.key) == (value, b"t1")


def test_what_still_cannot_be_read() -> None:
    """Would only be a dead letter again."""
    assert why_not(letter_of(b"{")).startswith("still cannot be read: not JSON")
    assert why_not(letter_of(b"")) == "still cannot be read: empty message"
    assert "still cannot be read: ts: " in why_not(letter_of(b'{"event_id": "e", "ts": "x", "service": "s"}'))


def test_what_was_counted() -> None:
    """A sink could make no row of it, but rollup had read it."""
    letter = letter_of(encode(CALL), reason="fits no column: integer too large")
    assert why_not(letter).startswith("it was read and counted")


def test_a_topic_nobody_knows() -> None:
    """Another prefix, perhaps."""
    found = resend_of(letter_of(encode(CALL), "x.calls"), None, DECODERS)
    assert isinstance(found, Skip)
    assert found.why == "x.calls is none of llm.calls, llm.scores: is CALLGAUGE_TOPIC_PREFIX right?"


def test_what_the_gateway_refused_was_never_on_a_topic() -> None:
    """It is said who must send it again."""
    letter = letter_of(encode(CALL)).model_copy(update={"topic": "gateway calls"})
    found = resend_of(letter, None, DECODERS)
    assert isinstance(found, Skip)
    assert "mend the emitter" in found.why
