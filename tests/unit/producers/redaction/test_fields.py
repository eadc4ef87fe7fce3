"""Each field of a call is redacted before it leaves the process: in messages, in the log, in what is read back."""

import json
import logging
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgauge import Call, Gauge, load_settings
from callgauge.codec import decode_call
from callgauge.errors import SettingError
from callgauge.outgoing import Outgoing
from callgauge.redaction.cutting import MARGIN, cut_redacted
from callgauge.redaction.fields import redacted_fields
from callgauge.redaction.redactor import FAILED, Redactor
from callgauge.testing import ManualClock, MemoryTransport
from tests.secrets_planted import leaks, planted

SETTINGS = load_settings(service="search")
FIELDS = sorted(Call.model_fields)


class Shown:
    """An object of a host, of which only `str` tells anything."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return f"{'x' * 1000} {self.text}"


#: The ways in which a host may hand a text over.
GIVEN: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "bytes": lambda text: text.encode(),
    "enum": lambda text: cast(Any, Enum)("Given", {"MEMBER": text}).MEMBER,
    "object": Shown,
    "list": lambda text: [1, {"deep": [text]}],
    "mapping": lambda text: {"a": {"b": text}},
    "name in a mapping": lambda text: {text: "value"},
    "JSON": lambda text: json.dumps({"user": {"note": text}}),
    "before a long end": lambda text: f"{'y' * 1000} {text} {'z' * 20_000}",
}


def sent_by(fields: Mapping[str, Any], hook: Any = None) -> tuple[list[str], list[Call]]:
    transport = MemoryTransport()
    with Gauge(SETTINGS, transport=transport, clock=ManualClock(1_700_000_000.0), redact=hook) as gauge:
        gauge.emit(fields)
        assert gauge.flush(10) == 0
        assert gauge.stats.failed == gauge.stats.dropped == 0
    return [f"{message.key!r} {message.value.decode()}" for message in transport.messages], transport.calls


def is_bare(secret: str, name: str) -> bool:
    """Whether it is a number without any sign of being one, in an id: ids are full of such numbers."""
    return secret.isalnum() and name in ("event_id", "trace_id", "span_id", "parent_span_id", "user_id", "session_id")


@settings(max_examples=400, deadline=None)
@given(planted(), st.sampled_from([*FIELDS, "no_such_field"]), st.sampled_from(sorted(GIVEN)))
def test_no_field_lets_a_secret_out(case: tuple[str, str, str], name: str, form: str) -> None:
    """Whatever field it stands in and however it is given, the message is without it, and can be read: so no dead
    letter holds it."""
    text, secret, _ = case
    outgoing = Outgoing({"service": "search"}, redact=partial(redacted_fields, Redactor()))
    key, value = outgoing.message_of(({"event_id": "e", "service": "", name: GIVEN[form](text)}, 1_700_000_000.0))
    decode_call(value)
    assert is_bare(secret, name) or not leaks(f"{key!r} {value.decode()}", secret)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(planted(), st.sampled_from([*FIELDS, "no_such_field"]), st.sampled_from(sorted(GIVEN)))
def test_no_line_of_the_log_holds_a_secret(
    caplog: pytest.LogCaptureFixture, case: tuple[str, str, str], name: str, form: str
) -> None:
    """A Gauge tells of odd fields, of unknown ones by their name, and of models without a price."""
    text, secret, _ = case
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        messages, _ = sent_by({"model": text, "input_tokens": 5, name: GIVEN[form](text), text: 1})
    for line in [*caplog.messages, *messages]:
        assert is_bare(secret, name) or not leaks(line, secret), line


@given(planted(), st.sampled_from(["error_message", "model", "user_id", "tags", "prompt_version"]))
def test_a_call_object_is_redacted_too(case: tuple[str, str, str], name: str) -> None:
    """A `Call` that is ready made goes the same way."""
    text, secret, _ = case
    value: Any = {"note": text, text[:256]: "x"} if name == "tags" else text[:256]
    transport = MemoryTransport()
    with Gauge(SETTINGS, transport=transport) as gauge:
        gauge.emit(Call(event_id="e", ts=1.0, service="search", **{name: value}))
    (message,) = transport.messages
    if len(text) <= 256:
        assert not leaks(message.value.decode(), secret)


def test_what_holds_no_secret_stays_as_it_was() -> None:
    """The fields of an ordinary call are sent as they were given."""
    given_fields = {
        "model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "user_id": "4111111111111111",
        "error_message": "RateLimitError rate_limit_exceeded",
        "tags": {"tier": "gold", "build": "2026-11-28.4"},
        "latency_ms": 812.5,
    }
    assert redacted_fields(Redactor(), given_fields) == given_fields


def test_two_ids_that_hold_secrets_stay_two() -> None:
    """An id that is replaced is unlike any other, so that no call is taken for a duplicate."""
    _, (anna,) = sent_by({"event_id": "anna@example.org", "trace_id": "anna@example.org"})
    _, (ben,) = sent_by({"event_id": "ben@example.org"})
    assert anna.event_id != ben.event_id
    assert anna.event_id == anna.trace_id
    assert "@" not in anna.event_id + ben.event_id


def test_a_secret_across_the_cut_leaves_nothing() -> None:
    """An error message is cut to 1,024 characters after it was redacted, not before."""
    _, (call,) = sent_by({"error_message": "x" * 1010 + " sk-proj-Q8zXw0v2rTn6JdKfLm3sYb"})
    assert call.error_message == "x" * 1010 + " [openai_key]"


@pytest.mark.parametrize("length", [0, 5, 15, 30, MARGIN - 10, MARGIN + 10])
def test_nothing_of_a_secret_is_left_where_a_text_is_cut(length: int) -> None:
    """Wherever the cut lies in a secret, and though the text was cut before."""
    secret = "sk-proj-" + "aB3d" * 8
    text = "y " * 500 + secret + " z" * 4_000
    for most in range(1_000, 1_000 + len(secret) + 2):
        redacted, _, was_cut = cut_redacted(Redactor(), text, most)
        assert was_cut
        assert "aB3d" not in redacted
    redacted, _, was_cut = cut_redacted(Redactor(), text[: 1_000 + length], 100_000, is_cut=True)
    assert was_cut
    assert "aB3d" not in redacted


def test_the_hook_of_a_gauge_has_the_last_word() -> None:
    """It is given each text of a call; when it fails, nothing of the text is sent, and the call is."""
    _, (call,) = sent_by({"feature": "ACME"}, lambda text: text.replace("ACME", "[customer]"))
    assert call.feature == "[customer]"

    def fail(text: str) -> str:
        raise ValueError(text)

    _, (call,) = sent_by({"feature": "ACME", "latency_ms": 5.0}, fail)
    assert (call.feature, call.latency_ms) == (FAILED, 5.0)


def test_a_hook_does_not_touch_ids_that_were_generated() -> None:
    """A call keeps the id that `emit` gave, and its place in its trace."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    transport = MemoryTransport()
    with Gauge(SETTINGS, transport=transport, redact=str.upper) as gauge:
        sent = gauge.emit(trace_id=trace, feature="acme")
    (call,) = transport.calls
    assert (call.event_id, call.trace_id, call.feature) == (sent, trace, "ACME")


