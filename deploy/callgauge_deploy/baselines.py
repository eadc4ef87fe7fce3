"""Reads the rules topic for what quality is compared with: pinned baselines, and deploy marks."""

from __future__ import annotations

from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from callgauge.codec import decode_rules_record
from callgauge.errors import DecodeError
from callgauge.schema import Baseline, CountedShare, Mark
from callgauge.settings import Settings
from callgauge_history.quality_figures import Kind
from callgauge_streams.bus.reader import next_message, open_reader

__all__ = ["last_mark", "pinned", "read_rules_topic"]


def read_rules_topic(settings: Settings) -> tuple[list[Any], list[Any]]:
    """All baselines and all marks, in the order they were written. What cannot be read is passed over."""
    topic, baselines, marks = settings.topics.rules.name, list[Any](), list[Any]()
    with open_reader(settings) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        while message := next_message(consumer, f"{topic}/0"):
            try:
                record = decode_rules_record(message.value())
            except DecodeError:
                continue
            if record.kind == "baseline":
                baselines.append(record)
            elif record.kind == "mark":
                marks.append(record)
    return baselines, marks


def pinned(baselines: list[Any], kind: Kind) -> Baseline | None:
    """The newest baseline of this kind."""
    wanted = (kind.service, kind.model, kind.prompt_version)
    found = [each for each in baselines if (each.service, each.model, each.prompt_version) == wanted]
    if not found:
        return None
    newest = found[-1]
    fields = {name: getattr(newest, name) for name in Baseline.model_fields}
    shares = {name: CountedShare(n=share.n, above_zero=share.above_zero) for name, share in newest.shares.items()}
    return Baseline(**fields | {"shares": shares})


def last_mark(marks: list[Any], kind: Kind, before: float) -> Mark | None:
    """The last thing that was changed of this kind, before a time."""

    def concerns(mark: Any) -> bool:
        mine = {"model": kind.model, "prompt_version": kind.prompt_version}
        others = any(value and mark.labels.get(name, value) != value for name, value in mine.items())
        return mark.service in ("", kind.service) and not others and mark.effective_from < before

    found = sorted((mark for mark in marks if concerns(mark)), key=lambda mark: mark.effective_from)
    return Mark(**{name: getattr(found[-1], name) for name in Mark.model_fields}) if found else None
