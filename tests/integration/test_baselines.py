"""Baselines on a real rules topic, beside rule sets and marks: the newest of a kind is read, and detect goes on."""

from __future__ import annotations

from confluent_kafka import Producer

from callgauge.codec import encode
from callgauge.schema import Baseline, CountedShare, Mark
from callgauge.settings import Settings
from callgauge_actions.publish import BaselinePublisher
from callgauge_deploy.baselines import last_mark, pinned, read_rules_topic
from callgauge_history.quality_figures import Kind
from callgauge_rules.rule_sets import RuleBook
from callgauge_rules.rules import load_rules
from callgauge_streams.detect.rules_topic import RulesTopic
from callgauge_windows.grouping import parse_groupings


def baseline(calls: int, model: str = "m") -> Baseline:
    shares = {"refusal": CountedShare(n=calls, above_zero=1)}
    return Baseline(
        service="chat", model=model, since=1.0, until=2.0, shares=shares, calls=calls, tokens={"zero": calls}
    )


def test_the_newest_baseline_is_read(tansu_settings: Settings) -> None:
    """Of its kind; what cannot be read is passed over."""
    publisher = BaselinePublisher(tansu_settings)
    for each in (baseline(1), baseline(2), baseline(3, model="other")):
        publisher.publish(each)
    producer = Producer(tansu_settings.librdkafka())
    mark = Mark(mark_id="1", effective_from=5.0, text="v2", service="chat", labels={"model": "m"})
    for key, value in (("mark", encode(mark)), ("odd", b"{")):
        producer.produce(tansu_settings.topics.rules.name, value, key)
    assert producer.flush(20) == 0
    found, marks = read_rules_topic(tansu_settings)
    assert pinned(found, Kind("chat", "m")) == baseline(2)
    assert pinned(found, Kind("chat")) is None
    assert last_mark(marks, Kind("chat", "m"), 6.0) == mark
    assert last_mark(marks, Kind("chat", "n"), 6.0) is None
    assert last_mark(marks, Kind("chat", "m"), 5.0) is None


def test_detect_passes_over_baselines(tansu_settings: Settings) -> None:
    """They are no rules, and no mistake."""
    BaselinePublisher(tansu_settings).publish(baseline(1))
    groupings = parse_groupings(tansu_settings.groupings)
    book = RuleBook(load_rules(None), groupings)
    topic = RulesTopic(tansu_settings, book)
    try:
        assert topic.read() == []
    finally:
        topic.close()
