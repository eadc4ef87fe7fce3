"""A made-up load as messages for the bus, each due when its call ends."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from operator import itemgetter

import msgspec

from callgauge.topics import Topics
from callgauge_load.made.batch import Batch
from callgauge_load.made.messages import call_messages, judged, score_messages
from callgauge_load.made_load import MadeLoad, Play
from callgauge_load.publish import Due

__all__ = ["due_messages"]


def due_messages(load: MadeLoad, play: Play, topics: Topics, speed: float) -> Iterator[Due]:
    """Calls, their scores and changes of breakers, in the order of time.

    Args:
        speed: how many times as fast as the load's own time; 0 means all at once.
    """
    events = (event for batch in play.batches() for event in _events(load, batch, topics))
    changes = (
        (change["ts"], topics.scores.name, change["event_id"].encode(), msgspec.json.encode(change))
        for change in load.changes()
    )
    for at_s, topic, key, value in merge(events, changes, key=itemgetter(0)):
        yield (max(0.0, at_s - load.start_s) / speed if speed else 0.0), topic, key, value


def _events(load: MadeLoad, batch: Batch, topics: Topics) -> Iterator[Due]:
    """Calls and their scores, with the time at which they are sent."""
    scored = judged(batch)
    calls = (
        (at_s, topics.calls.name, key, value)
        for at_s, (key, value) in zip(batch.sent_s.tolist(), call_messages(load.world, batch), strict=True)
    )
    scores = (
        (at_s, topics.scores.name, key, value)
        for at_s, (key, value) in zip(scored.sent_s.tolist(), score_messages(load.world, scored), strict=True)
    )
    return merge(calls, scores, key=itemgetter(0))
