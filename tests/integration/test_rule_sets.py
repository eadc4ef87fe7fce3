"""Rule sets that are pushed while detect runs: judged by, refused, and the same when the log is read again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from confluent_kafka import Producer

from callgauge.codec import encode, read
from callgauge.schema import Alert, DeadLetter, Progress, RuleSet, SourceProgress, WindowRow
from callgauge.settings import Settings
from callgauge_actions.publish import RuleSetPublisher
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_rules.in_force import in_force
from callgauge_rules.rule_sets import LEAST_AHEAD_MS, RuleBook
from callgauge_rules.rules import load_rules, rules_in
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.rules_topic import RulesTopic
from callgauge_streams.worker.app import describe_origins
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.messages import decode_windows
from tests.brokers import Broker
from tests.integration.test_detect import by_identity, detect, records, told

GROUPINGS = "model@1s"
FIRST = "rules:\n  - {name: old, by: [model], aggregate: calls, lookback: 1s, value: 5}\n"
SECOND = FIRST.replace("old", "new").replace("1s", "20s")


def second(settings: Settings, at_s: int) -> Iterator[tuple[int, bytes]]:
    """Ten calls in the second before `at_s`, and that it is over."""
    row = WindowRow(
        grouping=GROUPINGS, series_id=2, window_start_ms=(at_s - 1) * 1000, window_ms=1000, source="s", block=0,
        epoch="e", n=10, labels={"model": "m"},
    )  # fmt: skip
    yield 0, encode(row)
    done = SourceProgress(source="s", block=0, next_offset=at_s, watermark_ms=at_s * 1000, idle=False)
    yield 0, encode(Progress(worker="w", at_ms=0, sources=[done]))


def _is_past(at_s: float) -> bool:
    return time.time() >= at_s


def expected(settings: Settings) -> list[Alert]:
    """What an engine says that has known all rules from the beginning."""
    book = RuleBook(load_rules(settings.rules_file), parse_groupings(GROUPINGS))
    RulesTopic(settings, book).read()
    engine = Engine(
        in_force(book.since(0)), log=f"{describe_origins(settings).windows}/0", live_from=0, whole=True,
        source_timeout_ms=int(settings.source_timeout_s * 1000),
    )  # fmt: skip
    return [
        alert
        for message in records(settings, settings.topics.windows.name, 0)
        for alert in engine.take(message.offset(), message.timestamp()[1], decode_windows(message.value()))
    ]


def test_pushed_rules_judge_from_their_time_on(
    tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """The first rule fires, a set that cannot be used changes nothing, then the next set ends it and another fires."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(FIRST)
    settings = settings_of(tansu, groupings=GROUPINGS, rules_file=rules, windows_partitions=1, snapshot_s=1.0)
    ensure_topics(settings)
    producer, publisher = Producer(settings.librdkafka()), RuleSetPublisher(settings)
    written = math.floor(time.time())
    publisher.publish(RuleSet(version="bad", effective_from=written, text=FIRST.replace("calls", "cals")))
    publisher.publish(RuleSet(version="good", effective_from=written, text=SECOND, author="ada"))
    at_s, killed = written, False
    with detect(settings, tmp_path / "one.log") as first, detect(settings, tmp_path / "two.log"):
        while at_s < written + LEAST_AHEAD_MS // 1000 + 4:
            assert wait_until(partial(_is_past, at_s + 0.2), 60, poll_s=0.05)
            for partition, value in second(settings, at_s):
                producer.produce(settings.topics.windows.name, value, partition=partition)
            assert producer.flush(30) == 0
            if at_s > written + 6 and not killed:
                first.kill()
                killed = True
            at_s += 1
        wanted = by_identity(expected(settings))
        all_told = wait_until(lambda: by_identity(told(settings)).keys() >= wanted.keys(), 60, poll_s=0.5)
        assert all_told, (tmp_path / "two.log").read_text()
    assert by_identity(told(settings)) == wanted
    ends = [(alert.rule, alert.state, alert.reason) for alert in sorted(wanted.values(), key=lambda each: each.offset)]
    assert ends == [("old", "firing", ""), ("old", "resolved", "the rule was removed"), ("new", "firing", "")]
    letters = [read(DeadLetter, message.value()) for message in records(settings, settings.topics.dead.name, 0)]
    assert {(letter.topic, letter.field) for letter in letters} == {(settings.topics.rules.name, "text")}
    assert "did you mean calls?" in letters[0].reason
    assert rules_in("x", SECOND.encode())
