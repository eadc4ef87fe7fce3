"""A load as messages: each when its call ends, its score with it, changes of breakers in between."""

from __future__ import annotations

import numpy as np
import pytest

from callgauge.codec import decode_call, decode_score
from callgauge.topics import Topics
from callgauge_load.incidents.spec import incident_of
from callgauge_load.made.batch import Batch
from callgauge_load.made.world import make_world
from callgauge_load.made_load import MadeLoad
from callgauge_load.paced import end_s
from callgauge_load.publish import Due
from callgauge_load.send import due_messages

TOPICS = Topics()
WORLD = make_world(5, 20.0, 3)
LOAD = MadeLoad(WORLD, 1_700_000_000.0, 300.0, [incident_of("breaker_opens@1m+2m", WORLD, 300.0)])


def sent(speed: float) -> list[Due]:
    return list(due_messages(LOAD, LOAD.play(), TOPICS, speed))


def test_each_is_due_at_its_time() -> None:
    """A call when it ends, in the load's own time; never one before another that is due earlier."""
    messages = sent(1.0)
    due = [each[0] for each in messages]
    assert due == sorted(due)
    calls = [(due_s, decode_call(value)) for due_s, topic, _, value in messages if topic == TOPICS.calls.name]
    assert all(due_s == pytest.approx(end_s(call) - LOAD.start_s, abs=0.01) for due_s, call in calls)
    assert len(calls) == len(Batch.joined(list(LOAD.play().batches())))


def test_scores_come_with_their_calls() -> None:
    """Keyed as they are, so that both are in the same partition; the breakers' changes are among them, in time."""
    scores = [each for each in sent(1.0) if each[1] == TOPICS.scores.name]
    decoded = [(due_s, key, decode_score(value)) for due_s, _, key, value in scores]
    judged = [each for each in decoded if each[2].name == "quality"]
    changes = [each for each in decoded if each[2].name != "quality"]
    assert all(key.decode() == score.call_id for _, key, score in judged)
    assert [due_s for due_s, _, _ in changes] == pytest.approx([score.ts - LOAD.start_s for _, _, score in changes])
    assert changes[0][0] == 60.0
    batch = Batch.joined(list(LOAD.play().batches()))
    assert len(judged) == np.count_nonzero(~np.isnan(batch.quality))


def test_speed_divides_times_only() -> None:
    """Ten times as fast, or all at once: the same messages in the same order."""
    plain, fast, at_once = sent(1.0), sent(10.0), sent(0.0)
    assert [each[1:] for each in plain] == [each[1:] for each in fast] == [each[1:] for each in at_once]
    assert [each[0] for each in fast] == pytest.approx([each[0] / 10 for each in plain])
    assert {each[0] for each in at_once} == {0.0}