def test_redaction_can_be_turned_off() -> None:
    """Then all is sent as it is; a hook is refused, since it would not be asked."""
    off = load_settings(service="search", redact=False)
    transport = MemoryTransport()
    with Gauge(off, transport=transport) as gauge:
        gauge.emit(user_id="anna@example.org")
    assert transport.calls[0].user_id == "anna@example.org"
    with pytest.raises(SettingError, match="CALLGAUGE_REDACT is false"):
        Gauge(off, transport=transport, redact=str)


def test_users_stay_apart_by_the_key_that_is_set() -> None:
    """CALLGAUGE_REDACT_KEY makes the digest; the same user has the same one in each process."""
    keyed = load_settings(service="search", redact_key="fleet")
    transport = MemoryTransport()
    for _ in range(2):
        with Gauge(keyed, transport=transport) as gauge:
            gauge.emit(user_id="anna@example.org")
            gauge.emit(user_id="ben@example.org")
    users = [call.user_id for call in transport.calls]
    assert users[:2] == users[2:]
    assert len(set(users)) == 2
    assert all(user.startswith("[email:") for user in users)


@settings(max_examples=30, deadline=None)
@given(planted(), st.sampled_from(["comment", "name", "reason", "label"]))
def test_judgements_are_redacted_too(case: tuple[str, str, str], where: str) -> None:
    """A user's comment, the name of a score, why a breaker opened, and its labels."""
    text, secret, _ = case
    transport = MemoryTransport()
    with Gauge(SETTINGS, transport=transport) as gauge:
        if where in ("comment", "name"):
            sent = gauge.score(text if where == "name" else "thumbs", 1.0, comment=text)
        else:
            sent = gauge.breaker("openai", "closed", "open", text, provider=text)
    assert sent
    for message in transport.messages:
        assert not leaks(message.value.decode(), secret)


def test_neither_the_log_of_calls_nor_the_disk_holds_a_secret(tmp_path: Path) -> None:
    """A line per call, and what is kept while the bus is away, are made of what may be sent."""
    transport = MemoryTransport(full=True)
    kept_in: dict[str, Any] = {"spill_dir": tmp_path / "spill", "log_calls": str(tmp_path / "calls.log")}
    made = load_settings(service="search", queue_size=100, content="all", **kept_in)
    with Gauge(made, transport=transport) as gauge:
        for _ in range(20):
            gauge.emit(error_message="ask anna@example.org", status="error", response="sk-proj-Q8zXw0v2rTn6JdKfLm3sYb")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert kept.count(b"ask [email]") > 20, "both hold some"
    assert b"example.org" not in kept
    assert b"Q8zXw0v2" not in kept
