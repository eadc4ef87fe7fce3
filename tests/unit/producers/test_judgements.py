"""Scores, feedback, outcomes and breakers: what is sent of them, and that nothing reaches the host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from callgauge import Call, Gauge, Score, load_settings
from callgauge.testing import ManualClock, MemoryTransport

SETTINGS = load_settings(service="search", environment="prod", gauge_heartbeat_s=0.0)


class Judging:
    """A gauge, and what is on the bus when everything has arrived."""

    def __init__(self) -> None:
        self._transport = MemoryTransport()
        self.clock = ManualClock(1_000.0)
        self.gauge = Gauge(SETTINGS, transport=self._transport, clock=self.clock)

    @property
    def bus(self) -> MemoryTransport:
        assert self.gauge.flush(5) == 0
        return self._transport

    @property
    def score(self) -> Score:
        (score,) = self.bus.scores
        return score


@pytest.fixture
def judging() -> Iterator[Judging]:
    made = Judging()
    yield made
    made.gauge.close(0.1)


def test_a_score_of_a_call(judging: Judging) -> None:
    """It has the call's ids, service and labels, whether the call or its ref is given."""
    with judging.gauge.trace("t"), judging.gauge.call(model="m", provider="p") as call:
        call.set(prompt_version="v7", response_model="m-1")
    for judged in (call, call.ref):
        judging.clock.advance(1.0)
        assert judging.gauge.score("helpfulness", 0.8, judged, origin="judge", comment="short")
    first, second = judging.bus.scores
    (sent,) = (each for each in judging.bus.calls if each.model)
    assert first == second.model_copy(update={"score_id": first.score_id, "ts": 1_001.0})
    assert (first.event_id, first.trace_id, first.service) == (sent.event_id, sent.trace_id, "search")
    assert (first.name, first.value, first.origin, first.comment) == ("helpfulness", 0.8, "judge", "short")
    assert first.labels == {
        "environment": "prod",
        "feature": "",
        "endpoint": "",
        "operation": "chat",
        "provider": "p",
        "model": "m",
        "response_model": "m-1",
        "prompt_version": "v7",
        "variant": "",
    }
    assert {message.key for message in judging.bus.messages} == {sent.trace_id.encode()}


def test_a_ref_from_inside_the_block(judging: Judging) -> None:
    """Is of the call that is emitted later, and does not claim to know what may still be set."""
    with judging.gauge.call(model="m") as call:
        ref = call.ref
        call.set(response_model="m-1")
    judging.gauge.score("s", 1, ref)
    assert judging.score.event_id == judging.bus.calls[0].event_id == call.event_id
    assert judging.score.labels == {"environment": "prod", "model": "m"}


def test_a_score_of_a_ready_call(judging: Judging) -> None:
    """A `Call` is its own ref."""
    judging.gauge.score("s", 1, Call(event_id="e", ts=1.0, service="other", model="m", trace_id="t"))
    score = judging.score
    assert (score.event_id, score.trace_id, score.service, score.labels["model"]) == ("e", "t", "other", "m")


def test_a_score_of_the_service(judging: Judging) -> None:
    """Without a call it counts under the service only; true is 1; what is too large is cut, and says so."""
    judging.gauge.score("s", True)
    judging.gauge.score("s", 1e9)
    flag, large = judging.bus.scores
    assert (flag.value, flag.service, flag.labels, flag.event_id) == (1.0, "search", {}, "")
    assert (large.value, large.labels) == (1e6, {"callgauge.mended": "value: cut to the nearest bound"})


@pytest.mark.parametrize(
    ("given", "scores"),
    [
        ({"thumbs": True}, [("thumbs", 1.0)]),
        ({"thumbs": "up"}, [("thumbs", 1.0)]),
        ({"thumbs": False}, [("thumbs", 0.0)]),
        ({"thumbs": "down"}, [("thumbs", 0.0)]),
        ({"thumbs": -1}, [("thumbs", 0.0)]),
        ({"rating": 4}, [("rating", 4.0)]),
        ({"thumbs": "up", "rating": 4.5}, [("thumbs", 1.0), ("rating", 4.5)]),
    ],
)
def test_feedback(judging: Judging, given: dict[str, Any], scores: list[tuple[str, float]]) -> None:
    """Thumbs are 1 and 0, so that their mean is the share of those who liked it; a rating stays as it is."""
    with judging.gauge.call(model="m") as call:
        pass
    assert judging.gauge.feedback(call.ref, comment="thanks", **given)
    assert [(score.name, score.value) for score in judging.bus.scores] == scores
    assert {(score.origin, score.comment, score.event_id) for score in judging.bus.scores} == {
        ("user", "thanks", call.event_id)
    }


