"""The sinks: which topic goes through which decoder and row builder into which tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from callgauge.codec import decode_alert_record, decode_calls, decode_score, decoder_of
from callgauge.errors import SettingError
from callgauge.schema import Content, DeadLetter, Heartbeat
from callgauge.settings import Settings
from callgauge.topics import Topic
from callgauge_sinks.marks import decode_rules, mark_rows
from callgauge_sinks.records import DecodeMany, decode_each
from callgauge_sinks.rows import (
    alert_record_rows,
    call_rows,
    content_rows,
    dead_letter_rows,
    heartbeat_rows,
    score_record_rows,
    stored_offset_rows,
    window_record_rows,
)
from callgauge_sinks.sink import Rows, SinkSpec
from callgauge_windows.messages import decode_windows

__all__ = ["NAMES", "origin_topics", "spec_of"]

NAMES = ("calls", "scores", "content", "heartbeats", "windows", "alerts", "rules", "dead")


def origin_topics(settings: Settings) -> list[str]:
    """The topics whose origins ("cluster id/topic id") the sinks store: all whose records may become dead letters."""
    topics = settings.topics
    events = (topics.calls, topics.scores, topics.content, topics.heartbeats)
    return [topic.name for topic in (*events, topics.windows, topics.alerts, topics.rules)]


def spec_of(name: str, settings: Settings, origins: Mapping[str, str] | None = None) -> SinkSpec:
    """The sink called `name`, set up by the settings.

    Args:
        origins: topic -> "cluster id/topic id"; without it the topic's rows name no source.

    Raises:
        SettingError: there is no such sink.
    """
    topics = settings.topics
    calls_origin, scores_origin = ((origins or {}).get(topic.name, "") for topic in (topics.calls, topics.scores))
    # For the topics that rollup counts, the sink stores how far it is, so that `callgauge completeness` can compare.
    marked = {name: origin for name, origin in {"calls": calls_origin, "scores": scores_origin}.items() if origin}
    sources: dict[str, tuple[Topic, DecodeMany, Rows]] = {
        "calls": (topics.calls, decode_calls, partial(call_rows, origin=calls_origin)),
        "scores": (topics.scores, decode_each(decode_score), partial(score_record_rows, origin=scores_origin)),
        "content": (topics.content, decode_each(decoder_of(Content)), content_rows),
        "heartbeats": (topics.heartbeats, decode_each(decoder_of(Heartbeat)), heartbeat_rows),
        "windows": (topics.windows, decode_each(decode_windows), window_record_rows),
        "alerts": (topics.alerts, decode_each(decode_alert_record), alert_record_rows),
        "rules": (topics.rules, decode_each(decode_rules), mark_rows),
        "dead": (topics.dead, decode_each(decoder_of(DeadLetter)), partial(dead_letter_rows, origins=origins)),
    }
    if name not in sources:
        raise SettingError(f"there is no sink {name!r}; there are {', '.join(NAMES)}")
    topic, decode, rows = sources[name]
    return SinkSpec(
        name=name,
        topic=topic.name,
        decode=decode,
        rows=rows,
        marks=partial(stored_offset_rows, sink=name, origin=marked[name]) if name in marked else None,
        batch_rows=settings.sink_batch_rows,
        batch_s=settings.sink_batch_s,
        is_private=name == "content",
        dead_letter_share=settings.dead_letter_share if name == "calls" else 1.0,
    )