def test_an_outcome(judging: Judging) -> None:
    """Is a score of origin business."""
    with judging.gauge.trace("conversation") as span:
        pass
    judging.gauge.outcome("conversion", 1, span.ref)
    score = judging.score
    assert (score.name, score.value, score.origin) == ("conversion", 1.0, "business")
    assert (score.event_id, score.labels["operation"]) == (span.event_id, "chain")


def test_a_breaker(judging: Judging) -> None:
    """A change of state with its labels; states as others write them; one that is not known is `other`."""
    judging.gauge.breaker("openai", "closed", "open", "12 of 20 failed", provider="openai", model=None)
    judging.gauge.breaker("openai", "OPEN", "half-open")
    judging.gauge.breaker("openai", "half_open", "ajar", service="another")
    first, second, third = judging.bus.state_changes
    assert (first.breaker, first.from_state, first.to_state, first.reason) == (
        "openai",
        "closed",
        "open",
        "12 of 20 failed",
    )
    assert (first.service, first.labels) == ("search", {"provider": "openai"})
    assert (second.from_state, second.to_state) == ("open", "half_open")
    assert (third.to_state, third.service) == ("other", "another")
    assert not judging.bus.scores
    assert not judging.bus.calls


def test_what_cannot_be_counted_is_refused(judging: Judging, caplog: pytest.LogCaptureFixture) -> None:
    """Counted, told once per kind, and never raised; what a browser sent is not repeated."""
    gauge, odd = judging.gauge, object()
    anything: Any = [
        lambda: gauge.score("s", 1, "no ref of ours"),
        lambda: gauge.feedback("no ref either", thumbs=True),
        lambda: gauge.outcome("conversion", 1, "1no"),
        lambda: gauge.score("s", float("nan")),
        lambda: gauge.score("s", "good"),  # type: ignore[arg-type]
        lambda: gauge.score("s", 1, odd),  # type: ignore[arg-type]
        lambda: gauge.feedback(None),
        lambda: gauge.feedback(None, thumbs="sideways"),  # type: ignore[arg-type]
        lambda: gauge.feedback(None, thumbs=[]),  # type: ignore[arg-type]
    ]
    for _ in range(2):
        assert {attempt() for attempt in anything} == {""}
    assert gauge.stats.invalid == 2 * len(anything)
    assert not judging.bus.messages
    told = [record.message for record in caplog.records]
    assert len(told) == len({line.partition("(further")[0] for line in told})
    assert any("no ref of a call" in line for line in told)
    assert "no ref either" not in caplog.text


def test_a_full_queue_drops_judgements_too() -> None:
    """And counts them."""
    transport = MemoryTransport(full=True)
    gauge = Gauge(load_settings(service="s", queue_size=2, gauge_heartbeat_s=0.0), transport=transport)
    assert [bool(gauge.score("s", 1)) for _ in range(3)] == [True, True, False]
    assert (gauge.stats.emitted, gauge.stats.dropped) == (2, 1)
    gauge.close(0)


FROM_ELSEWHERE = """
import sys
from callgauge import Gauge, load_settings
from callgauge.testing import MemoryTransport

transport = MemoryTransport()
with Gauge(load_settings(service="web"), transport=transport) as gauge:
    gauge.feedback(sys.argv[1], thumbs="down")
(score,) = transport.scores
print(score.service, score.labels["model"], score.event_id)
"""


def test_feedback_from_another_process(judging: Judging) -> None:
    """It is of the call's service, not of the one that passes it on."""
    with judging.gauge.call(model="m") as call:
        pass
    run = subprocess.run(
        [sys.executable, "-c", FROM_ELSEWHERE, call.ref], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split() == ["search", "m", call.event_id]


def test_a_mark_of_a_change(judging: Judging) -> None:
    """Of the service's own calls unless it says otherwise, from now on unless it says when; on the topic of rules."""
    mine = judging.gauge.mark("gpt-4o -> gpt-4.1", environment="prod", author="ada", url="https://example.com/42")
    everybodys = judging.gauge.mark("new prices", at=900.0, service="")
    judging.gauge.flush()
    first, second = judging.bus.marks
    assert (first.mark_id, first.service, first.labels) == (mine, "search", {"environment": "prod"})
    assert (first.text, first.effective_from, first.author) == ("gpt-4o -> gpt-4.1", 1_000.0, "ada")
    assert (second.mark_id, second.service, second.effective_from) == (everybodys, "", 900.0)
    assert [(each.kind, each.key) for each in judging.bus.messages] == [
        ("rules", f"mark/{mark_id}".encode()) for mark_id in (mine, everybodys)
    ]


def test_a_mark_without_words_is_refused(judging: Judging) -> None:
    """Counted, never raised."""
    assert judging.gauge.mark("") == ""
    assert judging.gauge.stats.invalid == 1
